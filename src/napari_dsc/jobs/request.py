"""Requests of docks, and the results and threads of their jobs."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.jobs.job import check_canceled
from napari_dsc.jobs.result import Result, masked
from napari_dsc.machine.side_process import side_process
from napari_dsc.segmenting.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_dsc.files import RawImage
    from napari_dsc.jobs.job import Control, Status
    from napari_dsc.segmenting.results import Segmentation

# the longest that a step waits for the window, which draws faster when nothing competes
SHOW_SECONDS = 1.0


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
    settings: Settings = Settings()
    n_threads: int = 0
    preview: bool = True
    has_confidence: bool = False

    def raw_image(self) -> RawImage:
        """Part of the image, computed now."""
        from napari_dsc.files import RawImage

        pixels = np.asarray(self.array[self.index])  # type: ignore[index]
        return RawImage(pixels, self.axes, self.spacing, self.unit, origin="the layer")


def computed(part: tuple[object, tuple[int | slice, ...]] | None) -> np.ndarray | None:
    """Compute part of a lazy array."""
    return None if part is None else np.asarray(part[0][part[1]])  # type: ignore[index]


def finished(result: Segmentation, request: Request) -> Result:
    """Hand a segmentation to the dock, without what lies outside the mask."""
    labels = masked(result.labels, request.mask)
    table = result.features()
    kept = np.isin(table["index"], labels)
    superpixels = masked(result.superpixels, request.mask)
    parts = dataclasses.replace(result.parts(), superpixels=superpixels)
    confidence = None
    if request.has_confidence:
        confidence = np.append(np.nan, parts.margins).astype(np.float32)[superpixels]
    return Result(
        result.record,
        smoothed=result.smoothed,
        superpixels=superpixels,
        labels=labels,
        features={name: column[kept] for name, column in table.items()},
        parts=parts,
        confidence=confidence,
    )


def until_shown(told: Status, control: Control) -> Iterator[Status]:
    """Report, and let the window draw."""
    control.is_shown.clear()
    yield told
    control.is_shown.wait(SHOW_SECONDS)


@contextlib.contextmanager
def computing(n_threads: int, control: Control) -> Iterator[None]:
    """Compute on so many threads, some of it in another process; leave torch as it was."""
    import torch

    outside = _outside_threads()
    inside = n_threads or max(outside - 1, 1)
    torch.set_num_threads(inside)
    try:
        with side_process(functools.partial(check_canceled, control), inside):
            yield
    finally:
        torch.set_num_threads(outside)


@functools.cache
def _outside_threads() -> int:
    """Threads of torch before any job changed them; jobs may overlap."""
    import torch

    return torch.get_num_threads()
