"""The job that segments all frames of a series, or planes apart."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from napari_dsc.errors import InvalidParameterError
from napari_dsc.jobs.job import Control, Progress, check_cancelled
from napari_dsc.jobs.request import finished, in_words, until_shown

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from napari_dsc.images import ImageSeries
    from napari_dsc.jobs.request import Request
    from napari_dsc.jobs.result import Result
    from napari_dsc.segmenting.frames import SeriesStep
    from napari_dsc.segmenting.results import Segmentation

REPORT_SECONDS = 0.2
_STAGES = {"superpixels": "Making superpixels", "labels": "Giving labels"}


def segment_pieces(
    pieces: ImageSeries, request: Request, control: Control
) -> Generator[Progress, None, Result]:
    """Segment frames, or planes that are cut apart; it can be cancelled between all steps.

    Yields
    ------
    progress : Progress
        After each image, and a few times a second during the cut.

    Raises
    ------
    InvalidParameterError
        If something is asked for that several images do not have.
    """
    _refuse_what_is_not_there(request)
    found = yield from _followed(pieces, request, control)
    yield Progress("Putting the images together")
    return finished(found, request)


def _refuse_what_is_not_there(request: Request) -> None:
    what = "several frames, or planes apart, expected a plane, a frame or a stack under What"
    if request.method != "dsc":
        raise InvalidParameterError(f"method={request.method!r}: {what}")
    for name in ("superpixels", "scribbles"):
        if getattr(request, name) is not None:
            raise InvalidParameterError(f"{name}: given for {what}")


def _followed(
    pieces: ImageSeries, request: Request, control: Control
) -> Generator[Progress, None, Segmentation]:
    from napari_dsc.segmenting.series import iter_series

    reported = start = time.perf_counter()
    stage = ""
    with closing(iter_series(pieces, **request.options())) as steps:
        yield Progress(f"Making superpixels of {len(pieces.frames)} images")
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                found: Segmentation = end.value
                return found
            check_cancelled(control)
            now = time.perf_counter()
            if step.stage != stage:
                start, stage = now, step.stage
            if now - reported >= REPORT_SECONDS:
                reported = now
                yield from _told(step, now - start, control)


def _told(step: SeriesStep, seconds: float, control: Control) -> Iterator[Progress]:
    if step.step is None:
        yield Progress(f"{_STAGES[step.stage]}: image {step.done} of {step.total}")
        return
    left = in_words(seconds / step.done * (step.total - step.done))
    told = Progress(
        f"Merging superpixels: {step.done} of {step.total}, {left} left",
        step.done,
        float(step.step.label_loss),
        float(step.step.cut_loss),
        len(step.step.classes.unique()),
        is_kept=False,
    )
    yield from until_shown(told, control)
