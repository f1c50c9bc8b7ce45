"""Writers of large label images, to OME-Zarr or tiled TIFF, completely or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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

    import zarr

    from napari_dsc.records.record import Record

# side of the chunks of an output, and rows of a band
CHUNK = 1024
SUFFIXES = (".zarr", ".tif", ".tiff")


class Labels(NamedTuple):
    """A label image that is computed band by band.

    Parameters
    ----------
    shape : (int, int)
        Height and width.
    dtype : np.dtype
        Type of the labels.
    bands : callable
        Return an iterator of arrays of 1024 rows, from the top.
    """

    shape: tuple[int, int]
    dtype: np.dtype
    bands: Callable[[], Iterator[np.ndarray]]


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
    record: Record,
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
        Pixel size along Y and X, 0 where unknown; or empty.
    unit : str
        Unit of spacing and translation, or empty.
    translation : sequence of float
        Position of the center of the first pixel along Y and X, or empty.

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


def _write_pyramid(folder: Path, labels: Labels, record: Record, place: Place) -> None:
    import zarr  # loaded only for zarr outputs

    shapes = _shapes(labels.shape)
    attributes = {
        "ome": _ome_attributes(len(shapes), place),
        SOFTWARE: record,
    }
    group = zarr.create_group(folder, zarr_format=3, attributes=attributes)
    for number, shape in enumerate(shapes):
        level = group.create_array(
            str(number),
            shape=shape,
            chunks=(CHUNK, CHUNK),
            dtype=labels.dtype,
            dimension_names=("y", "x"),
        )
        bands = _halved(group, number - 1) if number else labels.bands()
        for row, band in enumerate(bands):
            level[row * CHUNK : row * CHUNK + len(band)] = band


def _shapes(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """Shapes of the levels, each half of the one before; the last fits into a chunk."""
    shapes = [shape]
    while max(shapes[-1]) > CHUNK:
        height, width = shapes[-1]
        shapes.append(((height + 1) // 2, (width + 1) // 2))
    return shapes


def _halved(group: zarr.Group, number: int) -> Iterator[np.ndarray]:
    """Bands of a level at half of its size: every second label along both axes."""
    finer: Any = group[str(number)]
    for top in range(0, finer.shape[0], 2 * CHUNK):
        yield np.asarray(finer[top : top + 2 * CHUNK])[::2, ::2]


def _ome_attributes(n_levels: int, place: Place) -> Mapping[str, object]:
    """Metadata of a label pyramid in OME-Zarr 0.5."""
    sizes = [size or 1.0 for size in place.spacing] or [1.0, 1.0]
    name = {"unit": unit_name(place.unit)} if place.spacing and place.unit else {}
    # every level begins with the first pixel of the finest, so all have the same position
    starts = [{"type": "translation", "translation": list(place.translation)}]
    datasets = []
    for number in range(n_levels):
        scale = {"type": "scale", "scale": [size * 2**number for size in sizes]}
        transforms = [scale, *(starts if any(place.translation) else [])]
        datasets.append({"path": str(number), "coordinateTransformations": transforms})
    return {
        "version": "0.5",
        "multiscales": [
            {
                "name": "segments",
                "axes": [{"name": axis, "type": "space", **name} for axis in "yx"],
                "datasets": datasets,
                "type": "nearest",
            }
        ],
        "image-label": {"version": "0.5"},
    }
