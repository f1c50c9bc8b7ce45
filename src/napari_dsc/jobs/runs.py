"""The jobs behind Run: smooth, over-segment, segment."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.jobs.job import (
    Control,
    Progress,
    check_cancelled,
    ends_in_outcome,
    load_torch,
)
from napari_dsc.jobs.request import (
    Request,
    computed,
    computing,
    finished,
    in_words,
    until_shown,
)
from napari_dsc.jobs.result import Levels, Result, levels_of, masked
from napari_dsc.jobs.series import segment_pieces

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from napari_dsc.files import RawImage
    from napari_dsc.images import Image
    from napari_dsc.segmenting.results import Step
    from napari_dsc.segmenting.run import Run

REPORT_SECONDS = 0.2
PREVIEW_SECONDS = 0.4
PREVIEW_PIXELS = 2**20
GROWING = "Growing the merge tree"


@ends_in_outcome
def run_job(control: Control, request: Request) -> Generator[Progress, None, Result]:
    """Smooth, over-segment or segment what a dock asks for.

    Yields
    ------
    progress : Progress
        At the start of each stage, and a few times a second during the cut.
    """
    yield Progress("Loading")
    load_torch()
    with computing(request.n_threads, control):
        return (yield from STAGES[request.stage](request, control))


def _new_run(request: Request, image: RawImage | Image) -> Run:
    from napari_dsc.segmenting.run import Run

    return Run(
        image,
        **request.options(),  # type: ignore[arg-type]
        method=request.method,
        tree_params=request.tree_params,
        superpixels=computed(request.superpixels),
        scribbles=computed(request.scribbles),
    )


def _smooth(request: Request, control: Control) -> Generator[Progress, None, Result]:
    run = _new_run(request, request.raw_image())
    yield Progress("Smoothing")
    smoothed = run.image.restore(run.smoothed)
    return Result(run.record(), smoothed=smoothed)


def _over_segment(request: Request, control: Control) -> Generator[Progress, None, Result]:
    from napari_dsc.images import to_label_image

    run = _new_run(request, request.raw_image())
    yield from _make_superpixels(run, control)
    labels = masked(to_label_image(run.image.restore_labels(run.superpixels)), request.mask)
    return Result(run.record(), superpixels=labels)


def _make_superpixels(run: Run, control: Control) -> Iterator[Progress]:
    if run.superpixel_params.source == "smoothed":
        yield Progress("Smoothing")
        _ = run.smoothed
        check_cancelled(control)
    yield Progress("Making superpixels")
    _ = run.superpixels
    check_cancelled(control)


def _segment(request: Request, control: Control) -> Generator[Progress, None, Result]:
    from napari_dsc.images import load_series
    from napari_dsc.segmenting.series import pieces_to_cut

    series = load_series(request.raw_image(), params=request.image_params)
    is_cut = request.method == "dsc"
    pieces = pieces_to_cut(series, request.cut_params) if is_cut else series
    if len(pieces.frames) > 1:
        return (yield from segment_pieces(pieces, request, control))
    run = _new_run(request, series.frames[0])
    return (yield from (_cut_classes if is_cut else _grow_regions)(run, request, control))


def _grow_regions(
    run: Run, request: Request, control: Control
) -> Generator[Progress, None, Result]:
    yield Progress(GROWING)
    return _regions(levels_of(run, request.mask))


def _cut_classes(
    run: Run, request: Request, control: Control
) -> Generator[Progress, None, Result]:
    tree_run = _tree_run(run, request)
    levels = None
    if request.preview and _is_quickly_grown(run):
        yield Progress(GROWING)
        levels = levels_of(tree_run, request.mask)
        check_cancelled(control)
        regions = Progress("Showing its regions", preview=_regions(levels).labels)
        yield from until_shown(regions, control)
    yield from _make_superpixels(run, control)
    yield Progress("Starting the cut")
    step = yield from _cut(run, request, control)
    made = finished(run.result(step), request)
    grower = tree_run if levels is None and "Z" not in run.image.axes else None
    return dataclasses.replace(made, levels=levels, grower=grower)


def _is_quickly_grown(run: Run) -> bool:
    """Whether the tree takes seconds only."""
    pixels = run.image.pixels
    return pixels.ndim == 3 and pixels[0].size <= PREVIEW_PIXELS


def _tree_run(run: Run, request: Request) -> Run:
    """Run of the merge tree on the image of another run."""
    from napari_dsc.segmenting.run import Run

    return Run(
        run.image,
        weights=request.weights,
        device=request.device,
        image_params=request.image_params,
        method="tree",
        tree_params=request.tree_params,
    )


def _regions(levels: Levels) -> Result:
    """Regions where the parameters cut the tree; of a stack, these alone are shown."""
    shown = levels.cut(levels.n_regions)
    is_plane = levels.tree.superpixels.ndim == 2
    return dataclasses.replace(shown, record=levels.record, levels=levels if is_plane else None)


@ends_in_outcome
def grow_job(
    control: Control, run: Run, mask: np.ndarray | None, n_threads: int
) -> Generator[Progress, None, Levels]:
    """Grow the merge tree after a run that did not.

    Yields
    ------
    progress : Progress
        Before it grows.
    """
    yield Progress(GROWING)
    with computing(n_threads, control):
        return levels_of(run, mask)


def _cut(run: Run, request: Request, control: Control) -> Generator[Progress, None, Step]:
    """Run the cut, reporting a few times a second."""
    start = time.perf_counter()
    previews = _Previews(run.superpixels, request)
    reported = start
    total = request.cut_params.n_iterations
    for step in run.iter_steps():
        check_cancelled(control)
        now = time.perf_counter()
        is_last = step.iteration == total or control.keep.is_set()
        if is_last or now - reported >= REPORT_SECONDS:
            reported = now
            left = (now - start) / step.iteration * (total - step.iteration)
            told = Progress(
                f"Merging superpixels: {step.iteration} of {total}, {in_words(left)} left",
                step.iteration,
                float(step.label_loss),
                float(step.cut_loss),
                step.n_classes,
                previews.next(step),
                previews.step,
            )
            yield from until_shown(told, control)
        if is_last:
            break
    return step


class _Previews:
    """Labels of the running cut, at most a megapixel of them, a few times a second."""

    def __init__(self, superpixels: np.ndarray, request: Request) -> None:
        self.step = int(np.ceil(np.sqrt(superpixels.size / PREVIEW_PIXELS)))
        thinned = (..., *(slice(self.step // 2, None, self.step),) * 2)
        self._superpixels = superpixels[thinned]
        self._mask = None if request.mask is None else request.mask[thinned]
        self._wanted = request.preview
        self._due = 0.0

    def next(self, step: Step) -> np.ndarray | None:
        """Class plus 1 of each pixel, if it is time for the next preview."""
        if not self._wanted or time.perf_counter() < self._due:
            return None
        classes = (step.classes.cpu().numpy() + 1).astype(np.uint16)
        labels = masked(classes[self._superpixels], self._mask)
        self._due = time.perf_counter() + PREVIEW_SECONDS
        return labels


STAGES = {"smooth": _smooth, "superpixels": _over_segment, "segment": _segment}
