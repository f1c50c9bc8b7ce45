"""Tasks of a batch: segment a file unless an up-to-date output exists; learn for all files."""

import hashlib
import logging
import platform
import secrets
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from napari_dsc.batch.tasks import Outcome, Task, unused_in
from napari_dsc.batch.together import TOGETHER
from napari_dsc.errors import DSCError, OutputError, one_line
from napari_dsc.files import check_output
from napari_dsc.files.tiff import read_record
from napari_dsc.images import always
from napari_dsc.machine.device import is_out_of_memory
from napari_dsc.machine.progress import Progress, exhausted
from napari_dsc.records.recipes import read_recipe
from napari_dsc.records.record import Record
from napari_dsc.segmenting import segmenter
from napari_dsc.segmenting.joint import TOO_LARGE, Files
from napari_dsc.segmenting.pieces import open_pieces
from napari_dsc.segmenting.results import Segmentation
from napari_dsc.segmenting.saving import write_result
from napari_dsc.segmenting.settings import Settings
from napari_dsc.segmenting.stages import Stages
from napari_dsc.superae.applied import read_card
from napari_dsc.superae.registry import file_sha256

NETWORK = "joint.safetensors"

_log = logging.getLogger(__name__)


def new_batch(settings: Settings) -> Task:
    """Settings that all tasks of a batch have in common.

    Parameters
    ----------
    settings : Settings
        Settings of all files.

    Returns
    -------
    task : Task
        Without paths; see `plan_tasks`.

    Raises
    ------
    InvalidParameterError
        If the weights are not those that the settings name by hash.
    WeightsError
        If the weights cannot be found or do not fit.
    """
    weights = Stages(settings).weights
    settings = settings.replace(weights_sha256=weights.sha256)
    if Path(weights.name).exists():  # workers may have another current folder
        settings = settings.replace(weights=Path(weights.name).absolute())
    return Task(Path(), Path(), settings, secrets.token_hex(8))


def batch_from_recipe(path: Path, device: str) -> tuple[Task, list[str]]:
    """Settings that a recipe names, and sentences on those that a batch does not use.

    Parameters
    ----------
    path : Path
        JSON file, or TIFF or OME-Zarr with the record of a run.
    device : str
        Where to compute.

    Returns
    -------
    task : Task
        As `new_batch` gives it.
    notes : list of str
        See `unused_in`.

    Raises
    ------
    InvalidParameterError
        If the file is no recipe, or was made with other weights of the same name.
    WeightsError
        If its weights cannot be found.
    """
    recipe = read_recipe(path)
    settings = Settings.from_record(recipe, f"recipe={str(path)!r}")
    return new_batch(settings.replace(device=device, tile=0, level=0)), unused_in(recipe)


def iter_task(task: Task) -> Generator[Progress, None, Outcome]:
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
    progress : Progress
        That of the segmentation; closing the generator before its end leaves no file.
    """
    try:
        return (yield from _segment_or_keep(task))
    except Exception as error:  # a night of work does not end with one file
        if not isinstance(error, DSCError):
            _log.exception("%s", task.source)
        reason = TOO_LARGE if is_out_of_memory(error) else one_line(error)
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
    return exhausted(iter_task(task))


def _segment_or_keep(task: Task) -> Generator[Progress, None, Outcome]:
    start = time.perf_counter()
    origin: Record = {
        "name": task.source.name,
        "sha256": _content_sha256(task.source),
        **task.settings.to_record()["reading"],
    }
    earlier = _earlier_record(task)
    if earlier and _may_stay(task, earlier, origin):
        return Outcome(task.source, task.output, "kept", "", _counts(earlier))
    check_output(task.output, overwrite=task.existing != "refuse")
    made = yield from _segment(task)
    joint: Record = {"joint": task.joint} if task.joint else {}
    record = made.record | joint | {"source": origin, "batch": task.batch}
    write_result(task.output, made.labels, record, overwrite=True)
    figures = _counts(made.record) | {
        "seconds": round(time.perf_counter() - start, 3),
        "device": made.record["device"]["name"],  # type: ignore[index]
        "host": platform.node(),
    }
    return Outcome(task.source, task.output, "done", "", figures)


def _segment(task: Task) -> Generator[Progress, None, Segmentation]:
    settings = task.settings
    if not task.joint:
        pieces = open_pieces(task.source, settings)
        result: Segmentation = yield from segmenter.iter_segmentation(pieces, settings)
        return result
    choose = always(task.joint["normalization"])  # type: ignore[arg-type]
    pieces, stages = open_pieces(task.source, settings, choose), Stages(settings)
    together = TOGETHER[settings.method]
    path, sha256 = task.output.with_name(NETWORK), str(task.joint["network"])
    learned = together.load(path, stages, sha256)
    return (yield from together.segment(pieces, stages, learned))


def learn_together(tasks: Sequence[Task]) -> Record:
    """Learn classes from the files of all tasks, unless that is done already.

    Parameters
    ----------
    tasks : sequence of Task
        Of one batch. Files that cannot be read are left out; their tasks will tell.

    Returns
    -------
    joint : dict
        For the tasks: how many images there are, a hash of all of them, and that of
        ``joint.safetensors`` in the output folder.

    Raises
    ------
    DSCError
        If the images differ in the number of channels, none can be used, or the network
        cannot be written.
    """
    first = tasks[0]
    path = first.output.with_name(NETWORK)
    check_output(path, overwrite=first.existing != "refuse", suffixes=[path.suffix])
    settings = first.settings
    files = Files([task.source for task in tasks], settings)
    exhausted(files.iter_survey())
    images, record = files.record(), settings.to_record()
    card: Record = {
        "images": images,
        "weights": settings.weights_sha256,
        "parameters": record["parameters"],
        "reading": record["reading"],
    }
    earlier = read_card(path) if first.existing == "resume" else {}
    if {name: earlier.get(name) for name in card} != card:
        together = TOGETHER[settings.method]
        together.save(exhausted(together.learn(files, Stages(settings))), path, card)
    return images | {"network": file_sha256(path)}


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
            f"{task.output}: already exists and holds no record of napari-dsc; use another "
            "folder"
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
        and weights.get("sha256") == task.settings.weights_sha256
        and earlier["parameters"] == task.settings.to_record()["parameters"]
        and earlier.get("joint", {}) == task.joint
    )


def _counts(record: Record) -> Record:
    names = ("n_classes", "n_regions", "n_superpixels")
    return {name: record[name] for name in names if name in record}


def _content_sha256(path: Path) -> str:
    """Hash of a file; empty for one that cannot be read, which reading will explain."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
