"""Writers of large label images, to OME-Zarr or tiled TIFF, completely or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import tifffile

from napari_dsc.errors import OutputError
from napari_dsc.files import check_output, write_atomically
from napari_dsc.files.ownership import SOFTWARE, refuse_foreign
from napari_dsc.files.tiff_writers import Place, is_ome_tiff, tiff_options
from napari_dsc.files.units import unit_name
from napari_dsc.files.writers import LEFTOVER, temporary_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


# side of the chunks of an output, and rows of a band
CHUNK = 1024
SUFFIXES = (".zarr", ".tif", ".tiff")


class Labels(NamedTuple):
    """A label image that is computed band by band.

    Parameters
    ----------
    shape : tuple of int
        Size along each axis.
    dtype : np.dtype
        Type of the labels.
    bands : callable
        Return an iterator of arrays of 1024 rows, from the top.
    axes : str
        One letter of ``TZYX`` for each size; T comes first.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    bands: Callable[[], Iterator[np.ndarray]]
    axes: str = "YX"

    @classmethod
    def of(cls, array: np.ndarray, axes: str) -> Self:
        """Labels that are in memory, with axes in any order."""
        order = sorted(axes, key=lambda axis: axis != "T")
        planes = array.transpose([axes.index(axis) for axis in order])
        at = order.index("Y")

        def bands() -> Iterator[np.ndarray]:
            for top in range(0, planes.shape[at], CHUNK):
                yield planes[_along(at, slice(top, top + CHUNK))]

        return cls(planes.shape, planes.dtype, bands, "".join(order))


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    """Index of a part along one axis of an array."""
    return (*[slice(None)] * axis, part)


def check_large_output(path: Path, *, overwrite: bool) -> None:
    """Check, before a computation, that its labels can be written.

    Parameters
    ----------
    path : Path
        Output, with suffix ``.zarr`` (as in ``.ome.zarr``), ``.tif`` or ``.tiff``.
    overwrite : bool
        Whether an existing output of napari-dsc may be replaced.

    Raises
    ------
    OutputError
        If it exists and may not be replaced, its folder is missing or read-only, or its
        suffix is not allowed.
    """
    if path.suffix.lower() != ".zarr" or not path.exists():
        check_output(path, overwrite=overwrite, suffixes=SUFFIXES)
    elif not overwrite:
        raise OutputError(
            f"{path}: already exists; choose another name or pass overwrite=True (--overwrite)"
        )
    refuse_foreign(path)


def write_labels(
    path: Path,
    labels: Labels,
    *,
    record: Mapping[str, Any],
    spacing: Sequence[float],
    unit: str,
    translation: Sequence[float] = (),
) -> None:
    """Write labels to OME-Zarr or TIFF, by the suffix of a path.

    Parameters
    ----------
    path : Path
        Output: ``.zarr`` for a pyramid of OME-Zarr 0.5, ``.tif`` for a tiled BigTIFF. An
        existing output is replaced once the new one is complete.
    labels : Labels
        Labels to write.
    record : dict
        How the labels were made, ready for JSON. It becomes the attribute ``napari-dsc`` of
        the zarr group, or the image description of the TIFF.
    spacing : sequence of float
        Pixel size along each axis of space, 0 where unknown; or empty.
    unit : str
        Unit of spacing and translation, or empty.
    translation : sequence of float
        Position of the center of the first pixel along these axes, or empty.

    Raises
    ------
    OutputError
        If the output cannot be written.
    """
    place = Place(spacing, unit, translation)
    if path.suffix.lower() == ".zarr":
        with _replaced_folder(path) as temporary:
            _write_pyramid(temporary, labels, record, place)
        return
    layout = (labels.shape, labels.dtype, "YX")
    options = tiff_options(*layout, record, place, is_ome=is_ome_tiff(path))
    write_atomically(
        path,
        lambda file: tifffile.imwrite(
            file,
            _tiles(labels),
            shape=labels.shape,
            dtype=labels.dtype,
            tile=(CHUNK, CHUNK),
            bigtiff=True,
            photometric="minisblack",
            **options,
        ),
    )


