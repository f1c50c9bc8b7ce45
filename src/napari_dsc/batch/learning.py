"""One network for all files of a batch, kept in the output folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dsc.files import check_output
from napari_dsc.params import CutParams
from napari_dsc.records.record import Record, options_record
from napari_dsc.segmenting.joint import JointRun
from napari_dsc.segmenting.learned import Learned
from napari_dsc.segmenting.series import last_of
from napari_dsc.superae.embedding import load_embedding, read_card, save_embedding
from napari_dsc.superae.registry import file_sha256

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_dsc.batch.tasks import Task
    from napari_dsc.segmenting.frames import Frames
    from napari_dsc.segmenting.pipeline import RunOptions

NETWORK = "joint.safetensors"


def learn_together(tasks: Sequence[Task]) -> Record:
    """Let one network learn from the files of all tasks, unless it is there already.

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
    run = JointRun([task.source for task in tasks], **first.options)
    for _ in run.iter_survey():
        pass
    images = run.record()
    card: Record = {
        "images": images,
        "weights": first.weights_sha256,
        "parameters": options_record(first.options),
        "reading": reading_record(first.options),
    }
    earlier = read_card(path) if first.existing == "resume" else {}
    if {name: earlier.get(name) for name in card} != card:
        learned = last_of(run.iter_learning())
        save_embedding(learned.embedding, path, card | {"learning": learned.figures})
    return images | {"network": file_sha256(path)}


def learned_before(task: Task, frames: Frames) -> Learned:
    """Read the network of a batch.

    Parameters
    ----------
    task : Task
        With what `learn_together` gave.
    frames : Frames
        Images of the task.

    Returns
    -------
    learned : Learned
        On the device of the frames.

    Raises
    ------
    WeightsError
        If the network is missing, or is not the one that the batch began with.
    """
    params = task.options.get("cut_params", CutParams())
    path = task.output.with_name(NETWORK)
    model, sha256 = frames.runs[0].model, str(task.joint["network"])
    embedding = load_embedding(path, model, params.n_partitions, sha256)
    figures: Record = read_card(path)["learning"]  # type: ignore[assignment]
    return Learned(embedding, params, figures)


def reading_record(options: RunOptions) -> Record:
    """How files are read, as far as they do not say it.

    Parameters
    ----------
    options : dict
        Keyword arguments of `napari_dsc.Run`.

    Returns
    -------
    record : dict
        Ready for JSON.
    """
    return {
        "axes": options.get("axes", ""),
        "spacing": list(options.get("spacing", ())),
        "channels": list(options.get("channels", ())),
    }
