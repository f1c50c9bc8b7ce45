"""Lazy reading of image files, part by part: TIFF, zarr and OME-Zarr."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, cast

import tifffile

from napari_dsc.errors import DSCError, InvalidImageError
from napari_dsc.files.ome_zarr import check_level, is_zarr, open_zarr
from napari_dsc.files.raw import reason_of
from napari_dsc.files.tiff import (
    check_pages,
    describe_tiff,
    image_series,
    needs_conversion,
    silent_tifffile,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np

    from napari_dsc.files.raw import RawImage


@contextlib.contextmanager
def open_lazily(path: Path, level: int) -> Iterator[RawImage]:
    """Open a TIFF file, or a folder of zarr or OME-Zarr, without reading its pixels.

    Parameters
    ----------
    path : Path
        The file or folder.
    level : int
        Level of a pyramid; 0 is the finest.

    Yields
    ------
    image : RawImage
        Image with a zarr array as its pixels, readable within the block.

    Raises
    ------
    InvalidImageError
        If it is missing, damaged or of another format, or is a TIFF whose colors are not RGB.
    InvalidParameterError
        If the level does not exist.
    """
    with contextlib.ExitStack() as opened:
        opened.enter_context(silent_tifffile())
        if is_zarr(path):
            raw = open_zarr(path, level)
        else:
            try:
                file = opened.enter_context(tifffile.TiffFile(path))
                raw = _open_tiff(path, file, level)
            except DSCError:
                raise
            except Exception as error:  # damaged bytes lead to errors of any type
                raise InvalidImageError(
                    f"{path}: cannot be opened as TIFF or zarr ({reason_of(error)})"
                ) from error
        yield raw


def _open_tiff(path: Path, file: tifffile.TiffFile, level: int) -> RawImage:
    import zarr  # loaded only for lazy files

    series = image_series(file)
    check_level(path.name, level, series.levels)
    check_pages(path, series.levels[level])
    if needs_conversion(series):
        raise InvalidImageError(
            f"{path}: colors are not RGB, expected gray or RGB for tiles; convert the image"
        )
    array = zarr.open(series.aszarr(level=level), mode="r")
    raw = describe_tiff(file, series, cast("np.ndarray", array))
    if not raw.spacing or not level:
        return raw
    shrinkage = series.levels[0].keyframe.imagewidth / series.levels[level].keyframe.imagewidth
    spatial = [axis for axis in raw.axes or "YX" if axis in "ZYX"]
    steps = [shrinkage if axis in "YX" else 1.0 for axis in spatial]
    starts = raw.translation or (0.0,) * len(steps)
    # the first pixel of a level covers several of the finest, and lies in the middle of them
    moved = zip(starts, raw.spacing, steps, strict=True)
    return raw._replace(
        spacing=tuple(size * step for size, step in zip(raw.spacing, steps, strict=True)),
        translation=tuple(start + size * (step - 1) / 2 for start, size, step in moved),
    )
