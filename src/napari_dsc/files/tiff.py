"""Reading of TIFF files: which image of a file, its pixels, axes, channels and pixel size."""

from __future__ import annotations

import contextlib
import logging
import math
from typing import TYPE_CHECKING, Any

import imageio.v3 as iio
import numpy as np
import tifffile

from napari_dsc.errors import InvalidImageError
from napari_dsc.files.calibration import calibration_of, own_series, stored_record
from napari_dsc.files.raw import RawImage, check_memory
from napari_dsc.files.units import known_sizes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# values of the photometric tag
_PALETTE, _RGB, _YCBCR = 3, 2, 6
_OTHER_COLORS = (5, _YCBCR, 8, 9, 10)  # CMYK, YCbCr, and three kinds of CIELab
_JPEG = 7  # value of the compression tag
_ALPHA = (1, 2)  # values of the tag ExtraSamples that mean opacity
_GDAL_NODATA = 42113  # private tag, a number as text
# pixels of a tile, 8192 x 8192, that may be larger than its image
LARGEST_TILE = 2**26
NEEDS_IMAGECODECS = (
    "this TIFF compression needs the package imagecodecs; run: pip install imagecodecs"
)


def read_tiff(path: Path) -> RawImage:
    """Read the image of a TIFF, OME-TIFF or ImageJ TIFF file.

    Parameters
    ----------
    path : Path
        An existing file. A damaged file may raise any exception of the decoders.

    Returns
    -------
    image : RawImage
        See `image_series` and `describe_tiff`.

    Raises
    ------
    InvalidImageError
        If its compression needs a package that is not installed.
    ComputationError
        If its pixels do not fit into memory.
    """
    with tifffile.TiffFile(path) as file:
        series = image_series(file)
        check_pages(path, series)
        check_memory(path, series.nbytes)
        if not needs_conversion(series):
            return describe_tiff(file, series, _pixels(path, series))
        colors = _by_pillow(series, "RGB")
        axes = "".join(axis for axis in series.axes if axis not in "SCYX") + "YXC"
        raw = describe_tiff(file, series, colors)
        notes = (*raw.notes, "colors converted to RGB")
        return raw._replace(axes=axes, has_alpha=False, notes=notes)


def image_series(file: tifffile.TiffFile) -> tifffile.TiffPageSeries:
    """Series of the image: not that of another file of an OME set, and no thumbnail.

    Parameters
    ----------
    file : TiffFile
        Open file.

    Returns
    -------
    series : TiffPageSeries
        The first that has pixels in this file, is not marked as a reduced image, and is not
        the same picture as a larger one.
    """
    len(file.pages)  # finds the end of a chain of pages that leads back; `series` does not
    found = own_series(file)
    if not file.series:
        raise tifffile.TiffFileError("no image in it")
    found = [one for one in found if not one.keyframe.is_reduced] or found or file.series
    if file.is_ome:
        return found[0]
    return next(one for one in found if not any(_is_thumbnail(one, other) for other in found))


def _is_thumbnail(series: tifffile.TiffPageSeries, other: tifffile.TiffPageSeries) -> bool:
    """Whether a series has the aspect of a larger one, and as many pages."""
    small, large = series.keyframe, other.keyframe
    shrinkage = large.imagewidth / small.imagewidth
    expected = large.imagelength / shrinkage
    return (
        shrinkage >= 2
        and abs(small.imagelength - expected) <= 1
        and small.samplesperpixel == large.samplesperpixel
        and len(series) == len(other)
    )


def needs_conversion(series: tifffile.TiffPageSeries) -> bool:
    """Whether the colors of a series are not gray or RGB, even once they are decoded."""
    page: Any = series.keyframe
    is_decoded = page.photometric == _YCBCR and page.compression == _JPEG
    return page.photometric in _OTHER_COLORS and not is_decoded


def check_pages(path: Path, series: tifffile.TiffPageSeries) -> None:
    """Refuse an image most of which is missing, for which tifffile gives zeros.

    Raises
    ------
    InvalidImageError
        If most planes of an OME image are missing, or the positions of tiles in the file; or
        if tiles are absurdly large, because tifffile makes room for one to fill it.
    """
    page: Any = series.keyframe
    n_planes = sum(one is not None for one in series)
    if 2 * n_planes < len(series):
        raise InvalidImageError(
            f"{path}: has {n_planes} of {len(series)} planes, the others are missing; put all "
            "files of the image into one folder"
        )
    n_pixels = page.imagelength * page.imagewidth
    if page.is_tiled and page.tilelength * page.tilewidth > max(LARGEST_TILE, 4 * n_pixels):
        raise InvalidImageError(
            f"{path}: is damaged, it has tiles of {page.tilelength} x {page.tilewidth} pixels "
            f"for an image of {page.imagelength} x {page.imagewidth}"
        )
    n_parts, n_expected = len(page.dataoffsets), math.prod(page.chunked)
    if n_parts < n_expected:
        raise InvalidImageError(
            f"{path}: is damaged, it gives the positions of {n_parts} of {n_expected} tiles or "
            "strips"
        )


