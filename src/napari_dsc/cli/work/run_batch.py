"""A batch as a command: its workers, progress, rate and summary."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from napari_dsc.batch import execution, folder
from napari_dsc.batch.tasks import plan_tasks, unused_in
from napari_dsc.cli.report import Pace, Report
from napari_dsc.errors import ComputationError, InvalidParameterError
from napari_dsc.files import check_output, write_atomically
from napari_dsc.files.ownership import refuse_overlap
from napari_dsc.machine.device import resolve_device
from napari_dsc.records.recipes import read_recipe, recipe_content
from napari_dsc.segmenting.joint import UNLIKE, Files
from napari_dsc.segmenting.segmenter import refuse

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import distributed

    from napari_dsc.batch.tasks import Existing, Outcome, Task
    from napari_dsc.cli.flags import BatchFlags, RunFlags
    from napari_dsc.segmenting.settings import Settings

NOT_ALL = 1


def run_batch(
    inputs: Sequence[str], batch: BatchFlags, run: RunFlags, settings: Settings, report: Report
) -> int:
    """Segment files on workers.

    Parameters
    ----------
    inputs : sequence of str
        Files, folders and patterns.
    batch : BatchFlags
        Where outputs go, and who makes them.
    run : RunFlags
        The other flags.
    settings : Settings
        Settings of all files.
    report : Report
        Where progress and results are told.

    Returns
    -------
    status : int
        0, or 1 if a file failed or the scheduler was lost.

    Raises
    ------
    DSCError
        Before any computation, if inputs, outputs, weights or workers cannot be used.
    """
    _check_flags(batch, run)
    if run.recipe is not None:
        for note in unused_in(read_recipe(run.recipe)):
            report.note(note)
    if batch.joint:
        refuse(settings, Files([], settings))
    existing: Existing = "overwrite" if run.overwrite else "refuse"
    existing = "resume" if batch.resume else existing
    tasks = plan_tasks(inputs, batch.output, execution.new_batch(settings), existing)
    if run.save_recipe is not None:
        sources, outputs = [one.source for one in tasks], [one.output for one in tasks]
        refuse_overlap([*sources, *run.files()], [*outputs, run.save_recipe])
    # the folder is made once no output lies inside an input
    with (
        folder.open_folder(batch.output, tasks) as log,
        _workers(batch, run.device, report) as (client, resources),
    ):
        from napari_dsc.batch.cluster import iter_outcomes

        try:
            if batch.joint:
                tasks = _learned(tasks, client, resources, report)
        except ComputationError as error:
            report.error(str(error))
            return NOT_ALL
        outcomes = iter_outcomes(client, tasks, execution.do_task, resources)
        with contextlib.closing(folder.iter_logged(outcomes, log)) as logged:
            counts, lost = _follow(logged, len(tasks), report)
    if run.save_recipe is not None:
        content = recipe_content(settings.to_record())
        write_atomically(run.save_recipe, lambda file: file.write(content))
    return NOT_ALL if lost or counts["failed"] else 0


def _check_flags(batch: BatchFlags, run: RunFlags) -> None:
    if importlib.util.find_spec("distributed") is None:
        raise ComputationError(
            'batch: needs the library distributed; run pip install "napari-dsc[batch]"'
        )
    if batch.resume and run.overwrite:
        raise InvalidParameterError("resume, overwrite: expected one of them, got both")
    if batch.scheduler and batch.workers:
        raise InvalidParameterError("scheduler, workers: expected one of them, got both")
    if run.save_recipe is not None:
        check_output(run.save_recipe, overwrite=run.overwrite, suffixes=(".json",))


@contextlib.contextmanager
def _workers(
    batch: BatchFlags, device: str, report: Report
) -> Generator[tuple[distributed.Client, dict[str, float]]]:
    """A client, and the resources that a task takes of its workers."""
    from napari_dsc.batch.cluster import GPU, connect, describe
    from napari_dsc.batch.own_workers import local_client

    # what happens is told by the outcomes, and by one sentence if the scheduler is lost
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    report.begin("starting workers")
    if batch.scheduler:
        on_gpu, opened = device.startswith("cuda"), connect(batch.scheduler)
    else:
        found = resolve_device(device)
        on_gpu, opened = found.type == "cuda", local_client(batch.workers, found)
    resources = {GPU: 1.0} if on_gpu else {}
    with opened as client:
        report.note(describe(client, resources))
        yield client, resources


def _learned(
    tasks: list[Task], client: distributed.Client, resources: dict[str, float], report: Report
) -> list[Task]:
    """Tasks with the network that learned from all of them."""
    from napari_dsc.batch.cluster import done_once

    report.begin(f"learning from {len(tasks)} files")
    joint = done_once(client, execution.learn_together, tasks, resources)
    report.note(f"{joint['n_images']} images are cut by one network, {execution.NETWORK}")
    if not joint["normalization"]:
        report.note(UNLIKE)
    return [task._replace(joint=joint) for task in tasks]


def _follow(
    outcomes: Generator[Outcome], total: int, report: Report
) -> tuple[Counter[str], bool]:
    """Number of files in each state, and whether the scheduler was lost."""
    counts: Counter[str] = Counter()
    pace, lost = Pace(report, "segmenting", total), False
    try:
        for outcome in outcomes:
            counts[outcome.state] += 1
            if outcome.state == "failed":
                report.error(outcome.error, outcome.source)
            report.result(outcome.line())
            n_made = counts.total() - counts["kept"]  # those kept take no time
            words = f"{60 * n_made / pace.seconds:.1f} files/min"
            words += f", {counts['failed']} failed" if counts["failed"] else ""
            pace.tick(f", {words}", f"segmenting, {words}", is_kept=outcome.state == "kept")
    except ComputationError as error:
        report.error(str(error))
        lost = True
    missing = total - counts.total()
    parts = [f"{counts[state]} {state}" for state in ("done", "kept", "failed")]
    parts += [f"{missing} not begun or not finished"] if missing else []
    taken = timedelta(seconds=round(pace.seconds))
    report.note(f"{', '.join(parts)} of {total} files in {taken}; log in {folder.LOG}")
    return counts, lost
