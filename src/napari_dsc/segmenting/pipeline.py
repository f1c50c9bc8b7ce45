"""The method as one straight line: image, smoothed image, superpixels, segments."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypedDict

from napari_dsc.images import Image, to_label_image
from napari_dsc.layers import is_image_layer
from napari_dsc.params import CutParams, ImageParams, TreeParams
from napari_dsc.segmenting.frames import Frames
from napari_dsc.segmenting.run import Run
from napari_dsc.segmenting.series import open_series, pieces_to_cut, segment_series
from napari_dsc.segmenting.tree import segment_by_tree, tree_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Unpack

    import numpy as np
    from numpy.typing import ArrayLike

    from napari_dsc.hierarchy.tree import MergeTree
    from napari_dsc.params import SuperpixelParams
    from napari_dsc.segmenting.results import Segmentation, Step


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
    method: str
    tree_params: TreeParams
    superpixels: ArrayLike
    scribbles: ArrayLike


def smooth(image: ArrayLike | str | Path, **options: Unpack[SmoothOptions]) -> np.ndarray:
    """Smooth an image by SuperAE.

    Parameters
    ----------
    image : array or path
        Image or time series, see `Run`.
    **options
        ``axes``, ``spacing``, ``channels``, ``weights``, ``device``, ``image_params``, see
        `Run`.

    Returns
    -------
    smoothed : array
        In layout, type and intensity units of the image.
    """
    if is_image_layer(image):
        run = Run(image, **options)
        return run.image.restore(run.smoothed)
    return Frames(open_series(image, options), **options).smoothed()


def over_segment(
    image: ArrayLike | str | Path, **options: Unpack[OverSegmentOptions]
) -> np.ndarray:
    """Superpixels of an image, made from itself unless told otherwise.

    Parameters
    ----------
    image : array or path
        Image or time series, see `Run`; superpixels of a series are as many in each frame as
        asked for, and numbered on from frame to frame.
    **options
        ``axes``, ``spacing``, ``channels``, ``weights``, ``device``, ``image_params``,
        ``superpixel_params``, see `Run`.

    Returns
    -------
    superpixels : S uint8, uint16 or uint32 array
        Labels from 1, each one connected region in one frame.
    """
    if is_image_layer(image):
        run = Run(image, **options)
        return to_label_image(run.image.restore_labels(run.superpixels))
    return Frames(open_series(image, options), **options).superpixels()


def iter_segment(
    image: ArrayLike | str | Path, **options: Unpack[RunOptions]
) -> Iterator[Step]:
    """Segment an image by the cut, yielding each step.

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
    if options.get("method") == "tree":
        return segment_by_tree(Run(image, **options))
    if is_image_layer(image):
        return _cut(Run(image, **options))
    series = open_series(image, options)
    pieces = pieces_to_cut(series, options.get("cut_params", CutParams()))
    if len(pieces.frames) > 1:
        return segment_series(pieces, **options)
    return _cut(Run(series.frames[0], **options))


def _cut(run: Run) -> Segmentation:
    for step in run.iter_steps():
        last = step
    return run.result(last)


def merge_tree(
    image: ArrayLike | Image | str | Path,
    *,
    axes: str = "",
    image_params: ImageParams = ImageParams(),
    tree_params: TreeParams = TreeParams(),
) -> MergeTree:
    """Regions of an image at every granularity, without training or labels.

    Parameters
    ----------
    image : array, path or napari Image layer
        Image, see `Run`.
    axes : str
        Axes of the array as letters, see `Run`.
    image_params : ImageParams
        How intensities are normalized.
    tree_params : TreeParams
        How the tree is made.

    Returns
    -------
    tree : MergeTree
        Cut it with `MergeTree.cut`, as often as needed.

    Raises
    ------
    InvalidImageError
        If the image cannot be used.
    InvalidParameterError
        If a parameter is none of these classes, or `axes` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((32, 48), np.uint8)
    >>> image[:, 24:] = 200
    >>> tree = merge_tree(image)
    >>> np.unique(tree.cut(n_regions=2)[:, [0, -1]], axis=0)
    array([[1, 2]], dtype=uint8)
    """
    run = Run(image, axes=axes, image_params=image_params, tree_params=tree_params)
    return dataclasses.replace(run.tree, record=tree_record(run, tree_params))
