"""What a method learns from all files of a batch, kept in a file that every worker reads."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load

from napari_dsc.classes import growth
from napari_dsc.classes.division import Classifiers, Inputs
from napari_dsc.classes.grouping import Grouping
from napari_dsc.errors import WeightsError
from napari_dsc.machine.progress import Progress
from napari_dsc.records.record import Record
from napari_dsc.segmenting.classing.shared import SharedClasses, iter_learning_files
from napari_dsc.segmenting.cutting.learning import Learned
from napari_dsc.segmenting.joint import Files, JointRun
from napari_dsc.segmenting.pieces import OneImage
from napari_dsc.segmenting.results import Segmentation
from napari_dsc.segmenting.series import SeriesRun
from napari_dsc.segmenting.stages import Stages
from napari_dsc.superae.applied import load_embedding, read_card, save_embedding
from napari_dsc.superae.registry import check_sha256
from napari_dsc.superae.weights import write_tensors


class Together(NamedTuple):
    """How a method segments files that share their classes.

    Attributes
    ----------
    learn : function
        Takes `Files` after their survey and `Stages`; a generator of `Progress` that returns
        what was learned.
    save : function
        Takes what was learned, a path, and a card for the header of the file.
    load : function
        Takes the path, `Stages`, and the hash that the file must have.
    segment : function
        Takes an image, `Stages` and what was learned; a generator of `Progress` that returns
        the segmentation.
    """

    learn: Callable[[Files, Stages], Generator[Progress, None, Any]]
    save: Callable[[Any, Path, Record], None]
    load: Callable[[Path, Stages, str], Any]
    segment: Callable[[OneImage, Stages, Any], Generator[Progress, None, Segmentation]]


def _learn_cut(files: Files, stages: Stages) -> Generator[Progress, None, Learned]:
    return (yield from JointRun(files, stages).iter_learning())


def _save_cut(learned: Learned, path: Path, card: Record) -> None:
    save_embedding(learned.embedding, path, card | {"learning": learned.figures})


def _load_cut(path: Path, stages: Stages, sha256: str) -> Learned:
    params = stages.settings.cut_params
    embedding = load_embedding(path, stages.model, params.n_partitions, sha256)
    figures: Record = read_card(path)["learning"]  # type: ignore[assignment]
    return Learned(embedding, params, figures)


def _segment_by_cut(
    pieces: OneImage, stages: Stages, learned: Learned
) -> Generator[Progress, None, Segmentation]:
    run = SeriesRun(pieces, stages)
    found = yield from run.iter_classes(learned)
    return run.result(found, "common")


def _save_classes(learned: growth.Learned, path: Path, card: Record) -> None:
    grouping, (inputs, coefficients) = learned.grouping, learned.classifiers
    arrays = {
        "linkage": grouping.linkage,
        "mean": inputs.mean,
        "axes": inputs.axes,
        "coefficients": coefficients,
        "areas": learned.areas,
    }
    tensors = {name: torch.tensor(values) for name, values in arrays.items()}
    counts = {"grain": learned.grain, "n_outstanding": grouping.n_outstanding}
    write_tensors(path, tensors, "card", card | {"classes": counts})


def _load_classes(path: Path, stages: Stages, sha256: str) -> growth.Learned:
    try:
        check_sha256(path, sha256)
        found = load(path.read_bytes())
        counts: Any = read_card(path)["classes"]
        inputs = Inputs(found["mean"], found["axes"])
        none = np.zeros(0, np.int64)
        grouping = Grouping(none, found["linkage"], counts["n_outstanding"], none)
    except (OSError, SafetensorError, KeyError) as error:
        raise WeightsError(
            f"{path}: holds no classes of a batch, or is damaged; run the batch anew"
        ) from error
    classifiers = Classifiers(inputs, found["coefficients"])
    return growth.Learned(grouping, classifiers, found["areas"], counts["grain"])


def _segment_by_classes(
    pieces: OneImage, stages: Stages, learned: growth.Learned
) -> Generator[Progress, None, Segmentation]:
    return (yield from SharedClasses(pieces, stages, learned).iter_result(is_common=True))


TOGETHER = {
    "dsc": Together(_learn_cut, _save_cut, _load_cut, _segment_by_cut),
    "classes": Together(iter_learning_files, _save_classes, _load_classes, _segment_by_classes),
}
"""By the name of the segmenter; others cannot share classes."""