def _tiles(labels: Labels) -> Iterator[np.ndarray]:
    """Tiles of `CHUNK` x `CHUNK` pixels, padded by zeros at the rim."""
    width = labels.shape[1]
    for band in labels.bands():
        for left in range(0, width, CHUNK):
            part = band[:, left : left + CHUNK]
            rim = [(0, CHUNK - size) for size in part.shape]
            yield np.pad(part, rim)


@contextlib.contextmanager
def _replaced_folder(path: Path) -> Iterator[Path]:
    """Temporary folder, which replaces the folder `path` at the end of the block."""
    target = Path(os.path.realpath(path))
    temporary = temporary_beside(target)
    old = temporary.with_name(f"{temporary.stem}-{zlib.crc32(target.name.encode()):08x}.old")
    try:
        yield temporary
        if target.exists():
            refuse_foreign(target)  # checked again: the first check may be hours ago
            target.replace(old)
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        # a process that was killed may have left another old one
        older = target.parent.glob(f"{LEFTOVER}*-{old.stem[-8:]}.old")
        for rest in (temporary, *(older if target.exists() else ())):
            shutil.rmtree(rest, ignore_errors=True)


def _write_pyramid(
    folder: Path, labels: Labels, record: Mapping[str, Any], place: Place
) -> None:
    import zarr  # loaded only for zarr outputs

    axes, shapes = labels.axes, _shapes(labels)
    attributes = {"ome": _ome_attributes(len(shapes), place, axes), SOFTWARE: record}
    group = zarr.create_group(folder, zarr_format=3, attributes=attributes)
    bands = labels.bands()
    for number, shape in enumerate(shapes):
        level = group.create_array(
            str(number),
            shape=shape,
            chunks=tuple(CHUNK if axis in "YX" else 1 for axis in axes),
            dtype=labels.dtype,
            dimension_names=tuple(axes.lower()),
        )
        at = axes.index("Y")
        for row, band in enumerate(bands):
            level[_along(at, slice(row * CHUNK, row * CHUNK + band.shape[at]))] = band
        bands = _halved(level, axes)


def _shapes(labels: Labels) -> list[tuple[int, ...]]:
    """Shapes of the levels, each of half the height and width; the last fits into a chunk."""
    shapes = [labels.shape]
    while max(shapes[-1][labels.axes.index(axis)] for axis in "YX") > CHUNK:
        sizes = zip(labels.axes, shapes[-1], strict=True)
        shapes.append(tuple((n + 1) // 2 if axis in "YX" else n for axis, n in sizes))
    return shapes


def _halved(finer: Any, axes: str) -> Iterator[np.ndarray]:
    """Bands of a level at half of its size: every second label along Y and X."""
    at = axes.index("Y")
    thinned = tuple(slice(None, None, 2 if axis in "YX" else 1) for axis in axes)
    for top in range(0, finer.shape[at], 2 * CHUNK):
        yield np.asarray(finer[_along(at, slice(top, top + 2 * CHUNK))])[thinned]


def _ome_attributes(n_levels: int, place: Place, axes: str) -> Mapping[str, object]:
    """Metadata of a label pyramid in OME-Zarr 0.5."""
    spatial = [axis for axis in axes if axis != "T"]
    sizes = dict(zip(spatial, place.spacing, strict=False))
    starts = dict(zip(spatial, place.translation, strict=False))
    # where the size is unknown, the scale of 1 that has to be there is one of pixels
    units = {
        axis: {"unit": unit_name(place.unit)} for axis in sizes if sizes[axis] and place.unit
    }
    # every level begins with the first pixel of the finest, so all have the same position
    first = {"type": "translation", "translation": [starts.get(axis, 0) for axis in axes]}
    moved = [first] if any(starts.values()) else []
    datasets = []
    for number in range(n_levels):
        steps = dict.fromkeys("YX", 2**number)
        scale = [(sizes.get(axis) or 1.0) * steps.get(axis, 1) for axis in axes]
        transforms = [{"type": "scale", "scale": scale}, *moved]
        datasets.append({"path": str(number), "coordinateTransformations": transforms})
    named = [
        {"name": "t", "type": "time"}
        if axis == "T"
        else {"name": axis.lower(), "type": "space", **units.get(axis, {})}
        for axis in axes
    ]
    return {
        "version": "0.5",
        "multiscales": [
            {"name": "labels", "axes": named, "datasets": datasets, "type": "nearest"}
        ],
        "image-label": {"version": "0.5"},
    }
