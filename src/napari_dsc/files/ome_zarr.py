"""Reading of zarr arrays and of OME-Zarr, versions 0.1 to 0.6."""

from __future__ import annotations

import base64
import contextlib
import math
import os
import struct
import warnings
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from napari_dsc.errors import DSCError, InvalidImageError, InvalidParameterError
from napari_dsc.files.raw import RawImage, reason_of
from napari_dsc.files.units import in_one_unit, known_sizes, length, unit_symbol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import zarr

# axes of files without axes: their fixed order in OME-Zarr up to version 0.2
_OLD_AXES = "TCZYX"
_TYPES = {"channel": "C", "time": "T"}  # of axes, whatever their name
_NODATA = ("_FillValue", "missing_value")  # attributes by which xarray and GDAL declare it


def is_zarr(path: Path) -> bool:
    """Whether a path is a zarr group or array, of version 2 or 3.

    Parameters
    ----------
    path : Path
        Any path.

    Returns
    -------
    answer : bool
        True if it has the metadata of zarr.
    """
    names = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
    # unlike Path.is_file, it takes any name
    return any(os.path.isfile(path / name) for name in names)  # noqa: PTH113


def open_zarr(path: Path, level: int) -> RawImage:
    """Open an image in a folder of zarr without reading its pixels.

    Parameters
    ----------
    path : Path
        A zarr array, an OME-Zarr image, or a folder of bioformats2raw, whose first image is
        opened.
    level : int
        Level of a pyramid; 0 is the finest.

    Returns
    -------
    image : RawImage
        Image with a zarr array as its pixels.

    Raises
    ------
    InvalidImageError
        If it holds no image, several, or is damaged.
    InvalidParameterError
        If the level does not exist.
    """
    import zarr  # loaded only for zarr

    try:
        with warnings.catch_warnings(action="ignore"):  # of members that are no zarr
            node = zarr.open(path, mode="r")
            if not isinstance(node, zarr.Array):
                return _open_group(path, node, level)
            check_level(path.name, level, [node])
            return _open_array(node)
    except DSCError:
        raise
    except Exception as error:  # damaged metadata lead to errors of any type
        raise InvalidImageError(
            f"{path}: cannot be read as zarr, its metadata are damaged or unknown "
            f"({type(error).__name__}: {reason_of(error)})"
        ) from error


def check_level(name: str, level: int, levels: Sequence[object]) -> None:
    """Refuse a level that an image does not have.

    Raises
    ------
    InvalidParameterError
        With the levels that it has.
    """
    if not 0 <= level < len(levels):
        raise InvalidParameterError(
            f"level={level}: expected 0 to {len(levels) - 1}, the levels of {name}"
        )


def _open_array(array: zarr.Array[Any]) -> RawImage:
    names: Any = getattr(array.metadata, "dimension_names", None)
    names = names or array.attrs.get("_ARRAY_DIMENSIONS") or ()
    axes = _letters([{"name": str(name)} for name in names], array.ndim)
    return RawImage(cast("np.ndarray", array), axes, nodata=_nodata(array))


def _open_group(path: Path, group: zarr.Group, level: int) -> RawImage:
    attributes: Any = group.attrs.asdict()
    ome = attributes.get("ome", attributes)
    notes: tuple[str, ...] = ()
    if "bioformats2raw.layout" in ome:
        images = sorted((name for name in group.group_keys() if name.isdecimal()), key=int)
        if len(images) > 1:
            notes += (f"only the first of {len(images)} images is used",)
        group = cast("zarr.Group", group["0"])
        attributes = group.attrs.asdict()
        ome = attributes.get("ome", attributes)
    if not ome.get("multiscales"):
        raise InvalidImageError(f"{path}: {_what_it_is(path, group, ome)}")
    pyramid = ome["multiscales"][0]
    if not pyramid["datasets"]:
        raise InvalidImageError(f"{path}: OME-Zarr without levels, expected one or more")
    check_level(path.name, level, pyramid["datasets"])
    dataset = pyramid["datasets"][level]
    name = dataset["path"]
    if name not in group:
        raise InvalidImageError(
            f"{path}: level {level} is missing, there is no array {name!r} in the folder"
        )
    raw = _open_array(cast("zarr.Array[Any]", group[name]))
    system = _axes(pyramid, dataset, raw.pixels.ndim)
    version = pyramid.get("version", ome.get("version", "unknown"))
    transforms = [
        one for node in (dataset, pyramid) for one in node.get("coordinateTransformations", [])
    ]
    try:
        placed = _placed(raw, system, list(_flat(transforms)))
    except NotImplementedError as error:
        raise InvalidImageError(
            f"{path}: OME-Zarr {version} with a transform of type {error}, expected scale and "
            "translation; save the image without it"
        ) from error
    return placed._replace(notes=notes)


