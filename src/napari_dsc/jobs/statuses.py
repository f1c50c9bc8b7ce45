"""Progress of the engine as sentences and previews for a dock."""

import time
from typing import Any

import numpy as np

from napari_dsc.jobs.job import Status
from napari_dsc.jobs.request import Request
from napari_dsc.jobs.result import in_shown_type, masked
from napari_dsc.machine.progress import Progress

REPORT_SECONDS = 0.2
PREVIEW_SECONDS = 0.4
PREVIEW_PIXELS = 2**20
GROWING = "Growing the merge tree"
STAGES = {
    "reading": "Reading places to learn from",
    "smoothing": "Smoothing",
    "superpixels": "Making superpixels",
    "tree": GROWING,
    "features": "Averaging features",
    "classes": "Growing the class tree",
    "cut": "Merging superpixels",
    "learning": "Learning",
    "labels": "Giving labels",
    "writing": "Writing",
}


class Statuses:
    """Makes a status of progress, a few times a second.

    Parameters
    ----------
    request : Request
        Asks for previews or not, and holds the mask.
    is_single : bool
        Whether a single image is segmented: the steps of its cut are previewed, and its run
        may end with any of them.
    """

    def __init__(self, request: Request, *, is_single: bool) -> None:
        self._mask, self._is_single = request.mask, is_single
        self._wanted = request.preview and is_single
        self._stage, self._began = "", 0.0
        self._told = self._shown = 0.0

    def of(self, progress: Progress) -> Status | None:
        """Status of some progress; None if the last one is fresh enough."""
        now = time.perf_counter()
        is_new = progress.stage != self._stage or isinstance(progress.step, str)
        if is_new:
            self._stage, self._began = progress.stage, now
        is_last = progress.stage == "cut" and progress.done == progress.total
        if not is_new and not is_last and now - self._told < REPORT_SECONDS:
            return None
        self._told = now
        if isinstance(progress.step, str):
            return Status(progress.step, is_kept=False)
        sentence = _sentence(progress, now - self._began)
        if progress.stage != "cut" or progress.step is None:
            share = (progress.done, progress.total)
            return Status(sentence, is_kept=False, share=share)
        return self._of_step(sentence, progress, now)

    def _of_step(self, sentence: str, progress: Progress, now: float) -> Status:
        step: Any = progress.step
        preview, stride = None, 1
        if self._wanted and now - self._shown >= PREVIEW_SECONDS:
            preview, stride = _preview(step, self._mask)
            self._shown = time.perf_counter()
        return Status(
            sentence,
            progress.done,
            float(step.label_loss),
            float(step.cut_loss),
            len(step.classes.unique()),
            preview,
            stride,
            is_kept=self._is_single,
        )


def _sentence(progress: Progress, seconds: float) -> str:
    words = STAGES[progress.stage]
    if progress.total == 1 or not progress.done:
        return words
    words = f"{words}: {progress.done} of {progress.total}"
    if progress.stage != "cut":
        return words
    left = seconds / progress.done * (progress.total - progress.done)
    return f"{words}, {in_words(left)} left"


def _preview(step: Any, mask: np.ndarray | None) -> tuple[np.ndarray, int]:
    """Class plus 1 of at most a megapixel, and the stride of these pixels."""
    stride = int(np.ceil(np.sqrt(step.superpixels.size / PREVIEW_PIXELS)))
    thinned = (..., *(slice(stride // 2, None, stride),) * 2)
    classes = in_shown_type(step.classes.cpu().numpy() + 1, max(step.assignment.shape))
    shown = None if mask is None else mask[thinned]
    return masked(classes[step.superpixels[thinned]], shown), stride


def in_words(seconds: float) -> str:
    """Seconds, minutes or hours."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
