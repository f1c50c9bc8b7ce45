"""Lazy reading of image files, part by part: TIFF, zarr and OME-Zarr."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import tifffile

from napari_dsc.errors import InvalidImageError, InvalidParameterError
from napari_dsc.files.raw import RawImage
from napari_dsc.files.tiff import OTHER_COLORS, describe_tiff

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

# units of OME-Zarr, and their symbols
_UNITS = {"nanometer": "nm", "micrometer": "µm", "millimeter": "mm", "centimeter": "cm"}
# axes of files without axes: their fixed order in OME-Zarr up to version 0.2
_OLD_AXES = "TCZYX"


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
    return any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray"))


@contextlib.contextmanager
def open_lazily(path: Path, level: int) -> Iterator[RawImage]:
    """Open a TIFF file, or a folder of zarr or OME-Zarr, without reading its pixels.

    Parameters
    ----------
    path : Path
        The file or folder; the first image of a TIFF file is opened.
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
    if is_zarr(path):
        yield _open_zarr(path, level)
        return
    try:
        file = tifffile.TiffFile(path)
    except (OSError, tifffile.TiffFileError) as error:
        raise InvalidImageError(
            f"{path}: cannot be opened as TIFF or zarr ({error})"
        ) from error
    with file:
        yield _open_tiff(path, file, level)


def _open_tiff(path: Path, file: tifffile.TiffFile, level: int) -> RawImage:
    import zarr  # loaded only for lazy files

    len(file.pages)  # as in `read_tiff`
    levels = file.series[0].levels
    _check_level(path, level, levels)
    if levels[level].keyframe.photometric in OTHER_COLORS:
        raise InvalidImageError(f"{path}: colors are not RGB, expected gray or RGB")
    raw = describe_tiff(file, _as_array(zarr.open(levels[level].aszarr(), mode="r")))
    shrinkage = levels[0].keyframe.imagewidth / levels[level].keyframe.imagewidth
    return raw._replace(spacing=tuple(size * shrinkage for size in raw.spacing))


def _open_zarr(path: Path, level: int) -> RawImage:
    import zarr

    try:
        node = zarr.open(path, mode="r")
    except (OSError, ValueError, KeyError) as error:
        raise InvalidImageError(f"{path}: cannot be opened as zarr ({error})") from error
    if isinstance(node, zarr.Array):
        _check_level(path, level, [node])
        names = getattr(node.metadata, "dimension_names", None) or ()
        return RawImage(_as_array(node), _letters([str(name) for name in names]))
    attributes: Any = node.attrs.asdict()
    pyramids = attributes.get("ome", attributes).get("multiscales")
    if not pyramids:
        raise InvalidImageError(
            f"{path}: zarr group without an image, expected a zarr array or OME-Zarr"
        )
    pyramid = pyramids[0]
    _check_level(path, level, pyramid["datasets"])
    dataset = pyramid["datasets"][level]
    pixels = _as_array(node[dataset["path"]])
    axes = pyramid.get("axes", list(_OLD_AXES[-pixels.ndim :]))
    names = [axis["name"] if isinstance(axis, dict) else axis for axis in axes]
    scale = _scale((dataset, pyramid), pixels.ndim)
    units = {axis.get("unit", "") for axis in axes if isinstance(axis, dict)} - {""}
    letters = _letters(names)
    spacing = [size for size, letter in zip(scale, letters, strict=False) if letter in "ZYX"]
    if len(units) != 1:  # no unit, or several
        return RawImage(pixels, letters)
    unit = units.pop()
    return RawImage(pixels, letters, tuple(spacing), _UNITS.get(unit, unit))


def _as_array(array: object) -> np.ndarray:
    """A lazy array with the type of an array in memory, whose indexing it shares."""
    return cast("np.ndarray", array)


def _letters(names: Sequence[str]) -> str:
    """Letters of the axes; empty if one has another name."""
    letters = "".join(names).upper()
    is_known = len(letters) == len(names) and set(letters) <= set(_OLD_AXES)
    return letters if is_known and {"Y", "X"} <= set(letters) else ""


def _scale(nodes: Sequence[Mapping[str, Any]], n_axes: int) -> list[float]:
    """Product of all scale transforms, along each axis."""
    transforms = [one for node in nodes for one in node.get("coordinateTransformations", [])]
    scales = [one["scale"] for one in transforms if one.get("type") == "scale"]
    return [float(size) for size in np.prod([np.ones(n_axes), *scales], axis=0)]


def _check_level(path: Path, level: int, levels: Sequence[object]) -> None:
    if not 0 <= level < len(levels):
        raise InvalidParameterError(
            f"level={level}: expected 0 to {len(levels) - 1}, the levels of {path.name}"
        )
