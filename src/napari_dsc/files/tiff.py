"""Reading and writing of TIFF files with axes, pixel size and record."""

from __future__ import annotations

import contextlib
import json
import math
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.etree import ElementTree

import imageio.v3 as iio
import numpy as np
import tifffile

from napari_dsc.errors import InvalidImageError
from napari_dsc.files.ownership import SOFTWARE
from napari_dsc.files.raw import RawImage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_CENTIMETERS = {"nm": 1e-7, "µm": 1e-4, "mm": 0.1, "cm": 1.0, "inch": 2.54, "m": 100.0}
_MICROMETER_NAMES = ("um", "μm", "micron", "microns", "micrometer", "\\u00B5m")
OTHER_COLORS = (5, 6, 8)  # values of the photometric tag: CMYK, YCbCr, CIELab
_PALETTE = 3  # value of the photometric tag
_LARGEST_RATIONAL = 2**32 - 1  # a resolution is stored as a fraction of 32-bit integers


def read_tiff(path: Path) -> RawImage:
    """Read the first image of a TIFF, OME-TIFF or ImageJ TIFF file.

    Parameters
    ----------
    path : Path
        An existing file. A damaged file may raise any exception of the decoders.

    Returns
    -------
    image : RawImage
        Image with axes and pixel size from OME or ImageJ metadata, from a record of
        napari-dsc, or from the resolution tags.

    Raises
    ------
    InvalidImageError
        If its compression needs a package that is not installed.
    """
    with tifffile.TiffFile(path) as file:
        len(file.pages)  # finds the end of a chain of pages that leads back; `series` does not
        series = file.series[0]
        if series.keyframe.photometric in OTHER_COLORS:
            colors = iio.imread(path, plugin="pillow", index=0, mode="RGB")
            spacing, unit = _spacing(file, "YX")
            return RawImage(colors, "YXC", spacing, unit, notes=("colors converted to RGB",))
        return describe_tiff(file, _pixels(path, series))


def describe_tiff(file: tifffile.TiffFile, pixels: np.ndarray) -> RawImage:
    """Image from the pixels of the first series and the metadata of the file."""
    series = file.series[0]
    page = series.keyframe
    notes: tuple[str, ...] = ()
    if len(file.series) > 1:
        notes += (f"only the first of {len(file.series)} images is used",)
    if page.photometric == _PALETTE:  # microscopes store intensities with a display palette
        notes += ("palette not applied",)
    axes = series.axes.replace("S", "C")
    has_alpha = any(kind != 0 for kind in page.extrasamples)
    if not set(axes) <= set("TZCYX") or len(set(axes)) < len(axes):
        axes = ""
    spatial = [axis for axis in axes or "YX" if axis in "ZYX"]
    spacing, unit = _spacing(file, spatial)
    if not spacing and len(spatial) > 2 and _spacing(file, "YX")[0]:
        notes += ("the file has no pixel size along Z: voxels are treated as cubes",)
    return RawImage(pixels, axes, spacing, unit, has_alpha, notes)


def _spacing(file: tifffile.TiffFile, spatial: Iterable[str]) -> tuple[tuple[float, ...], str]:
    """Pixel size along spatial axes, and its unit; empty if a size is unknown."""
    sizes, unit = _pixel_size(file)
    spacing = tuple(sizes.get(axis, 0.0) for axis in spatial)
    if not all(math.isfinite(size) and size > 0 for size in spacing):
        return (), ""
    return spacing, unit


def write_tiff(
    file: BinaryIO,
    pixels: np.ndarray,
    axes: str,
    record: Mapping[str, object],
    pixel_size: tuple[Sequence[float], str],
) -> None:
    """Write an image with deflate compression, its pixel size and a record.

    Parameters
    ----------
    file : binary file
        File open for writing and reading, at its start.
    pixels : array
        Values of an integer or float type of TIFF; a plane of three channels is RGB.
    axes : str
        One letter of ``ZCYX`` for each axis.
    record : mapping
        Record that is stored in the image description as JSON, with ``shape``, ``axes``,
        ``spacing`` and ``unit`` added.
    pixel_size : (sequence of float, str)
        Pixel size along the axes of space, in their order, and its unit; empty if unknown.
    """
    kind = {"YXC": "contig", "CYX": "separate"}.get(axes, "")
    is_rgb = bool(kind) and pixels.shape[axes.index("C")] == 3
    tifffile.imwrite(
        file,
        pixels,
        photometric="rgb" if is_rgb else "minisblack",
        planarconfig=kind if is_rgb else None,
        **tiff_options((pixels.shape, axes), record, pixel_size),
    )


