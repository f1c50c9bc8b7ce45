"""The job that segments an image tile by tile into a file; it is never in memory whole."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dsc.jobs.job import (
    Control,
    Status,
    check_canceled,
    ends_in_outcome,
    load_torch,
)
from napari_dsc.jobs.request import computed, computing
from napari_dsc.jobs.statuses import Statuses

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_dsc.files import RawImage
    from napari_dsc.jobs.request import Request
    from napari_dsc.records.record import Record


@dataclasses.dataclass(frozen=True, eq=False)
class TiledResult:
    """Labels in a file.

    Parameters
    ----------
    record : dict
        How they were made.
    path : Path
        Where they are.
    levels : list of dask array
        The pyramid, which is read when it is looked at.
    """

    record: Record
    path: Path
    levels: list[Any]


@ends_in_outcome
def tiles_job(
    control: Control, asked: tuple[Request, Path]
) -> Generator[Status, None, TiledResult]:
    """Segment a plane into an OME-Zarr; it can be canceled between all steps and tiles.

    Yields
    ------
    progress : Status
        After each step and tile; the first ones tell the number of tiles and the memory.

    Raises
    ------
    DSCError
        If the image, the parameters or the file do not allow it.
    """
    request, path = asked
    yield Status("Loading")
    load_torch()
    from napari_dsc.large.writers import check_large_output
    from napari_dsc.machine.progress import Steps
    from napari_dsc.segmenting.pieces import Tiles
    from napari_dsc.segmenting.segmenter import iter_segmentation

    check_large_output(path, overwrite=False)
    image = _lazy_image(request)
    pieces = Tiles(image, path, *map(computed, (request.superpixels, request.scribbles)))
    statuses = Statuses(request, is_single=False)
    with computing(request.n_threads, control):
        steps = Steps(iter_segmentation(pieces, request.settings))
        for progress in steps:
            check_canceled(control)
            status = statuses.of(progress)
            if status is not None:
                yield status
        return TiledResult(steps.value, path, _levels_of(path))


def _lazy_image(request: Request) -> RawImage:
    """Part of the image, of which nothing is computed yet."""
    import dask.array

    from napari_dsc.files import RawImage

    array: Any = request.array
    if not isinstance(array, (np.ndarray, dask.array.Array)):
        array = dask.array.from_array(array)
    pixels = array[request.index]
    return RawImage(pixels, request.axes, request.spacing, request.unit, origin="the layer")


def _levels_of(path: Path) -> list[Any]:
    """Levels of a pyramid, the finest first."""
    import dask.array
    import zarr

    group = zarr.open_group(path, mode="r")
    return [dask.array.from_zarr(group[name]) for name in sorted(group.array_keys(), key=int)]
