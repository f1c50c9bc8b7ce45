"""The jobs behind the Batch dock: find files, segment them one by one, read a result."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_dsc.jobs import job

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import numpy as np

    from napari_dsc.batch.tasks import Outcome, Task
    from napari_dsc.records.record import Record

REPORT_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class BatchRequest:
    """Files to segment, as rows of the table, and how."""

    sources: tuple[Path, ...]
    rows: tuple[int, ...]
    folder: Path
    recipe: Path | None
    existing: Literal["resume", "overwrite"]
    device: str
    n_threads: int


@dataclass(frozen=True)
class FileStatus(job.Status):
    """State of a row of the table; ``iteration`` counts the rows that are done."""

    row: int = 0
    state: str = ""
    words: str = ""
    output: Path | None = None


@dataclass(frozen=True)
class Ended:
    """Numbers of files by state, and sentences on what the batch did not use."""

    counts: Counter[str]
    notes: list[str]


@dataclass(frozen=True)
class Opened:
    """A result, and the image it was made of."""

    name: str
    pixels: np.ndarray
    rgb: bool
    labels: np.ndarray
    record: Record


@job.in_one_step
def find_job(folder: Path) -> list[Path]:
    """Images in a folder."""
    from napari_dsc.batch.inputs import find_images

    return find_images([folder])


@job.ends_in_outcome
def batch_job(
    control: job.Control, request: BatchRequest
) -> Generator[job.Status, None, Ended]:
    """Segment files one after the other.

    Yields
    ------
    progress : Status
        `FileStatus` when a file begins and ends, and a few times a second between.
    """
    yield job.Status("Loading")
    job.load_torch()
    from napari_dsc.batch.execution import batch_from_recipe, new_batch
    from napari_dsc.batch.folder import open_folder
    from napari_dsc.batch.tasks import now, plan_tasks
    from napari_dsc.segmenting.settings import Settings

    with job.computing(request.n_threads, control), contextlib.ExitStack() as opened:
        notes: list[str] = []
        if request.recipe is None:
            template = new_batch(Settings(device=request.device))
        else:
            template, notes = batch_from_recipe(request.recipe, request.device)
        tasks = plan_tasks(request.sources, request.folder, template, request.existing)
        log = opened.enter_context(open_folder(request.folder, tasks))
        counts: Counter[str] = Counter()
        for number, (row, task) in enumerate(zip(request.rows, tasks, strict=True)):
            words = f"{number + 1} of {len(tasks)}, {task.source.name}"
            yield FileStatus(words, number, row=row, state="running")
            outcome = yield from _follow(task, job.Status(words, number), control)
            log.append(outcome.line())
            counts[outcome.state] += 1
            told = outcome.error or ", ".join(f"{k}: {v}" for k, v in outcome.figures.items())
            output = None if outcome.error else outcome.output
            yield FileStatus(
                words, number + 1, row=row, state=outcome.state, words=told, output=output
            )
        log.append({"event": "end", **counts, "time": now()})
    return Ended(counts, notes)


def _follow(
    task: Task, at: job.Status, control: job.Control
) -> Generator[job.Status, None, Outcome]:
    """Do a task; it ends within a step if the job is canceled, and leaves no file."""
    from napari_dsc.batch.execution import iter_task
    from napari_dsc.machine.progress import Steps

    reported, steps = time.perf_counter(), Steps(iter_task(task))
    for progress in steps:
        job.check_canceled(control)
        if time.perf_counter() - reported > REPORT_SECONDS:
            words = f"{progress.stage} {progress.done} of {progress.total}"
            yield from job.until_shown(
                job.Status(f"{at.sentence}: {words}", at.iteration), control
            )
            reported = time.perf_counter()
    return steps.value


@job.in_one_step
def open_job(source: Path, output: Path) -> Opened:
    """Read a result and its image."""
    job.load_torch()  # Labels layers want what it brings
    import numpy as np

    from napari_dsc.files import read_image
    from napari_dsc.files.tiff import read_record

    record, labels = read_record(output), read_image(output).pixels.squeeze()
    pixels = read_image(source).pixels.squeeze()
    if pixels.ndim > labels.ndim:  # channels are what labels do not have
        wanted = list(labels.shape)
        without = [np.delete(pixels.shape, n).tolist() for n in range(pixels.ndim)]
        pixels = np.moveaxis(pixels, pixels.ndim - 1 - without[::-1].index(wanted), -1)
    rgb = pixels.ndim > labels.ndim and pixels.shape[-1] in (3, 4)
    pixels = pixels if rgb or pixels.ndim == labels.ndim else pixels[..., 0]
    return Opened(source.stem, pixels, rgb, labels, record)
