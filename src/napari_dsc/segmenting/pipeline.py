"""The method as one straight line: image, smoothed image, superpixels, segments."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from napari_dsc.files.ownership import refuse_overlap
from napari_dsc.hierarchy.tree import MergeTree
from napari_dsc.large.source import LazyArray
from napari_dsc.large.writers import check_large_output
from napari_dsc.machine.progress import exhausted
from napari_dsc.records.record import Record
from napari_dsc.segmenting import joint, segmenter, series, tree
from napari_dsc.segmenting.pieces import Tiles, open_pieces
from napari_dsc.segmenting.results import Segmentation
from napari_dsc.segmenting.run import Run
from napari_dsc.segmenting.settings import Settings, changed
from napari_dsc.segmenting.steps import Step


def smooth(
    image: ArrayLike | str | Path, settings: Settings = Settings(), **changes: Any
) -> np.ndarray:
    """Smooth an image by SuperAE.

    Parameters
    ----------
    image : array, path or napari Image layer
        Image or time series, see `Run`.
    settings : Settings
        How the image is read and normalized, the weights and the device.
    **changes
        Fields of `Settings` that replace those of `settings`.

    Returns
    -------
    smoothed : array
        In layout, type and intensity units of the image.
    """
    return exhausted(series.whole_run(image, changed(settings, changes)).iter_smoothed())


def over_segment(
    image: ArrayLike | str | Path, settings: Settings = Settings(), **changes: Any
) -> np.ndarray:
    """Superpixels of an image, made from itself unless the settings say otherwise.

    Parameters
    ----------
    image : array, path or napari Image layer
        Image or time series, see `Run`; each frame of a series has as many superpixels as
        asked for, numbered on from frame to frame.
    settings : Settings
        How the image is read and superpixels are made.
    **changes
        Fields of `Settings` that replace those of `settings`.

    Returns
    -------
    superpixels : S uint8, uint16 or uint32 array
        Labels from 1, each one connected region in one frame.
    """
    return exhausted(series.whole_run(image, changed(settings, changes)).iter_superpixels())


def iter_segment(
    image: ArrayLike | str | Path,
    settings: Settings = Settings(),
    *,
    superpixels: ArrayLike | None = None,
    scribbles: ArrayLike | None = None,
    **changes: Any,
) -> Iterator[Step]:
    """Segment an image by the cut, yielding each step.

    Parameters
    ----------
    image, settings, superpixels, scribbles, **changes
        As `Run` takes them.

    Yields
    ------
    step : Step
        After each iteration.
    """
    run = Run(image, settings, superpixels=superpixels, scribbles=scribbles, **changes)
    yield from run.iter_steps()


def segment(
    image: ArrayLike | str | Path,
    settings: Settings = Settings(),
    *,
    superpixels: ArrayLike | None = None,
    scribbles: ArrayLike | None = None,
    **changes: Any,
) -> Segmentation:
    """Segment an image, a stack or a time series.

    Parameters
    ----------
    image : array, path or napari Image layer
        Image or time series, see `Run`.
    settings : Settings
        Everything that decides the labels.
    superpixels, scribbles : S int array, optional
        See `Run`; for a single image.
    **changes
        Fields of `Settings` that replace those of `settings`.

    Returns
    -------
    segmentation : Segmentation
        Labels, superpixels, smoothed image and the record of the run.

    Raises
    ------
    DSCError
        If the image or the settings cannot be used.

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
    settings = changed(settings, changes)
    pieces = open_pieces(image, settings).given(superpixels, scribbles)
    result: Segmentation = exhausted(segmenter.iter_segmentation(pieces, settings))
    return result


def segment_large(
    image: LazyArray | Sequence[LazyArray] | str | Path,
    output: str | Path,
    settings: Settings = Settings(),
    *,
    overwrite: bool = False,
    **changes: Any,
) -> Record:
    """Segment an image that does not fit into memory, tile by tile.

    Parameters
    ----------
    image : lazy array, sequence of them, or path
        A dask, zarr or NumPy array, the levels of a pyramid, a TIFF file, or a folder of
        zarr or OME-Zarr.
    output : path
        ``.ome.zarr`` for a pyramid of labels, ``.tif`` for a tiled BigTIFF.
    settings : Settings
        Everything that decides the labels. ``n_superpixels`` counts for the whole image.
    overwrite : bool
        Whether an output that napari-dsc wrote is replaced.
    **changes
        Fields of `Settings` that replace those of `settings`.

    Returns
    -------
    record : dict
        How the labels were made, as it stands in the output.

    Raises
    ------
    DSCError
        If the image, the settings or the output do not allow it.
    """
    path = Path(output)
    if isinstance(image, str | Path):
        image = Path(image)
        refuse_overlap([image], [path])
    check_large_output(path, overwrite=overwrite)
    settings = changed(settings, changes)
    record: Record = exhausted(segmenter.iter_segmentation(Tiles(image, path), settings))
    return record


def iter_joint(
    images: Sequence[ArrayLike | str | Path], settings: Settings = Settings(), **changes: Any
) -> Iterator[Segmentation]:
    """Segment many images into common classes, by one network that learns from all of them.

    Parameters
    ----------
    images : sequence of array or path
        As `Run` takes them; of any size, with one number of channels. Files are read when
        they are needed, so that thousands do not fill the memory. The frames of a time
        series count as images.
    settings : Settings
        Everything that decides the labels; percentiles are those of all images together.
    **changes
        Fields of `Settings` that replace those of `settings`.

    Yields
    ------
    segmentation : Segmentation
        One for each image, in their order. Class k is the same in all.

    Raises
    ------
    DSCError
        If one of the images or settings cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_dsc import CutParams, SuperpixelParams
    >>> image = np.zeros((16, 24), np.uint8)
    >>> image[:, 12:] = 200
    >>> first, second = iter_joint(
    ...     [image, image[:, ::-1]],
    ...     superpixel_params=SuperpixelParams(n_superpixels=6),
    ...     cut_params=CutParams(n_iterations=2),
    ... )
    >>> first.record["joint"]["n_images"]
    2
    """
    settings = changed(settings, changes)
    named = [Path(one) if isinstance(one, str) else one for one in images]
    files = joint.Files(named, settings)
    for progress in segmenter.iter_segmentation(files, settings):
        if isinstance(progress.step, Exception):
            raise progress.step
        if isinstance(progress.step, Segmentation):
            yield progress.step


def merge_tree(
    image: ArrayLike | str | Path, settings: Settings = Settings(), **changes: Any
) -> MergeTree:
    """Regions of an image at every granularity, without training or labels.

    Parameters
    ----------
    image : array, path or napari Image layer
        Image, see `Run`.
    settings : Settings
        How the image is read and the tree is made.
    **changes
        Fields of `Settings` that replace those of `settings`.

    Returns
    -------
    tree : MergeTree
        Cut it with `MergeTree.cut`, as often as needed.

    Raises
    ------
    InvalidImageError
        If the image cannot be used, or is a time series.
    InvalidParameterError
        If a setting has the wrong type, or does not fit the image.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((32, 48), np.uint8)
    >>> image[:, 24:] = 200
    >>> tree = merge_tree(image)
    >>> np.unique(tree.cut(n_regions=2)[:, [0, -1]], axis=0)
    array([[1, 2]], dtype=uint8)
    """
    run = Run(image, settings, **changes)
    return dataclasses.replace(run.tree, record=tree.tree_record(run, run.settings.tree_params))