def _what_it_is(path: Path, group: zarr.Group, ome: Mapping[str, Any]) -> str:
    """Sentence on a group that is no image, with the path of one in it."""
    if "plate" in ome:
        wells = ome["plate"]["wells"]
        example = path / wells[0]["path"] / "0"
        return f"is a plate of {len(wells)} wells; give one image, for example {example}"
    if "well" in ome:
        images = ome["well"]["images"]
        example = path / images[0]["path"]
        return f"is a well of {len(images)} images; give one of them, for example {example}"
    member = next(iter(sorted(group.keys())), "")
    advice = f"; give one of its members, for example {path / member}" if member else ""
    return f"zarr group without an image, expected a zarr array or OME-Zarr{advice}"


def _axes(
    pyramid: Mapping[str, Any], dataset: Mapping[str, Any], n_axes: int
) -> list[dict[str, Any]]:
    """Axes of the array, each with a name and perhaps type and unit."""
    axes = pyramid.get("axes")
    if "coordinateSystems" in pyramid:  # version 0.6
        systems = {one["name"]: one["axes"] for one in pyramid["coordinateSystems"]}
        output = dataset["coordinateTransformations"][0].get("output")
        name = output.get("name") if isinstance(output, dict) else output
        axes = systems.get(name) or next(iter(systems.values()))
    axes = list(_OLD_AXES[-n_axes:]) if axes is None else axes
    return [one if isinstance(one, dict) else {"name": str(one)} for one in axes]


def _letters(axes: Sequence[Mapping[str, Any]], n_axes: int) -> str:
    """Letters of the axes; empty if one has another name."""
    named = [_TYPES.get(one.get("type", ""), str(one["name"]).upper()) for one in axes]
    letters = "".join(named)
    is_known = len(letters) == len(named) == n_axes and set(letters) <= set(_OLD_AXES)
    is_known &= len(set(letters)) == len(letters)
    return letters if is_known and {"Y", "X"} <= set(letters) else ""


def _placed(
    raw: RawImage, system: Sequence[Mapping[str, Any]], transforms: Sequence[Mapping[str, Any]]
) -> RawImage:
    """Image with axes, pixel size and position; what is malformed of them is left out."""
    n_axes = raw.pixels.ndim
    letters = _letters(system, n_axes)
    scale, start = np.ones(n_axes), np.zeros(n_axes)
    for one in transforms:
        values = _numbers(one.get(one["type"]), n_axes)
        if one["type"] == "scale":
            scale, start = scale * values, start * values
        elif one["type"] == "translation":
            start = start + np.nan_to_num(values)
        elif one["type"] != "identity":
            raise NotImplementedError(one["type"])
    pairs = zip(letters, zip(scale.tolist(), start.tolist(), system, strict=True), strict=False)
    spatial = {axis: values for axis, values in pairs if axis in "ZYX"}
    units = {axis: unit_symbol(one.get("unit", "")) for axis, (*_, one) in spatial.items()}
    sizes, unit = in_one_unit({axis: (spatial[axis][0], units[axis]) for axis in spatial})
    starts, _ = in_one_unit({axis: (spatial[axis][1], units[axis]) for axis in spatial}, unit)
    spacing = known_sizes(sizes, list(spatial))
    if not unit and set(spacing) == {1.0} and not any(starts.values()):
        spacing = ()  # a file that says nothing
    translation = tuple(starts.get(axis, 0.0) for axis in spatial) if spacing else ()
    return raw._replace(axes=letters, spacing=spacing, unit=unit, translation=translation)


def _flat(transforms: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Transforms one after the other, those of sequences too."""
    for one in transforms:
        if one["type"] == "sequence":
            yield from _flat(one["transformations"])
        else:
            yield one


def _numbers(values: object, n_axes: int) -> np.ndarray:
    """Numbers along all axes; NaN where there is none that is finite."""
    listed = values if isinstance(values, list) and len(values) == n_axes else [None] * n_axes
    numbers = np.array([length(value) for value in listed])
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _nodata(array: zarr.Array[Any]) -> float | None:
    for name in _NODATA:
        value = array.attrs.get(name)
        if math.isfinite(number := length(value)):
            return number
        with contextlib.suppress(TypeError, ValueError, struct.error):  # as xarray writes it
            return float(struct.unpack("<d", base64.b64decode(value, validate=True))[0])  # type: ignore[arg-type]
    return None
