"""The job that segments an image tile by tile into a file; it is never in memory whole."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dsc.errors import InvalidParameterError
from napari_dsc.jobs.job import (
    Control,
    Progress,
    check_cancelled,
    ends_in_outcome,
    load_torch,
)
from napari_dsc.jobs.request import computing

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_dsc.files import RawImage
    from napari_dsc.jobs.request import Request
    from napari_dsc.large.run import LargeRun
    from napari_dsc.records.record import Record

_STAGES = {
    "reading": "Reading places to learn from",
    "learning": "Learning",
    "labels": "Giving labels, tile",
    "writing": "Writing",
}


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
) -> Generator[Progress, None, TiledResult]:
    """Segment a plane into an OME-Zarr; it can be cancelled between all steps and tiles.

    Yields
    ------
    progress : Progress
        After each step and tile; the first ones tell the number of tiles and the memory.

    Raises
    ------
    DSCError
        If the image, the parameters or the file do not allow it.
    """
    request, path = asked
    yield Progress("Loading")
    load_torch()
    from napari_dsc.large.run import LargeRun
    from napari_dsc.large.source import open_source
    from napari_dsc.large.writers import check_large_output

    _refuse_what_is_not_there(request)
    check_large_output(path, overwrite=False)
    with computing(request.n_threads, control), open_source(_lazy_image(request)) as source:
        run = LargeRun(source, **request.options())  # type: ignore[arg-type]
        yield from _followed(run, path, control)
        return TiledResult(run.record(), path, _levels_of(path))


def _refuse_what_is_not_there(request: Request) -> None:
    for name in ("superpixels", "scribbles"):
        if getattr(request, name) is not None:
            raise InvalidParameterError(f"{name}: given for an image that is cut by tiles")
    if request.method != "dsc":
        raise InvalidParameterError(
            f"method={request.method!r}: expected classes, the image is cut by tiles"
        )


def _lazy_image(request: Request) -> RawImage:
    """Part of the image, of which nothing is computed yet."""
    import dask.array

    from napari_dsc.files import RawImage

    array: Any = request.array
    if not isinstance(array, (np.ndarray, dask.array.Array)):
        array = dask.array.from_array(array)
    pixels = array[request.index]
    return RawImage(pixels, request.axes, request.spacing, request.unit, origin="the layer")


def _followed(run: LargeRun, path: Path, control: Control) -> Generator[Progress, None, None]:
    yield Progress(run.describe())
    with closing(run.iter_save(path)) as steps:  # type: ignore[type-var]
        for step in steps:
            check_cancelled(control)
            yield Progress(f"{_STAGES[step.stage]}: {step.done} of {step.total}")


def _levels_of(path: Path) -> list[Any]:
    """Levels of a pyramid, the finest first."""
    import dask.array
    import zarr

    group = zarr.open_group(path, mode="r")
    return [dask.array.from_zarr(group[name]) for name in sorted(group.array_keys(), key=int)]
