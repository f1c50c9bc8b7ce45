"""Work of the commands segment, superpixels and smooth: one result for each file."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_dsc.cli.flags import RunFlags
from napari_dsc.cli.plan import Job, Plan, make_folders
from napari_dsc.cli.report import Report
from napari_dsc.errors import ComputationError, DSCError, InvalidParameterError
from napari_dsc.files import check_output, write_atomically, write_image
from napari_dsc.files.ownership import refuse_overlap
from napari_dsc.images import draw_boundaries
from napari_dsc.large.writers import check_large_output
from napari_dsc.machine.allocator import keep_freed_memory
from napari_dsc.machine.progress import Progress
from napari_dsc.records.recipes import recipe_content
from napari_dsc.records.record import Record
from napari_dsc.segmenting.joint import TOO_LARGE, Files
from napari_dsc.segmenting.pieces import OneImage, Tiles, needs_tiles, open_pieces
from napari_dsc.segmenting.results import Segmentation
from napari_dsc.segmenting.saving import check_result, write_result
from napari_dsc.segmenting.segmenter import SEGMENTERS, exhausted, iter_segmentation, refuse
from napari_dsc.segmenting.series import whole_run
from napari_dsc.segmenting.settings import Settings
from napari_dsc.segmenting.stages import Stages

# deviation from n_superpixels that is not reported
TOLERANCE = 0.15
NOT_ALL = 1
_COUNTS = ("n_images", "n_classes", "n_regions", "n_superpixels")
# stages whose parameters decide the result of a command
_STAGES = {
    "smoothed": ("image",),
    "superpixels": ("image", "superpixels"),
    "segments": ("image", "superpixels", "cut", "tree", "classes"),
}


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
    work = _Work(kind, plan, settings, flags.overwrite, report)
    do = work.do_jointly if is_joint else work.do_one_by_one
    do()
    failed = work.n_failed
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
    written = [path for job in plan.jobs for path in (job.output, *job.overlays)]
    read = [job.source for job in plan.jobs] + flags.files()
    refuse_overlap(read, [*written, *recipes])
    for path in recipes:
        check_output(path, overwrite=flags.overwrite, suffixes=(".json",))
    to_make = [folder for folder in plan.folders if not folder.exists()]
    check = check_output if kind == "smoothed" else check_result
    for job in plan.jobs:
        if job.output.parent not in to_make:
            check(job.output, overwrite=flags.overwrite)
        for path in job.overlays:
            if path.parent not in to_make:
                check_output(path, overwrite=flags.overwrite)


@dataclasses.dataclass
class _Work:
    """All jobs of a command; those that fail are reported and counted."""

    kind: str
    plan: Plan
    settings: Settings
    overwrite: bool
    report: Report
    n_failed: int = 0
    start: float = 0.0

    def do_one_by_one(self) -> None:
        if self.plan.joint:
            refuse(self.settings, Files([], self.settings))
            self.report.note("joint: one input, so its result is that without --joint")
        make_folders(self.plan.folders)
        for number, job in enumerate(self.plan.jobs, 1):
            self.start = time.perf_counter()
            self.report.file(job.source, number, len(self.plan.jobs))
            self._attempt(job, partial(self._do, job))

    def do_jointly(self) -> None:
        files = Files([job.source for job in self.plan.jobs], self.settings)
        exhausted(iter_segmentation(files, self.settings), partial(self._follow, files))

    def _attempt(self, job: Job, work: Callable[[], None]) -> None:
        try:
            work()
        except DSCError as error:
            self._fail(job, error)
        except MemoryError:
            self._fail(job, ComputationError(TOO_LARGE))

    def _fail(self, job: Job, error: DSCError) -> None:
        self.report.failure(job.source, error)
        self.n_failed += 1

    def _do(self, job: Job) -> None:
        self.report.begin("reading")
        kinds = SEGMENTERS[self.settings.method].kinds
        can_be_whole = "tiles" not in kinds or bool(job.overlays)
        if self.kind == "segments" and needs_tiles(
            job.source, self.settings, can_be_whole=can_be_whole
        ):
            _tell(job, self._segment_tiles(job), self.start, self.report)
            return
        pieces, pixels, record = self._make(job.source)
        record, about = _used(self.kind, record), (pieces.describe(), len(pieces))
        self._write(job, pixels, record, lambda: pieces, about)

    def _segment_tiles(self, job: Job) -> Record:
        if job.overlays:
            raise InvalidParameterError(
                f"overlay: not available when an image is segmented in tiles, as {job.source} "
                "is"
            )
        check_large_output(job.output, overwrite=self.overwrite)
        tiles = iter_segmentation(Tiles(job.source, job.output), self.settings)
        record: Record = exhausted(tiles, self.report.follow)
        return record

    def _make(self, source: Path) -> tuple[OneImage, np.ndarray, Record]:
        """Pieces of an image, the result of the command on them, and its record."""
        show = self.report.follow
        if self.kind == "segments":
            pieces = open_pieces(source, self.settings)
            found: Segmentation = exhausted(iter_segmentation(pieces, self.settings), show)
            return pieces, found.labels, found.record
        run = whole_run(source, self.settings)
        if self.kind == "smoothed":
            return run.pieces, exhausted(run.iter_smoothed(), show), run.record()
        labels = exhausted(run.iter_superpixels(), show)
        return run.pieces, labels, run.record() | {"n_superpixels": int(labels.max())}

    def _follow(self, files: Files, progress: Progress) -> None:
        """Show progress of a joint run, and write finished results."""
        if progress.stage == "learning" and not progress.done:
            for note in files.notes:
                self.report.note(note)
            make_folders(self.plan.folders)
        found, place = progress.step, progress.done - 1
        if isinstance(found, Segmentation):
            write = partial(self._write_member, files, place, found)
            self._attempt(self.plan.jobs[place], write)
        else:
            self.report.follow(progress)
            if isinstance(found, DSCError):
                self._fail(self.plan.jobs[place], found)
        self.start = time.perf_counter()

    def _write_member(self, files: Files, place: int, found: Segmentation) -> None:
        job = self.plan.jobs[place]
        self.report.file(job.source, place + 1, len(self.plan.jobs))
        member = next(one for one in files.members if one.place == place)
        about = (member.description, member.n_frames)
        self._write(job, found.labels, found.record, partial(files.piece, place), about)

    def _write(
        self,
        job: Job,
        pixels: np.ndarray,
        record: Record,
        pieces: Callable[[], OneImage],
        about: tuple[str, int],
    ) -> None:
        self.report.begin("writing")
        write_result(job.output, pixels, record, overwrite=self.overwrite)
        for path in job.overlays:
            picture = _overlay_of(pieces(), pixels, self.report)
            write_image(path, picture, record={}, spacing=(), unit="", overwrite=self.overwrite)
        for note in _notes(*about, record):
            self.report.note(note)
        _tell(job, record, self.start, self.report)


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


def _overlay_of(pieces: OneImage, labels: np.ndarray, report: Report) -> np.ndarray:
    """Boundaries on the image, (Y, X, 3); of a series and a stack, on the middle plane."""
    series, middle = pieces.series, len(pieces) // 2
    if len(pieces) > 1:
        report.note(f"the overlay shows {series.along} {middle}, counted from 0")
        labels = np.take(labels, middle, series.axes.replace("C", "").index(series.along))
    image = pieces.piece(middle)
    pixels, labels = image.pixels, image.arrange_labels(labels)
    if labels.ndim > 2:
        middle = len(labels) // 2
        report.note(f"the overlay shows plane {middle}, counted from 0")
        pixels, labels = pixels[:, middle], labels[middle]
    return draw_boundaries(pixels, labels)
