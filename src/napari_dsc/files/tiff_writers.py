"""Writing of TIFF files with axes, pixel size, position and record: OME-TIFF, if it can be."""

from __future__ import annotations

import json
import math
import uuid
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
import tifffile

from napari_dsc.files.ownership import SOFTWARE
from napari_dsc.files.units import meters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LARGEST_RATIONAL = 2**32 - 1  # a resolution is stored as a fraction of 32-bit integers
_OME_TYPES = ("i1", "i2", "i4", "u1", "u2", "u4", "f4", "f8")  # NumPy types that OME has


class Place(NamedTuple):
    """Pixel size and position along the axes of space of an image, in their order.

    Parameters
    ----------
    spacing : sequence of float
        Pixel sizes, 0 where unknown; or empty.
    unit : str
        Unit of spacing and translation, or empty.
    translation : sequence of float
        Position of the center of the first pixel, or empty.
    """

    spacing: Sequence[float] = ()
    unit: str = ""
    translation: Sequence[float] = ()


def is_ome_tiff(path: Path) -> bool:
    """Whether the name of a file is that of an OME-TIFF."""
    return path.name.lower().endswith((".ome.tif", ".ome.tiff"))


def fits_tiff(dtype: np.dtype, *, is_ome: bool) -> bool:
    """Whether TIFF, or OME-TIFF, stores values of a type."""
    return dtype.str[1:] in _OME_TYPES if is_ome else dtype.itemsize <= 8


def write_tiff(
    file: BinaryIO,
    pixels: np.ndarray,
    axes: str,
    record: Mapping[str, object],
    place: Place,
    *,
    is_ome: bool = False,
) -> None:
    """Write an image with deflate compression, its pixel size and a record.

    Parameters
    ----------
    file : binary file
        File open for writing and reading, at its start.
    pixels : array
        Values of an integer or float type of TIFF; a plane of three channels is RGB.
    axes : str
        One letter of ``TZCYX`` for each axis.
    record : mapping
        See `tiff_options`.
    place : Place
        Pixel size and position.
    is_ome : bool
        Whether it has to be OME-TIFF, for which axes are transposed.
    """
    if is_ome and not _fits_ome(pixels.dtype, axes, pixels.shape):
        pixels, axes, place = _ome_order(pixels, axes, place)
    kind = {"YXC": "contig", "CYX": "separate"}.get(axes, "")
    is_rgb = bool(kind) and pixels.shape[axes.index("C")] == 3
    tifffile.imwrite(
        file,
        pixels,
        photometric="rgb" if is_rgb else "minisblack",
        planarconfig=kind if is_rgb else None,
        **tiff_options(pixels.shape, pixels.dtype, axes, record, place, is_ome=is_ome),
    )


def tiff_options(
    shape: tuple[int, ...],
    dtype: np.dtype,
    axes: str,
    record: Mapping[str, object],
    place: Place,
    *,
    is_ome: bool = False,
) -> dict[str, Any]:
    """Compression, record and pixel size as arguments of tifffile.

    Parameters
    ----------
    shape, dtype, axes
        Layout of the image.
    record : mapping
        Record that is stored as JSON, with ``shape``, ``axes``, ``spacing``, ``unit`` and
        ``translation`` added: in the description of the OME image, or where OME has no such
        axes or type, of the file.
    place, is_ome
        As in `write_tiff`.

    Returns
    -------
    options : dict
        Keyword arguments of ``tifffile.imwrite``.
    """
    spatial = [axis for axis in axes if axis in "ZYX"]
    spacing, unit = dict(zip(spatial, place.spacing, strict=False)), place.unit
    per_centimeter = [_per_centimeter(spacing.get(axis, 0.0), unit) for axis in "XY"]
    has_size = all(1 / _LARGEST_RATIONAL < one < _LARGEST_RATIONAL for one in per_centimeter)
    # tifffile takes any JSON that contains "shape" for its own metadata, and then requires a
    # shape at the top level
    described = {"shape": shape, "axes": axes, "spacing": list(place.spacing), "unit": unit}
    if place.translation:
        described["translation"] = list(place.translation)
    text = json.dumps({**record, **described})
    is_ome = is_ome or _fits_ome(dtype, axes, shape)
    return {
        "compression": "zlib",
        "software": SOFTWARE,
        "ome": is_ome,
        "description": None if is_ome else text,
        "metadata": _ome_metadata(shape, axes, text, place) if is_ome else None,
        "resolution": tuple(per_centimeter) if has_size else (1, 1),
        "resolutionunit": "CENTIMETER" if has_size and meters(unit) > 0 else "NONE",
    }


def _per_centimeter(size: float, unit: str) -> float:
    scale = meters(unit) * 100
    return 1 / (size * (scale if math.isfinite(scale) else 1.0)) if size else 0.0


def _fits_ome(dtype: np.dtype, axes: str, shape: tuple[int, ...]) -> bool:
    """Whether OME-TIFF stores an image as it is: the planes last, or RGB colors."""
    is_rgb = axes == "YXC" and shape[-1] == 3
    return fits_tiff(dtype, is_ome=True) and (is_rgb or axes.endswith("YX"))


def _ome_order(pixels: np.ndarray, axes: str, place: Place) -> tuple[np.ndarray, str, Place]:
    """Transpose an image to axes that OME-TIFF has."""
    order = "".join(axis for axis in "TZCYX" if axis in axes)
    spatial = [axis for axis in axes if axis in "ZYX"]

    def sorted_values(values: Sequence[float]) -> list[float]:
        named = dict(zip(spatial, values, strict=False))
        return [named[axis] for axis in order if axis in named]

    moved = Place(sorted_values(place.spacing), place.unit, sorted_values(place.translation))
    return pixels.transpose([axes.index(axis) for axis in order]), order, moved


def _ome_metadata(
    shape: tuple[int, ...], axes: str, text: str, place: Place
) -> dict[str, object]:
    """Metadata of OME; the same image has the same identifier."""
    is_rgb = len(axes) == 3 and "C" in axes and shape[axes.index("C")] == 3
    metadata: dict[str, object] = {
        "axes": axes.replace("C", "S") if is_rgb else axes,
        "UUID": str(uuid.uuid5(uuid.NAMESPACE_OID, text)),
        "Creator": SOFTWARE,
        "Description": text,
    }
    if not math.isfinite(meters(place.unit)):  # OME has a list of units
        return metadata
    unit = "in" if place.unit == "inch" else place.unit
    spatial = [axis for axis in axes if axis in "ZYX"]
    sizes = {axis: size for axis, size in zip(spatial, place.spacing, strict=False) if size}
    for axis, size in sizes.items():
        metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": unit}
    planes = [size for axis, size in zip(axes, shape, strict=True) if axis in "TZC"]
    depths = np.indices([1] if is_rgb else planes or [1])[axes.find("Z")].ravel()
    plane: dict[str, object] = {}
    for axis, start in zip(spatial, place.translation, strict=False):
        starts = start + (depths * sizes.get("Z", 0.0) if axis == "Z" else 0.0 * depths)
        plane[f"Position{axis}"] = starts.tolist()
        plane[f"Position{axis}Unit"] = [unit] * len(depths)
    return metadata | ({"Plane": plane} if plane else {})
