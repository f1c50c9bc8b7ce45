"""Work of the commands segment, superpixels and smooth: one result for each file."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_dsc.cli.plan import make_folders
from napari_dsc.cli.work.overlays import overlay_of
from napari_dsc.errors import ComputationError, DSCError, InvalidParameterError
from napari_dsc.files import check_output, write_atomically, write_image
from napari_dsc.files.ownership import refuse_overlap
from napari_dsc.large.writers import check_large_output
from napari_dsc.machine.allocator import keep_freed_memory
from napari_dsc.records.recipes import recipe_content
from napari_dsc.segmenting.files import TOO_LARGE, Files
from napari_dsc.segmenting.pieces import Tiles, needs_tiles, open_pieces
from napari_dsc.segmenting.results import Segmentation, write_result
from napari_dsc.segmenting.segmenter import exhausted, iter_segmentation, refuse
from napari_dsc.segmenting.series import whole_run
from napari_dsc.segmenting.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np

    from napari_dsc.cli.flags import RunFlags
    from napari_dsc.cli.plan import Job, Plan
    from napari_dsc.cli.report import Report
    from napari_dsc.machine.progress import Progress
    from napari_dsc.records.record import Record
    from napari_dsc.segmenting.files import Member
    from napari_dsc.segmenting.pieces import OneImage
    from napari_dsc.segmenting.settings import Settings

# deviation from n_superpixels that is not reported
TOLERANCE = 0.15
NOT_ALL = 1
_COUNTS = ("n_images", "n_classes", "n_regions", "n_superpixels")
# stages whose parameters decide the result of a command
_STAGES = {
    "smoothed": ("image",),
    "superpixels": ("image", "superpixels"),
    "segments": ("image", "superpixels", "cut", "tree"),
}


class Made(NamedTuple):
    """Pixels to write, and the pieces and the record of a run."""

    pieces: OneImage
    pixels: np.ndarray
    record: Record


def run_plan(kind: str, plan: Plan, flags: RunFlags, settings: Settings, report: Report) -> int:
    """Do all jobs of a command.

    Parameters
    ----------
    kind : str
        ``smoothed``, ``superpixels`` or ``segments``.
    plan : Plan
        What to read and write.
    flags : RunFlags
        Flags that all commands have.
    settings : Settings
        Settings of the run.
    report : Report
        Receives progress and results.

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
    Stages(settings)
    _check_outputs(kind, plan, flags)
    keep_freed_memory()
    is_joint = plan.joint and len(plan.jobs) > 1
    do = _do_jointly if is_joint else _do_one_by_one
    failed = do(kind, plan, flags.overwrite, settings, report)
    if failed and len(plan.jobs) > 1:
        report.error(f"{failed} of {len(plan.jobs)} images failed, the others are done")
    if flags.save_recipe is not None and failed < len(plan.jobs):
        content = recipe_content(_used(kind, settings.to_record()))
        write_atomically(flags.save_recipe, lambda file: file.write(content))
    if failed and is_joint:
        return NOT_ALL
    return 2 if failed else 0


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


def _do_one_by_one(
    kind: str, plan: Plan, overwrite: bool, settings: Settings, report: Report
) -> int:
    """Number of images that failed."""
    if plan.joint:
        refuse(settings, Files([], settings))
        report.note("joint: one input, so its result is that without --joint")
    make_folders(plan.folders)
    failed = 0
    for number, job in enumerate(plan.jobs, 1):
        report.file(job.source, number, len(plan.jobs))
        error = _attempt(partial(_do, kind, job, overwrite, settings, report))
        if error is not None:
            report.failure(job.source, error)
            failed += 1
    return failed


def _attempt(work: Callable[[], None]) -> DSCError | None:
    """Error that some work failed with."""
    try:
        work()
    except DSCError as error:
        return error
    except MemoryError:
        return ComputationError(TOO_LARGE)
    return None


def _do(kind: str, job: Job, overwrite: bool, settings: Settings, report: Report) -> None:
    start = time.perf_counter()
    report.begin("reading")
    if kind == "segments" and needs_tiles(job.source, settings, job.output):
        record = _segment_tiles(job, overwrite, settings, report)
    else:
        pieces, pixels, record = _MAKE[kind](job.source, settings, report)
        record = _used(kind, record)
        _write(job, pixels, record, lambda: pieces, overwrite, report)
        for note in _notes(pieces.describe(), len(pieces), record):
            report.note(note)
    _tell(job, record, start, report)


def _segment_tiles(job: Job, overwrite: bool, settings: Settings, report: Report) -> Record:
    if job.overlays:
        raise InvalidParameterError(
            f"overlay: not available when an image is segmented in tiles, as {job.source} is"
        )
    check_large_output(job.output, overwrite=overwrite)
    tiles = iter_segmentation(Tiles(job.source, job.output), settings)
    record: Record = exhausted(tiles, report.follow)
    return record