def tiff_options(
    layout: tuple[tuple[int, ...], str],
    record: Mapping[str, object],
    pixel_size: tuple[Sequence[float], str],
) -> dict[str, Any]:
    """Compression, record and pixel size as arguments of tifffile.

    Parameters
    ----------
    layout : (tuple of int, str)
        Shape and axes of the image.
    record, pixel_size
        As in `write_tiff`.

    Returns
    -------
    options : dict
        Keyword arguments of ``tifffile.imwrite``.
    """
    (shape, axes), (spacing, unit) = layout, pixel_size
    per_centimeter = [1 / (size * _CENTIMETERS.get(unit, 1.0)) for size in spacing]
    has_size = bool(spacing) and all(
        1 / _LARGEST_RATIONAL < resolution < _LARGEST_RATIONAL for resolution in per_centimeter
    )
    # tifffile takes any JSON that contains "shape" for its own metadata, and then requires a
    # shape at the top level
    described = {"shape": shape, "axes": axes, "spacing": list(spacing), "unit": unit}
    return {
        "compression": "zlib",
        "software": SOFTWARE,
        "description": json.dumps({**record, **described}),
        "metadata": None,
        "resolution": (per_centimeter[-1], per_centimeter[-2]) if has_size else (1, 1),
        "resolutionunit": "CENTIMETER" if has_size and unit in _CENTIMETERS else "NONE",
    }


def read_record(path: Path) -> dict[str, object]:
    """Read the record in a file that `write_tiff` wrote.

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
        with tifffile.TiffFile(path) as file:
            record = json.loads(file.pages.first.description)
    except tifffile.TiffFileError as error:
        raise ValueError(str(error)) from error
    if not isinstance(record, dict) or "parameters" not in record:
        raise ValueError("the TIFF holds no record of napari-dsc")
    return record


def _pixels(path: Path, series: tifffile.TiffPageSeries) -> np.ndarray:
    """Pixels by tifffile, else by Pillow, which has more decoders, if that loses nothing."""
    try:
        return np.asarray(series.asarray())
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        with contextlib.suppress(Exception):  # the error of tifffile is more helpful
            pixels = iio.imread(path, plugin="pillow", index=0)
            if pixels.shape == series.shape and pixels.dtype == series.dtype:
                return pixels
        raise InvalidImageError(
            f"{path}: this TIFF compression needs the package imagecodecs; "
            "run: pip install imagecodecs"
        ) from error


def _pixel_size(file: tifffile.TiffFile) -> tuple[dict[str, float], str]:
    """Pixel size of each spatial axis for which it is known, and its unit."""
    if file.is_ome:
        return _ome_pixel_size(file.ome_metadata or "")
    page = file.pages.first
    sizes = {axis: _tag_pixel_size(page, f"{axis}Resolution") for axis in "XY"}
    if file.imagej_metadata is not None:
        unit = str(file.imagej_metadata.get("unit", "pixel"))
        sizes["Z"] = float(file.imagej_metadata.get("spacing", 1))
        return (sizes, _si(unit)) if unit not in ("", "pixel", "pixels") else ({}, "")
    recorded, unit = _recorded_pixel_size(page.description)
    if recorded:
        return recorded, unit
    unit = {2: "inch", 3: "cm"}.get(int(page.resolutionunit), "")
    return (sizes, unit) if unit else ({}, "")


def _ome_pixel_size(text: str) -> tuple[dict[str, float], str]:
    try:
        elements = ElementTree.fromstring(text).iter()
    except ElementTree.ParseError:
        return {}, ""  # tifffile reads the pixels nevertheless
    found = (one.attrib for one in elements if one.tag.rpartition("}")[2] == "Pixels")
    return _in_one_unit(next(found, {}))


def _in_one_unit(attributes: Mapping[str, str]) -> tuple[dict[str, float], str]:
    """Pixel sizes of OME in the unit of the first axis; in the file each has its own unit."""
    sizes: dict[str, float] = {}
    common = ""
    for axis in "XYZ":
        if f"PhysicalSize{axis}" not in attributes:
            continue
        unit = _si(attributes.get(f"PhysicalSize{axis}Unit", "µm"))
        common = common or unit
        factor = 1.0
        if unit != common:
            factor = _CENTIMETERS.get(unit, math.nan) / _CENTIMETERS.get(common, math.nan)
        sizes[axis] = float(attributes[f"PhysicalSize{axis}"]) * factor
    return sizes, common


def _recorded_pixel_size(description: str) -> tuple[dict[str, float], str]:
    """Pixel size from the record of `write_tiff`; the resolution tags are rounded."""
    try:
        record = json.loads(description)
        sizes = [float(size) for size in record["spacing"]]
        spatial = [axis for axis in str(record.get("axes", "ZYX")) if axis in "ZYX"]
        return dict(zip(reversed(spatial), reversed(sizes), strict=False)), str(record["unit"])
    except (ValueError, TypeError, KeyError):
        return {}, ""


def _tag_pixel_size(page: tifffile.TiffPage, name: str) -> float:
    numerator, denominator = page.tags[name].value if name in page.tags else (0, 1)
    return float(denominator / numerator) if numerator else 0.0


def _si(unit: str) -> str:
    return "µm" if unit in _MICROMETER_NAMES else unit
