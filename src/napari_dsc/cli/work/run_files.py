"""The method over files: one result each, and a failure stops only its own file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from napari_dsc.cli.parsing import parse_channels, parse_spacing
from napari_dsc.cli.plan import make_folders
from napari_dsc.cli.work.run_jointly import do_jointly
from napari_dsc.cli.work.series import do_pieces, parameters_record, picture_of, write_made
from napari_dsc.cli.work.tiles import goes_by_tiles, segment_by_tiles
from napari_dsc.errors import ComputationError, DSCError
from napari_dsc.files import check_output, write_atomically, write_image
from napari_dsc.files.ownership import refuse_overlap
from napari_dsc.images import to_label_image
from napari_dsc.large.writing import check_large_output
from napari_dsc.machine.allocator import keep_freed_memory
from napari_dsc.machine.device import resolve_device
from napari_dsc.records.recipes import recipe_content
from napari_dsc.segmenting.learned import refuse_alone
from napari_dsc.segmenting.run import Run
from napari_dsc.segmenting.series import open_series, pieces_to_cut
from napari_dsc.segmenting.tree import segment_by_tree
from napari_dsc.superae.weights import DEFAULT, find_weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Unpack

    import numpy as np

    from napari_dsc.cli.commands.segment import RunFlags
    from napari_dsc.cli.plan import Job, Plan
    from napari_dsc.cli.report import Report
    from napari_dsc.images import Image
    from napari_dsc.records.record import Record
    from napari_dsc.segmenting.pipeline import RunOptions
    from napari_dsc.segmenting.results import Step


# how far the number of superpixels may be from what was asked without a word
TOLERANCE = 0.15
NOT_ALL = 1


class Outcome(NamedTuple):
    """What is written of one image, and what was counted in it."""

    pixels: np.ndarray
    axes: str
    record: Record
    counts: dict[str, int]


def run_plan(
    kind: str, plan: Plan, flags: RunFlags, options: RunOptions, report: Report
) -> int:
    """Do all jobs of a command.

    Parameters
    ----------
    kind : str
        ``smoothed``, ``superpixels`` or ``segments``.
    plan : Plan
        What to read and write.
    flags : RunFlags
        Flags that all commands have.
    options : RunOptions
        Parameters of the stages that this command has.
    report : Report
        Where progress and results are told.

    Returns
    -------
    status : int
        0; if a file failed, 2, or 1 if they are cut together; the others are done
        nevertheless.

    Raises
    ------
    DSCError
        Before any computation, if the device, the weights or an output cannot be used.
    """
    weights = flags.weights or DEFAULT
    device = resolve_device(flags.device)
    find_weights(weights)
    _check_outputs(kind, plan, flags)
    keep_freed_memory()
    reading: RunOptions = {
        "axes": flags.axes,
        "spacing": parse_spacing(flags.spacing),
        "channels": parse_channels(flags.channels),
    }
    options = {**reading, "weights": weights, "device": flags.device, **options}
    is_joint = plan.joint and len(plan.jobs) > 1
    if is_joint:
        failed = do_jointly(plan, flags.overwrite, device, options, report)
    else:
        failed = _do_one_by_one(kind, plan, flags.overwrite, options, report)
    if failed and len(plan.jobs) > 1:
        report.error(f"{failed} of {len(plan.jobs)} images failed, the others are done")
    if flags.save_recipe is not None and failed < len(plan.jobs):
        content = recipe_content(
            parameters_record(options), weights, options.get("method", "dsc")
        )
        write_atomically(flags.save_recipe, lambda file: file.write(content))
    if failed and is_joint:
        return NOT_ALL
    return 2 if failed else 0


def _do_one_by_one(
    kind: str, plan: Plan, overwrite: bool, options: RunOptions, report: Report
) -> int:
    """Number of images that failed."""
    if plan.joint:
        refuse_alone(options)
        report.note("joint: one input, so its result is that without --joint")
    make_folders(plan.folders)
    device, failed = resolve_device(options["device"]), 0
    for number, job in enumerate(plan.jobs, 1):
        report.file(job.source, number, len(plan.jobs))
        try:
            if kind == "segments" and goes_by_tiles(job, plan.tiles, device):
                segment_by_tiles(job, plan.tiles, overwrite, report, **options)
            else:
                _do(kind, job, overwrite, report, **options)
        except DSCError as error:
            report.failure(job.source, error)
            failed += 1
        except MemoryError:
            too_large = ComputationError("out of memory; crop or downscale the image")
            report.failure(job.source, too_large)
            failed += 1
    return failed


def last_step(run: Run, report: Report) -> Step:
    """Run the cut to its end.

    Parameters
    ----------
    run : Run
        A run, stages of which may be done.
    report : Report
        Follows the iterations.

    Returns
    -------
    step : Step
        The last one.
    """
    smooths = run.superpixel_params.source == "smoothed"
    report.begin("smoothing, superpixels" if smooths else "superpixels")
    n_superpixels = run.superpixels.max() + 1
    report.begin(f"merging {n_superpixels} superpixels", run.cut_params.n_iterations)
    for step in run.iter_steps():
        report.advance()
        last = step
    return last


def _check_outputs(kind: str, plan: Plan, flags: RunFlags) -> None:
    recipes = [] if flags.save_recipe is None else [flags.save_recipe]
    written = [path for job in plan.jobs for path in job.written()]
    read = [job.source for job in plan.jobs] + flags.files()
    refuse_overlap(read, [*written, *recipes])
    for path in recipes:
        check_output(path, overwrite=flags.overwrite, suffixes=(".json",))
    to_make = [folder for folder in plan.folders if not folder.exists()]
    for path in written:
        if path.parent in to_make:
            continue
        is_zarr = kind == "segments" and path.suffix.lower() == ".zarr"
        check = check_large_output if is_zarr else check_output
        check(path, overwrite=flags.overwrite)


def _do(
    kind: str, job: Job, overwrite: bool, report: Report, **options: Unpack[RunOptions]
) -> None:
    start = time.perf_counter()
    report.begin("reading")
    source: Path | Image = job.source
    if options.get("method", "dsc") == "dsc":
        series = open_series(job.source, options)
        pieces = series
        if kind == "segments":
            pieces = pieces_to_cut(series, options["cut_params"])
        if len(pieces.frames) > 1:
            made = do_pieces(kind, series, pieces, report, **options)
            write_made(job, made, overwrite, start, report)
            return
        source = series.frames[0]
    run = Run(source, **options)
    outcome = _COMPUTE[kind](run, report)
    report.begin("writing")
    write_image(
        job.output,
        outcome.pixels,
        record=outcome.record | {"parameters": parameters_record(options)},
        axes=outcome.axes,
        spacing=run.image.label_spacing,
        unit=run.image.unit,
        overwrite=overwrite,
    )
    for path in job.overlays:
        picture = picture_of(run.image, outcome.pixels, report)
        write_image(path, picture, record={}, spacing=(), unit="", overwrite=overwrite)
    seconds = time.perf_counter() - start
    _tell(run, job, outcome.counts, seconds, report)


def _tell(run: Run, job: Job, counts: dict[str, int], seconds: float, report: Report) -> None:
    report.note(run.image.describe())
    for note in (*run.image.notes, *run.notes):
        report.note(note)
    asked = run.superpixel_params.n_superpixels
    if abs(counts.get("n_superpixels", asked) - asked) > TOLERANCE * asked:
        report.note(f"the image gives {counts['n_superpixels']} superpixels, not {asked}")
    found = "".join(f"{count} {name[2:]}, " for name, count in counts.items())
    report.note(f"{found}{seconds:.1f} s on {run.device} -> {job.output}")
    report.result(
        {"file": str(job.source), "output": str(job.output)}
        | counts
        | {"seconds": round(seconds, 3), "device": str(run.device)}
    )


def _smooth(run: Run, report: Report) -> Outcome:
    report.begin("smoothing")
    return Outcome(run.image.restore(run.smoothed), run.image.axes, run.record(), {})


def _over_segment(run: Run, report: Report) -> Outcome:
    smooths = run.superpixel_params.source == "smoothed"
    report.begin("smoothing, superpixels" if smooths else "superpixels")
    labels = to_label_image(run.image.restore_labels(run.superpixels))
    counts = {"n_superpixels": int(labels.max())}
    return Outcome(labels, run.image.label_axes, run.record(), counts)


def _segment(run: Run, report: Report) -> Outcome:
    if run.method == "tree":
        report.begin("growing the merge tree")
        found = segment_by_tree(run)
        counts = {"n_regions": int(found.classes_of_superpixels.max()) + 1}
        return Outcome(found.labels, run.image.label_axes, found.record, counts)
    step = last_step(run, report)
    counts = {"n_classes": step.n_classes, "n_superpixels": len(step.classes)}
    return Outcome(step.labels(), run.image.label_axes, run.cut_record(step), counts)


_COMPUTE: dict[str, Callable[[Run, Report], Outcome]] = {
    "smoothed": _smooth,
    "superpixels": _over_segment,
    "segments": _segment,
}