def describe_tiff(
    file: tifffile.TiffFile, series: tifffile.TiffPageSeries, pixels: np.ndarray
) -> RawImage:
    """Image from the pixels of a series and the metadata of the file.

    Parameters
    ----------
    file : TiffFile
        Open file.
    series : TiffPageSeries
        One of its series.
    pixels : array
        Pixels of the series.

    Returns
    -------
    image : RawImage
        Axes and pixel size are from OME or ImageJ metadata, from a record of napari-dsc, or
        from the tags.
    """
    page: Any = series.keyframe
    notes: tuple[str, ...] = ()
    if len(file.series) > 1:
        number = file.series.index(series) + 1
        which = "the first" if number == 1 else f"number {number}"
        notes += (f"only {which} of {len(file.series)} images is used",)
    n_missing = sum(one is None for one in series) if file.is_ome else 0
    if n_missing:
        notes += (f"{n_missing} of {len(series)} planes are missing and read as 0",)
    if page.photometric == _PALETTE:  # microscopes store intensities with a display palette
        notes += ("palette not applied",)
    axes = series.axes.replace("S", "C")
    if not set(axes) <= set("TZCYX") or len(set(axes)) < len(axes):
        axes = ""
    spatial = [axis for axis in axes or "YX" if axis in "ZYX"]
    sizes, starts, unit = calibration_of(file, series)
    spacing = known_sizes(sizes, spatial)
    translation = tuple(starts.get(axis, 0.0) for axis in spatial) if starts else ()
    return RawImage(
        pixels,
        axes,
        spacing,
        unit if spacing else "",
        _has_alpha(page),
        notes,
        translation=translation if spacing else (),
        nodata=_nodata(page),
    )


def read_record(path: Path) -> dict[str, object]:
    """Read the record in a TIFF that napari-dsc wrote.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    record : dict
        The record, with ``shape``, ``spacing`` and ``unit`` of the image.

    Raises
    ------
    ValueError
        If the file is not a TIFF, or has no record of a run.
    OSError
        If the file cannot be read.
    """
    try:
        with silent_tifffile(), tifffile.TiffFile(path) as file:
            record = stored_record(file)
    except OSError:
        raise
    except Exception as error:  # damaged bytes lead to errors of any type
        raise ValueError(str(error)) from error
    if "parameters" not in record:
        raise ValueError("the TIFF holds no record of napari-dsc")
    return record


@contextlib.contextmanager
def silent_tifffile() -> Iterator[None]:
    """Keep log messages of tifffile from the user; its errors are still raised."""
    logger = logging.getLogger("tifffile")
    refuse = logging.Filter("another logger")  # lets only those of this name pass
    logger.addFilter(refuse)
    try:
        yield
    finally:
        logger.removeFilter(refuse)


def needs_imagecodecs(error: BaseException) -> bool:
    """Whether an error of tifffile means that the package imagecodecs is missing."""
    is_import = isinstance(error, ImportError)  # zstd, which tifffile looks for in Python 3.14
    return is_import or "imagecodecs" in str(error)


def _pixels(path: Path, series: tifffile.TiffPageSeries) -> np.ndarray:
    """Pixels by tifffile, else by Pillow, which has more decoders, if that loses nothing."""
    try:
        return np.asarray(series.asarray())
    except (ValueError, ImportError) as error:
        if not needs_imagecodecs(error):
            raise
        with contextlib.suppress(Exception):  # the error of tifffile is more helpful
            pixels = _by_pillow(series, "RGB" if series.keyframe.photometric == _YCBCR else "")
            if pixels.shape == series.shape and pixels.dtype == series.dtype:
                return pixels
        raise InvalidImageError(f"{path}: {NEEDS_IMAGECODECS}") from error


def _by_pillow(series: tifffile.TiffPageSeries, mode: str) -> np.ndarray:
    """Pixels of all pages by Pillow, in a color mode."""
    frames = []
    for page in series:
        if page is None:
            raise ValueError("a plane is missing")
        path = page.parent.filehandle.path
        frames.append(iio.imread(path, plugin="pillow", index=page.index, mode=mode or None))
    sizes = zip(series.axes, series.shape, strict=True)
    leading = [size for axis, size in sizes if axis not in "SYX"]
    return np.stack(frames).reshape(*leading, *frames[0].shape)


def _has_alpha(page: tifffile.TiffPage) -> bool | None:
    """Whether the last sample is opacity; None for RGB and a fourth that nothing explains."""
    if not page.extrasamples and page.photometric == _RGB:
        return None
    return page.extrasamples[-1:] in {(kind,) for kind in _ALPHA}


def _nodata(page: tifffile.TiffPage) -> float | None:
    try:
        return float(page.tags[_GDAL_NODATA].value)
    except (KeyError, TypeError, ValueError):
        return None
