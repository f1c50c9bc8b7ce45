"""One file of a batch: its task, and the outcome of it."""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from napari_dsc.batch.inputs import absolute_path, find_images, outputs_in
from napari_dsc.errors import OutputError
from napari_dsc.files.ownership import refuse_overlap
from napari_dsc.records.recipes import values_in
from napari_dsc.segmenting.settings import Settings

# what to do with outputs that exist
Existing = Literal["refuse", "resume", "overwrite"]
State = Literal["done", "kept", "failed"]


class Task(NamedTuple):
    """One file to segment.

    Attributes
    ----------
    source, output : Path
        Absolute paths, the same on every machine that works on the batch.
    settings : Settings
        With the hash of the weights.
    batch : str
        Name of the batch; an output that it wrote already is never made again.
    existing : str
        ``overwrite`` replaces any other output that exists, ``resume`` one that was made of
        another input or with other parameters, ``refuse`` none.
    joint : dict
        What `learn_together` gives, if one network cuts all files of the batch.
    """

    source: Path
    output: Path
    settings: Settings
    batch: str
    existing: Existing = "refuse"
    joint: dict[str, object] = {}  # noqa: RUF012 - a default that nobody changes


class Outcome(NamedTuple):
    """Outcome of a task.

    Attributes
    ----------
    source, output : Path
        Of the task.
    state : str
        ``done``; ``kept``, as the output was there; or ``failed``.
    error : str
        Why it failed, or empty.
    figures : dict
        Counts of the result, seconds, and where it was computed; empty for a failure.
    """

    source: Path
    output: Path
    state: State
    error: str = ""
    figures: dict[str, object] = {}  # noqa: RUF012 - a default that nobody changes

    def line(self) -> dict[str, object]:
        """Entry of the log, ready for JSON."""
        start: dict[str, object] = {"file": str(self.source), "state": self.state}
        if self.state == "failed":
            return start | {"error": self.error, "time": now()}
        return start | {"output": str(self.output)} | self.figures | {"time": now()}


def plan_tasks(
    inputs: Sequence[str | Path], folder: Path, template: Task, existing: Existing
) -> list[Task]:
    """Name the output of each input.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files, folders and patterns, see `find_images`.
    folder : Path
        Where the outputs go: ``photo.jpg`` becomes ``photo_segments.tif``.
    template : Task
        Task to copy, from `new_batch`; only its paths are replaced.
    existing : str
        What to do with outputs that exist.

    Returns
    -------
    tasks : list of Task
        One for each file.

    Raises
    ------
    InvalidImageError
        If an input is missing or gives no image.
    InvalidParameterError
        If two inputs would have one output.
    OutputError
        If an output is an input, or lies inside one.
    """
    sources = find_images(inputs)
    outputs = outputs_in(absolute_path(folder), sources)
    refuse_overlap(sources, outputs)
    return [
        template._replace(source=source, output=output, existing=existing)
        for source, output in zip(sources, outputs, strict=True)
    ]


def refuse_existing(tasks: Sequence[Task]) -> None:
    """Refuse tasks whose outputs exist and may neither be kept nor replaced.

    Parameters
    ----------
    tasks : sequence of Task
        Of one batch.

    Raises
    ------
    OutputError
        If there is such an output.
    """
    found = [one.output for one in tasks if one.existing == "refuse" and one.output.exists()]
    if found:
        raise OutputError(
            f"{found[0].parent}: already holds {len(found)} of {len(tasks)} outputs; use a new "
            "folder, --resume or --overwrite"
        )


def now() -> str:
    """Time in UTC, as ISO 8601 writes it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def unused_in(recipe: Mapping[str, object]) -> list[str]:
    """Sentences on settings of a recipe that a batch does not use.

    Parameters
    ----------
    recipe : mapping
        As `read_recipe` gives it.

    Returns
    -------
    notes : list of str
        Empty for the recipe of an image in one piece.
    """
    values = values_in(recipe, "recipe")
    return [
        f"recipe: {name}={values[name]} is not used, because a batch segments each image in "
        "one piece; segment takes it"
        for name in ("tile", "level")
        if values.get(name)
    ]
