"""The method as one straight line: image, smoothed image, superpixels, segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from napari_dsc.images import to_label_image
from napari_dsc.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Unpack

    import numpy as np
    from numpy.typing import ArrayLike

    from napari_dsc.params import CutParams, ImageParams, SuperpixelParams
    from napari_dsc.results import Segmentation, Step


class SmoothOptions(TypedDict, total=False):
    """Keyword arguments of `smooth`; see `Run`."""

    axes: str
    spacing: Sequence[float]
    channels: Sequence[int]
    weights: str | Path
    device: str
    image_params: ImageParams


class OverSegmentOptions(SmoothOptions, total=False):
    """Keyword arguments of `over_segment`; see `Run`."""

    superpixel_params: SuperpixelParams


class RunOptions(OverSegmentOptions, total=False):
    """Keyword arguments of `segment` and `iter_segment`; see `Run`."""

    cut_params: CutParams
    superpixels: ArrayLike
    scribbles: ArrayLike


def smooth(image: ArrayLike | str | Path, **options: Unpack[SmoothOptions]) -> np.ndarray:
    """Smooth an image by SuperAE.

    Parameters
    ----------
    image : array or path
        Image, see `Run`.
    **options
        ``axes``, ``spacing``, ``channels``, ``weights``, ``device``, ``image_params``, see
        `Run`.

    Returns
    -------
    smoothed : array
        In layout, type and intensity units of the image.
    """
    run = Run(image, **options)
    return run.image.restore(run.smoothed)


def over_segment(
    image: ArrayLike | str | Path, **options: Unpack[OverSegmentOptions]
) -> np.ndarray:
    """Superpixels of an image, made from its smoothed version unless told otherwise.

    Parameters
    ----------
    image : array or path
        Image, see `Run`.
    **options
        ``axes``, ``spacing``, ``channels``, ``weights``, ``device``, ``image_params``,
        ``superpixel_params``, see `Run`.

    Returns
    -------
    superpixels : S uint8, uint16 or uint32 array
        Labels from 1, each one connected region.
    """
    run = Run(image, **options)
    return to_label_image(run.image.restore_labels(run.superpixels))


def iter_segment(
    image: ArrayLike | str | Path, **options: Unpack[RunOptions]
) -> Iterator[Step]:
    """Segment an image, yielding each step of the cut.

    Parameters
    ----------
    image : array or path
        Image, see `Run`.
    **options
        Keyword arguments of `Run`.

    Yields
    ------
    step : Step
        After each iteration.
    """
    yield from Run(image, **options).iter_steps()


def segment(image: ArrayLike | str | Path, **options: Unpack[RunOptions]) -> Segmentation:
    """Segment an image.

    Parameters
    ----------
    image : array or path
        Image, see `Run`.
    **options
        Keyword arguments of `Run`.

    Returns
    -------
    segmentation : Segmentation
        Labels, superpixels, smoothed image and the record of the run.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_dsc import CutParams, SuperpixelParams
    >>> image = np.zeros((16, 24), np.uint8)
    >>> image[:, 12:] = 200
    >>> result = segment(
    ...     image,
    ...     superpixel_params=SuperpixelParams(n_superpixels=6),
    ...     cut_params=CutParams(n_iterations=2),
    ... )
    >>> result.labels.shape
    (16, 24)
    """
    run = Run(image, **options)
    for step in run.iter_steps():
        last = step
    return run.result(last)
