"""Do one task: segment a file, unless its output is what it would be."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import platform
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from napari_dsc.batch.learning import learned_before, reading_record
from napari_dsc.batch.tasks import Outcome, Task
from napari_dsc.errors import DSCError, InvalidParameterError, OutputError, one_line
from napari_dsc.files import check_output, write_image
from napari_dsc.files.tiff import read_record
from napari_dsc.images import ImageSeries, always
from napari_dsc.machine.device import is_out_of_memory
from napari_dsc.params import CutParams, ImageParams, Params, SuperpixelParams, TreeParams
from napari_dsc.records.recipes import WEIGHTS_HASH, read_recipe
from napari_dsc.records.record import Record, options_record
from napari_dsc.segmenting.frames import Frames
from napari_dsc.segmenting.run import Run
from napari_dsc.segmenting.series import open_series, pieces_to_cut
from napari_dsc.segmenting.tree import segment_by_tree
from napari_dsc.superae.weights import DEFAULT, find_weights

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    import numpy as np

    from napari_dsc.segmenting.frames import SeriesStep
    from napari_dsc.segmenting.pipeline import RunOptions
    from napari_dsc.segmenting.results import Step

P = TypeVar("P", bound=Params)

_log = logging.getLogger(__name__)


class _Made(NamedTuple):
    """Labels, and the input they were made of."""

    series: ImageSeries
    labels: np.ndarray
    record: Record


def new_batch(options: RunOptions) -> Task:
    """Settings that all tasks of a batch have in common.

    Parameters
    ----------
    options : dict
        Keyword arguments of `napari_dsc.Run` besides the image.

    Returns
    -------
    task : Task
        Without paths; see `plan_tasks`.

    Raises
    ------
    WeightsError
        If the weights cannot be found or do not fit.
    """
    weights = find_weights(options.get("weights", DEFAULT))
    if Path(weights.name).exists():  # workers may have another current folder
        options = {**options, "weights": str(Path(weights.name).absolute())}
    name = secrets.token_hex(8)
    return Task(Path(), Path(), options, weights.sha256, name)


def batch_from_recipe(path: Path, device: str) -> Task:
    """Settings that a recipe names.

    Parameters
    ----------
    path : Path
        JSON file, or TIFF with the record of a run.
    device : str
        Where to compute.

    Returns
    -------
    task : Task
        As `new_batch` gives it.

    Raises
    ------
    InvalidParameterError
        If the file is no recipe, or was made with other weights of the same name.
    WeightsError
        If its weights cannot be found.
    """
    given = read_recipe(path)
    task = new_batch(
        {
            "device": device,
            "weights": given.get("weights", DEFAULT),
            "image_params": _filled(ImageParams, given),
            "superpixel_params": _filled(SuperpixelParams, given),
            "method": given.get("method", "dsc"),
            "cut_params": _filled(CutParams, given),
            "tree_params": _filled(TreeParams, given),
        }
    )
    if given.get(WEIGHTS_HASH, task.weights_sha256) != task.weights_sha256:
        raise InvalidParameterError(
            f"recipe={str(path)!r}: made with other weights of the name {given['weights']!r}"
        )
    return task


def _filled(kind: type[P], given: Mapping[str, Any]) -> P:
    """Parameters of a class, as far as they are given."""
    names = [field.name for field in dataclasses.fields(kind) if field.name in given]
    return kind(**{name: given[name] for name in names})


def iter_task(task: Task) -> Generator[Step | SeriesStep, None, Outcome]:
    """Segment a file and write its labels, unless they are there already.

    Parameters
    ----------
    task : Task
        Of `plan_tasks`.

    Returns
    -------
    outcome : Outcome
        Also if it failed, whatever the reason.

    Yields
    ------
    step : Step or SeriesStep
        Each step of the cut; whoever closes the generator before the last leaves no file.
    """
    try:
        return (yield from _segment_or_keep(task))
    except DSCError as error:
        reason = " ".join(str(error).split())
    except (MemoryError, RuntimeError, OSError) as error:
        _log.exception("%s", task.source)
        too_large = is_out_of_memory(error)
        reason = "out of memory; crop or downscale the image" if too_large else one_line(error)
    except Exception as error:  # a night of work does not end with one file
        _log.exception("%s", task.source)
        reason = one_line(error)
    return Outcome(task.source, task.output, "failed", reason)


def do_task(task: Task) -> Outcome:
    """Segment a file and write its labels, unless they are there already.

    Parameters
    ----------
    task : Task
        Of `plan_tasks`.

    Returns
    -------
    outcome : Outcome
        Also if it failed, whatever the reason.
    """
    steps = iter_task(task)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


def _segment_or_keep(task: Task) -> Generator[Step | SeriesStep, None, Outcome]:
    start = time.perf_counter()
    origin: Record = {
        "name": task.source.name,
        "sha256": _content_sha256(task.source),
        **reading_record(task.options),
    }
    earlier = _earlier_record(task)
    if earlier and _may_stay(task, earlier, origin):
        return Outcome(task.source, task.output, "kept", "", _counts(earlier))
    check_output(task.output, overwrite=task.existing != "refuse")
    made = yield from _segment(task)
    joint: Record = {"joint": task.joint} if task.joint else {}
    write_image(
        task.output,
        made.labels,
        record=made.record | joint | {"source": origin, "batch": task.batch},
        axes=made.series.axes.replace("C", ""),
        spacing=made.series.frames[0].label_spacing,
        unit=made.series.frames[0].unit,
        overwrite=True,
    )
    figures = _counts(made.record) | {
        "seconds": round(time.perf_counter() - start, 3),
        "device": made.record["device"]["name"],  # type: ignore[index]
        "host": platform.node(),
    }
    return Outcome(task.source, task.output, "done", "", figures)


def _segment(task: Task) -> Generator[Step | SeriesStep, None, _Made]:
    """Labels of a file, of its frames, or of its planes."""
    options = task.options
    if options.get("method") == "tree":
        run = Run(task.source, **options)
        tree = segment_by_tree(run)
        return _Made(ImageSeries((run.image,), run.image.axes), tree.labels, tree.record)
    choose = always(task.joint.get("normalization", {}))  # type: ignore[arg-type]
    series = open_series(task.source, options, choose)
    pieces = pieces_to_cut(series, options.get("cut_params", CutParams()))
    if not task.joint and len(pieces.frames) == 1:
        run = Run(series.frames[0], **options)
        for step in run.iter_steps():
            yield step
        return _Made(series, step.labels(), run.cut_record(step))
    frames = Frames(pieces, **options)
    if task.joint:
        found = yield from frames.iter_classes_by(learned_before(task, frames))
    else:
        found = yield from frames.iter_classes()
    return _Made(series, frames.labels(found), frames.record(found))


def _earlier_record(task: Task) -> Record:
    """Record in the output; empty if there is none.

    Raises
    ------
    OutputError
        If a resumed batch would replace what was not made by this program.
    """
    try:
        return read_record(task.output)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        if task.existing != "resume":
            return {}
        raise OutputError(
            f"{task.output}: exists, but holds no record of a run, expected another folder or "
            "overwrite (--overwrite)"
        ) from error


def _may_stay(task: Task, earlier: Record, origin: Record) -> bool:
    """Whether an output is what the task would make."""
    if earlier.get("batch") == task.batch:
        return True  # by a worker that was lost before it could tell
    if task.existing != "resume":
        return False
    weights = earlier.get("weights")
    return (
        earlier.get("source") == origin
        and isinstance(weights, dict)
        and weights.get("sha256") == task.weights_sha256
        and earlier["parameters"] == options_record(task.options)
        and earlier.get("joint", {}) == task.joint
    )


def _counts(record: Record) -> Record:
    return {
        name: record[name]
        for name in ("n_classes", "n_regions", "n_superpixels")
        if name in record
    }


def _content_sha256(path: Path) -> str:
    """Hash of a file; empty for one that cannot be read, which reading will explain."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
