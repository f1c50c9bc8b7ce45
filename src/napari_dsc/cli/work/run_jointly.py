"""Segments of many images in common classes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari_dsc.cli.plan import make_folders
from napari_dsc.cli.work.series import Made, followed, parameters_record, write_made
from napari_dsc.cli.work.tiles import goes_by_tiles
from napari_dsc.errors import ComputationError, DSCError, InvalidImageError
from napari_dsc.segmenting.joint import JointRun
from napari_dsc.segmenting.series import last_of

if TYPE_CHECKING:
    import torch

    from napari_dsc.cli.plan import Plan
    from napari_dsc.cli.report import Report
    from napari_dsc.segmenting.learned import Learned
    from napari_dsc.segmenting.pipeline import RunOptions


def do_jointly(
    plan: Plan, overwrite: bool, device: torch.device, options: RunOptions, report: Report
) -> int:
    """Let one network learn from all inputs, and write the labels of each.

    Parameters
    ----------
    plan : Plan
        Inputs and outputs; its folders are made once the inputs are known to fit together.
    overwrite : bool
        Whether outputs that exist are replaced.
    device : torch.device
        Where the networks run.
    options : dict
        Keyword arguments of `Run`.
    report : Report
        Where progress and results are told.

    Returns
    -------
    n_failed : int
        Images without a result; each was told.

    Raises
    ------
    DSCError
        Before anything is written, if images have different numbers of channels, none can
        be used, or parameters ask for something else.
    """
    run = JointRun([job.source for job in plan.jobs], **options)
    for place, job in enumerate(plan.jobs):
        if goes_by_tiles(job, plan.tiles, device):
            run.failures[place] = InvalidImageError(
                f"{job.source}: is cut by tiles, expected images that fit into memory for joint"
            )
    _survey(run, plan, report)
    make_folders(plan.folders)
    n_images = sum(member.n_frames for member in run.members)
    stage = f"learning from {n_images} images"
    report.begin(stage)
    learned = followed(run.iter_learning(), stage, run.params.n_iterations, report)
    for place, job in enumerate(plan.jobs):
        if place in run.failures:
            continue
        report.file(job.source, place + 1, len(plan.jobs))
        start = time.perf_counter()
        try:
            made = _assign(run, learned, place, report)
            write_made(job, made, overwrite, start, report)
        except DSCError as error:
            run.failures[place] = error
            report.failure(job.source, error)
        except MemoryError:
            too_large = ComputationError("out of memory; crop or downscale the image")
            run.failures[place] = too_large
            report.failure(job.source, too_large)
    return len(run.failures)


def _survey(run: JointRun, plan: Plan, report: Report) -> None:
    report.begin("reading", len(plan.jobs))
    for place in run.iter_survey():
        report.advance()
        if place in run.failures:
            report.failure(plan.jobs[place].source, run.failures[place])
    for note in run.notes:
        report.note(note)


def _assign(run: JointRun, learned: Learned, place: int, report: Report) -> Made:
    report.begin("smoothing, superpixels, classes")
    frames = run.frames(place)
    found = last_of(frames.iter_classes_by(learned))
    told = {"parameters": parameters_record(run.options), "joint": run.record()}
    return Made(frames.series, frames, frames.labels(found), frames.record(found) | told)
