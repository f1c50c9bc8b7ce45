"""The jobs behind Run: smooth, over-segment, segment."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.params import CutParams, ImageParams, SuperpixelParams, TreeParams
from napari_dsc.widgets._job import (
    Control,
    Progress,
    check_cancelled,
    ends_in_outcome,
    load_torch,
)
from napari_dsc.widgets._result import Levels, Result, levels_of, masked

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from napari_dsc.results import Step
    from napari_dsc.run import Run

REPORT_SECONDS = 0.05
PREVIEW_SECONDS = 0.3
PREVIEW_PIXELS = 2**20
# the longest that a step waits for the window, which draws faster when nothing competes
SHOW_SECONDS = 1.0
GROWING = "Growing the merge tree"


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """Everything a run needs, copied from the dock before it starts.

    ``array[index]`` is read by the job, so that a lazy array is computed off the GUI thread.
    """

    stage: str
    array: object
    index: tuple[int | slice, ...]
    axes: str
    spacing: tuple[float, ...] = ()
    unit: str = ""
    mask: np.ndarray | None = None
    superpixels: tuple[object, tuple[int | slice, ...]] | None = None
    scribbles: tuple[object, tuple[int | slice, ...]] | None = None
    weights: str
    device: str
    image_params: ImageParams = ImageParams()
    superpixel_params: SuperpixelParams = SuperpixelParams()
    cut_params: CutParams = CutParams()
    method: str = "dsc"
    tree_params: TreeParams = TreeParams()
    n_threads: int = 0
    preview: bool = True


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
    with on_threads(request.n_threads):
        run = _new_run(request)
        return (yield from STAGES[request.stage](run, request, control))


def _new_run(request: Request) -> Run:
    from napari_dsc.files import RawImage
    from napari_dsc.run import Run

    pixels = np.asarray(request.array[request.index])  # type: ignore[index]
    return Run(
        RawImage(pixels, request.axes, request.spacing, request.unit, origin="the layer"),
        weights=request.weights,
        device=request.device,
        image_params=request.image_params,
        superpixel_params=request.superpixel_params,
        cut_params=request.cut_params,
        method=request.method,
        tree_params=request.tree_params,
        superpixels=_read(request.superpixels),
        scribbles=_read(request.scribbles),
    )


def _read(part: tuple[object, tuple[int | slice, ...]] | None) -> np.ndarray | None:
    """Compute part of a lazy array."""
    return None if part is None else np.asarray(part[0][part[1]])  # type: ignore[index]


def _smooth(run: Run, request: Request, control: Control) -> Generator[Progress, None, Result]:
    yield Progress("Smoothing")
    smoothed = run.image.restore(run.smoothed)
    return Result(run.record(), smoothed=smoothed)


def _over_segment(
    run: Run, request: Request, control: Control
) -> Generator[Progress, None, Result]:
    from napari_dsc.images import to_label_image

    yield from _make_superpixels(run, control)
    labels = masked(to_label_image(run.superpixels), request.mask)
    return Result(run.record(), superpixels=labels)


def _make_superpixels(run: Run, control: Control) -> Iterator[Progress]:
    if run.superpixel_params.source == "smoothed":
        yield Progress("Smoothing")
        _ = run.smoothed
        check_cancelled(control)
    yield Progress("Making superpixels")
    _ = run.superpixels
    check_cancelled(control)


def _segment(run: Run, request: Request, control: Control) -> Generator[Progress, None, Result]:
    if request.method == "tree":
        yield Progress(GROWING)
        return _regions(levels_of(run, request.mask))
    tree_run = _tree_run(run, request)
    levels = None
    if request.preview and _is_quickly_grown(run):
        yield Progress(GROWING)
        levels = levels_of(tree_run, request.mask)
        check_cancelled(control)
        regions = Progress("Showing its regions", preview=_regions(levels).labels)
        yield from _until_shown(regions, control)
    yield from _make_superpixels(run, control)
    yield Progress("Starting the cut")
    step = yield from _cut(run, request, control)
    made = _classes(run, step, request)
    return dataclasses.replace(made, levels=levels, grower=None if levels else tree_run)


def _is_quickly_grown(run: Run) -> bool:
    """Whether the tree takes seconds only."""
    pixels = run.image.pixels
    return pixels.ndim == 3 and pixels[0].size <= PREVIEW_PIXELS


def _tree_run(run: Run, request: Request) -> Run:
    """Run of the merge tree on the image of another run."""
    from napari_dsc.run import Run

    return Run(
        run.image,
        weights=request.weights,
        device=request.device,
        image_params=request.image_params,
        method="tree",
        tree_params=request.tree_params,
    )


def _regions(levels: Levels) -> Result:
    """Regions where the parameters cut the tree."""
    shown = levels.cut(levels.n_regions)
    return dataclasses.replace(shown, record=levels.record, levels=levels)


def _classes(run: Run, step: Step, request: Request) -> Result:
    result = run.result(step)
    labels = masked(result.labels, request.mask)
    table = result.features()
    kept = np.isin(table["index"], labels)
    superpixels = masked(result.superpixels, request.mask)
    return Result(
        result.record,
        smoothed=result.smoothed,
        superpixels=superpixels,
        labels=labels,
        features={name: column[kept] for name, column in table.items()},
        parts=dataclasses.replace(result.parts(), superpixels=superpixels),
    )


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
    with on_threads(n_threads):
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
                f"Merging superpixels: {step.iteration} of {total}, {_in_words(left)} left",
                step.iteration,
                float(step.label_loss),
                float(step.cut_loss),
                step.n_classes,
                previews.next(step),
                previews.step,
            )
            yield from _until_shown(told, control)
        if is_last:
            break
    return step


def _until_shown(told: Progress, control: Control) -> Iterator[Progress]:
    """Report, and let the window draw."""
    control.is_shown.clear()
    yield told
    control.is_shown.wait(SHOW_SECONDS)


class _Previews:
    """Labels of the running cut, at most a megapixel of them, a few times a second."""

    def __init__(self, superpixels: np.ndarray, request: Request) -> None:
        self.step = int(np.ceil(np.sqrt(superpixels.size / PREVIEW_PIXELS)))
        thinned = (slice(self.step // 2, None, self.step),) * 2
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


def _in_words(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextlib.contextmanager
def on_threads(n_threads: int) -> Iterator[None]:
    """Compute on so many threads, and leave torch as it was."""
    import torch

    outside = _outside_threads()
    torch.set_num_threads(n_threads or max(outside - 1, 1))
    try:
        yield
    finally:
        torch.set_num_threads(outside)


@functools.cache
def _outside_threads() -> int:
    """Threads of torch before any job changed them; jobs may overlap."""
    import torch

    return torch.get_num_threads()


STAGES = {"smooth": _smooth, "superpixels": _over_segment, "segment": _segment}
