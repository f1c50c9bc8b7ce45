"""Time series, and planes that are cut one by one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from napari_dsc.images import Image, ImageSeries, choose_normalization, load_series
from napari_dsc.params import ImageParams
from napari_dsc.segmenting.frames import Frames

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    import numpy as np
    from numpy.typing import ArrayLike

    from napari_dsc.files import RawImage
    from napari_dsc.images import Normalization
    from napari_dsc.params import CutParams
    from napari_dsc.segmenting.frames import SeriesStep
    from napari_dsc.segmenting.results import Segmentation

T = TypeVar("T")


def pieces_to_cut(series: ImageSeries, params: CutParams) -> ImageSeries:
    """What the cut takes one by one: frames, or planes that are to be cut apart.

    Parameters
    ----------
    series : ImageSeries
        Images as they were read.
    params : CutParams
        Its `series` says whether planes are cut apart.

    Returns
    -------
    pieces : ImageSeries
        The same, or the planes of its only stack.
    """
    image = series.frames[0]
    is_stack = len(series.frames) == 1 and "Z" in image.axes
    return image.planes() if is_stack and params.series == "apart" else series


def segment_series(series: ImageSeries, **options: Any) -> Segmentation:
    """Segment every image of a series.

    Parameters
    ----------
    series : ImageSeries
        As `pieces_to_cut` gives it.
    **options
        Keyword arguments of `Run`; superpixels are as many in each image as asked for.

    Returns
    -------
    segmentation : Segmentation
        In the shape of the original. Superpixels, and labels where regions were asked for,
        are numbered on from image to image.
    """
    return last_of(iter_series(series, **options))


def iter_series(
    series: ImageSeries, **options: Any
) -> Generator[SeriesStep, None, Segmentation]:
    """Segment every image of a series, step by step.

    Parameters
    ----------
    series, **options
        As `segment_series` takes them.

    Yields
    ------
    step : SeriesStep
        After each image and each iteration; closing the generator ends the run.

    Returns
    -------
    segmentation : Segmentation
        As `segment_series` gives it.
    """
    frames = Frames(series, keep_smoothed=True, **options)
    return frames.segmentation((yield from frames.iter_classes()))


def open_series(
    image: ArrayLike | Image | RawImage | str | Path,
    options: Mapping[str, Any],
    choose: Callable[[np.ndarray, ImageParams], Normalization] = choose_normalization,
) -> ImageSeries:
    """Read an image as the options of a run say.

    Parameters
    ----------
    image : array, Image, RawImage or path
        As `Run` takes it, but for layers; also a time series.
    options : mapping
        Keyword arguments of `Run`.
    choose : callable
        Finds the intensities that become 0 and 1, see `choose_normalization`.

    Returns
    -------
    series : ImageSeries
        Its frames; a single one if the image has no time.
    """
    if isinstance(image, Image):
        return ImageSeries((image,), image.axes)
    return load_series(
        Path(image) if isinstance(image, str) else image,
        options.get("axes", ""),
        options.get("image_params", ImageParams()),
        spacing=options.get("spacing", ()),
        channels=options.get("channels", ()),
        choose=choose,
    )


def last_of(steps: Generator[object, None, T]) -> T:
    """Run a generator to its end.

    Parameters
    ----------
    steps : generator
        What it yields is passed over.

    Returns
    -------
    value : object
        What it returns.
    """
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: T = end.value
            return value