def _segment(source: Path, settings: Settings, report: Report) -> Made:
    pieces = open_pieces(source, settings)
    result: Segmentation = exhausted(iter_segmentation(pieces, settings), report.follow)
    return Made(pieces, result.labels, result.record)


def _over_segment(source: Path, settings: Settings, report: Report) -> Made:
    run = whole_run(source, settings)
    labels = exhausted(run.iter_superpixels(), report.follow)
    return Made(run.pieces, labels, run.record() | {"n_superpixels": int(labels.max())})


def _smooth(source: Path, settings: Settings, report: Report) -> Made:
    run = whole_run(source, settings)
    smoothed = exhausted(run.iter_smoothed(), report.follow)
    return Made(run.pieces, smoothed, run.record())


_MAKE: dict[str, Callable[[Path, Settings, Report], Made]] = {
    "smoothed": _smooth,
    "superpixels": _over_segment,
    "segments": _segment,
}


def _do_jointly(
    kind: str, plan: Plan, overwrite: bool, settings: Settings, report: Report
) -> int:
    """Number of images without labels."""
    files = Files([job.source for job in plan.jobs], settings)
    show = _JointReport(plan, files, overwrite, report)
    exhausted(iter_segmentation(files, settings), show.follow)
    return show.n_failed


class _JointReport:
    """Writes the labels of each file of a joint run when they are there."""

    def __init__(self, plan: Plan, files: Files, overwrite: bool, report: Report) -> None:
        self._plan, self._files, self._report = plan, files, report
        self._overwrite, self._start = overwrite, time.perf_counter()
        self._members: dict[int, Member] = {}
        self.n_failed = 0

    def follow(self, progress: Progress) -> None:
        """Show progress; write what is done."""
        if progress.stage == "learning" and not progress.done:
            self._members = {one.place: one for one in self._files.members}
            for note in self._files.notes:
                self._report.note(note)
            make_folders(self._plan.folders)
        found, place = progress.step, progress.done - 1
        error = found if isinstance(found, DSCError) else None
        if isinstance(found, Segmentation):
            error = _attempt(lambda: self._write(place, found))
        else:
            self._report.follow(progress)
        if error is not None:
            self._report.failure(self._plan.jobs[place].source, error)
            self.n_failed += 1
        self._start = time.perf_counter()

    def _write(self, place: int, found: Segmentation) -> None:
        job, n_jobs = self._plan.jobs[place], len(self._plan.jobs)
        self._report.file(job.source, place + 1, n_jobs)

        def pieces() -> OneImage:
            return self._files.piece(place)

        _write(job, found.labels, found.record, pieces, self._overwrite, self._report)
        member = self._members[place]
        for note in _notes(member.description, member.n_frames, found.record):
            self._report.note(note)
        _tell(job, found.record, self._start, self._report)


def _write(  # noqa: PLR0917 - what is written, where and how
    job: Job,
    pixels: np.ndarray,
    record: Record,
    pieces: Callable[[], OneImage],
    overwrite: bool,
    report: Report,
) -> None:
    report.begin("writing")
    write_result(job.output, pixels, record, overwrite=overwrite)
    for path in job.overlays:
        picture = overlay_of(pieces(), pixels, report)
        write_image(path, picture, record={}, spacing=(), unit="", overwrite=overwrite)


def _used(kind: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Record with the parameters of the stages that a command has."""
    stages = record["parameters"].items()
    used = {stage: values for stage, values in stages if stage in _STAGES[kind]}
    return {**record, "parameters": used}


def _notes(description: str, n_images: int, record: Mapping[str, Any]) -> list[str]:
    """Sentences on an image and on its run."""
    notes = [description, *record["image"]["notes"], *record["notes"]]
    found = record.get("n_superpixels")
    if "superpixels" not in record["parameters"] or n_images > 1 or found is None:
        return notes
    asked = record["parameters"]["superpixels"]["n_superpixels"]
    if abs(found - asked) > TOLERANCE * asked:
        notes.append(f"the image gives {found} superpixels, not {asked}")
    return notes


def _tell(job: Job, record: Mapping[str, Any], start: float, report: Report) -> None:
    """Report counts, seconds and output of a file."""
    seconds, device = time.perf_counter() - start, record["device"]["name"]
    counts = {name: record[name] for name in _COUNTS if name in record}
    if counts.get("n_images") == 1:
        del counts["n_images"]
    found = "".join(f"{count} {name[2:]}, " for name, count in counts.items())
    report.note(f"{found}{seconds:.1f} s on {device} -> {job.output}")
    result = {"file": str(job.source), "output": str(job.output), **counts}
    report.result(result | {"seconds": round(seconds, 3), "device": device})
