"""The jobs behind Run: smooth, over-segment, segment; also by tiles into a file."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dsc.errors import ComputationError
from napari_dsc.jobs import job, result
from napari_dsc.jobs.request import Request, computed
from napari_dsc.jobs.result import Levels, Result
from napari_dsc.jobs.statuses import GROWING, PREVIEW_PIXELS, Statuses

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_dsc.files import RawImage
    from napari_dsc.machine.progress import Progress
    from napari_dsc.records.record import Record
    from napari_dsc.segmenting.pieces import OneImage
    from napari_dsc.segmenting.results import Segmentation
    from napari_dsc.segmenting.settings import Settings


@job.ends_in_outcome
def run_job(control: job.Control, request: Request) -> Generator[job.Status, None, Result]:
    """Smooth, over-segment or segment the part of a layer that a dock requests.

    Yields
    ------
    status : Status
        At the start of each stage, and a few times a second during the cut.
    """
    yield job.Status("Loading")
    job.load_torch()
    with job.computing(request.n_threads, control):
        return (yield from STAGES[request.stage](request, control))


def _do_one(request: Request, control: job.Control) -> Generator[job.Status, None, Result]:
    """Smooth, or divide into superpixels."""
    from napari_dsc.segmenting.series import whole_run

    run = whole_run(request.raw_image(), request.settings)
    if request.stage == "smooth":
        smoothed = yield from _followed(run.iter_smoothed(), request, control)
        return Result(run.record(), smoothed=smoothed)
    labels = yield from _followed(run.iter_superpixels(), request, control)
    return Result(run.record(), superpixels=result.masked(labels, request.mask))


def _segment(request: Request, control: job.Control) -> Generator[job.Status, None, Result]:
    from napari_dsc.segmenting.pieces import open_pieces
    from napari_dsc.segmenting.segmenter import iter_segmentation, refuse

    settings = request.settings
    pieces = open_pieces(request.raw_image(), settings).given(
        computed(request.superpixels), computed(request.scribbles)
    )
    refuse(settings, pieces)
    is_single, levels = pieces.kind == "image", None
    grower = settings.replace(method="tree")
    is_grown_anyway = _grows_tree(settings) and settings != grower
    if request.preview and is_grown_anyway and _is_quickly_grown(pieces):
        yield job.Status(GROWING)
        levels = _grown(pieces, grower, request.mask)
        job.check_canceled(control)
        regions = job.Status("Showing its regions", preview=_regions(levels).labels)
        yield from job.until_shown(regions, control)
    steps = iter_segmentation(pieces, settings)
    found = yield from _followed(steps, request, control, is_single=is_single)
    if found.class_tree is not None:
        return result.classed(found, request)
    if found.tree is not None:
        return _regions(result.levels_of(found, request.mask))
    made = result.finished(found, request)
    if not is_single or levels is not None or "Z" in pieces.series.axes:
        return dataclasses.replace(made, levels=levels)
    return dataclasses.replace(made, grower=(pieces, grower))


def _followed(
    steps: Generator[Progress, None, Any],
    request: Request,
    control: job.Control,
    *,
    is_single: bool = False,
) -> Generator[job.Status, None, Any]:
    """Value of a generator of the engine, or the result of the step that the user keeps."""
    from napari_dsc.machine.progress import Steps

    statuses, followed = Statuses(request, is_single=is_single), Steps(steps)
    last: Any = None
    try:
        for progress in followed:
            job.check_canceled(control)
            last = progress.step
            is_kept = is_single and last is not None and control.keep.is_set()
            status = statuses.of(progress)
            if status is not None and progress.stage == "cut" and last is not None:
                yield from job.until_shown(status, control)
            elif status is not None:
                yield status
            if is_kept:
                break
        else:
            job.check_canceled(control)
            return followed.value
    except ComputationError:
        # Keep was pressed before the step that failed
        if not (is_single and last is not None and control.keep.is_set()):
            raise
    return last.segmentation()


def _grows_tree(settings: Settings) -> bool:
    """Whether the superpixels of a cut are regions of the merge tree."""
    from napari_dsc.segmenting.settings import STAGES_OF

    return (
        settings.superpixel_params.superpixels == "ucm" and "cut" in STAGES_OF[settings.method]
    )


def _is_quickly_grown(pieces: OneImage) -> bool:
    """Whether there is one plane, whose tree takes seconds only."""
    if pieces.kind != "image" or "Z" in pieces.series.axes:
        return False
    return bool(pieces.piece(0).pixels[0].size <= PREVIEW_PIXELS)


def _grown(pieces: OneImage, settings: Settings, mask: np.ndarray | None) -> Levels:
    from napari_dsc.segmenting.segmenter import exhausted, iter_segmentation

    alone = pieces.given(None, None)
    found: Segmentation = exhausted(iter_segmentation(alone, settings))
    return result.levels_of(found, mask)


def _regions(levels: Levels) -> Result:
    """Regions where the parameters cut the tree; of a stack, these alone are shown."""
    shown = levels.cut(levels.n_regions)
    is_plane = levels.tree.superpixels.ndim == 2
    return dataclasses.replace(shown, record=levels.record, levels=levels if is_plane else None)


@job.ends_in_outcome
def grow_job(
    control: job.Control,
    grower: tuple[OneImage, Settings],
    mask: np.ndarray | None,
    n_threads: int,
) -> Generator[job.Status, None, Levels]:
    """Grow the merge tree after a run that did not.

    Yields
    ------
    status : Status
        Before it grows.
    """
    yield job.Status(GROWING)
    with job.computing(n_threads, control):
        return _grown(*grower, mask)


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


@job.ends_in_outcome
def tiles_job(
    control: job.Control, asked: tuple[Request, Path]
) -> Generator[job.Status, None, TiledResult]:
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
    yield job.Status("Loading")
    job.load_torch()
    from napari_dsc.large.writers import check_large_output
    from napari_dsc.segmenting.pieces import Tiles
    from napari_dsc.segmenting.segmenter import iter_segmentation

    check_large_output(path, overwrite=False)
    image = _lazy_image(request)
    pieces = Tiles(image, path, *map(computed, (request.superpixels, request.scribbles)))
    with job.computing(request.n_threads, control):
        steps = iter_segmentation(pieces, request.settings)
        record = yield from _followed(steps, request, control)
        return TiledResult(record, path, _levels_of(path))


def _lazy_image(request: Request) -> RawImage:
    """Part of the image, of which nothing is computed yet."""
    import dask.array

    array: Any = request.array
    if not isinstance(array, (np.ndarray, dask.array.Array)):
        array = dask.array.from_array(array)
    return request.raw_image(array)


def _levels_of(path: Path) -> list[Any]:
    """Levels of a pyramid, the finest first."""
    import dask.array
    import zarr

    group = zarr.open_group(path, mode="r")
    return [dask.array.from_zarr(group[name]) for name in sorted(group.array_keys(), key=int)]


STAGES = {"smooth": _do_one, "superpixels": _do_one, "segment": _segment}
