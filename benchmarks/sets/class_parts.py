"""What each part of the class tree gives, by leaving it out.

    python -m benchmarks.sets.class_parts micro

grows the class tree of the tuning half of five sets of `class_sets`, whole and with parts left
out, and scores it at the best number of classes of each set and at the number that it chooses.
Figures are means over the sets; they go into results/sets/class_parts.json.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.commands import argument_parser
from benchmarks.report import Row, write_rows
from benchmarks.sets.class_sets import MEASURES, NAMES
from benchmarks.sets.micro import SETS
from napari_dsc import ClassParams, Settings
from napari_dsc.classes import division, graph, grouping
from napari_dsc.classes.growth import grow_classes
from napari_dsc.evaluation.measures import measure_segmentation, prepare_annotation
from napari_dsc.evaluation.summary import mean_over_images, summarize
from napari_dsc.evaluation.terms import zero_of
from napari_dsc.files import read_labels
from napari_dsc.segmenting.classing.one import material_of
from napari_dsc.segmenting.pieces import one_image
from napari_dsc.segmenting.run import Run
from napari_dsc.segmenting.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_dsc.classes.material import Material

COUNTS = (2, 3, 4, 5, 6, 8, 12, 16)
ALONE = {"CONTACTS": 0.0, "CHANNELS": 0.0, "BLOCKS": 0.0}


def nothing_seen(_: object, pooled: Any) -> np.ndarray:
    """Logits of classifiers that know nothing."""
    return np.zeros((len(pooled.colors), division.N_DIVISIONS))


def no_cut(affinity: np.ndarray, weights: np.ndarray) -> graph.Spectrum:
    """Spectrum whose coordinates tell nothing, with the true eigenvalues."""
    found = graph.normalized_cut(affinity, weights)
    return found._replace(coordinates=found.coordinates * 0)


def without_deep(material: Material) -> Material:
    """Material without the features of the encoder."""
    pooled, fine = (
        one._replace(means=one.means * 0, squares=one.squares * 0)
        for one in (material.pooled, material.fine_pooled)
    )
    return material._replace(pooled=pooled, fine_pooled=fine)


@contextlib.contextmanager
def changed(part: str) -> Iterator[None]:
    """Leave a part out."""
    with contextlib.ExitStack() as stack:
        if part == "without borders by classifiers":
            stack.enter_context(patch.object(division.Classifiers, "logits", nothing_seen))
        if part == "without the normalized cut":
            stack.enter_context(patch.object(grouping, "normalized_cut", no_cut))
        if part == "without the merge tree's altitudes":
            stack.enter_context(patch.object(grouping, "TREE_WEIGHT", 0.0))
        if part == "the metric of regions alone":
            for name, weight in ALONE.items():
                stack.enter_context(patch.object(grouping, name, weight))
        yield


PARTS = (
    "whole",
    "without borders by classifiers",
    "without deep features",
    "without the merge tree's altitudes",
    "without the normalized cut",
    "the metric of regions alone",
)


def scores_of(material: Material, truth: list[Any], zero: Any) -> dict[str, list[Any]]:
    """Scores of each variant at all numbers of classes, then at the chosen one."""
    found = {}
    for part in PARTS:
        given = without_deep(material) if part == "without deep features" else material
        with changed(part):
            grown = grow_classes(given, ClassParams())
        tree = grown.tree
        numbers = [min(n, tree.most) for n in (*COUNTS, tree.n_default)]
        labels = (tree.classes(number)[grown.superpixels] for number in numbers)
        found[part] = [measure_segmentation(one, truth, zero) for one in labels]
    return found


def main() -> None:
    """Score all variants on all sets."""
    root: Path = argument_parser(__doc__, "root").parse_args().root
    torch.set_num_threads(1)
    means: dict[str, list[Any]] = {part: [] for part in PARTS}
    for name in NAMES:
        kind, images = SETS[name], sorted((root / name / "images").iterdir())
        if len(images) == 1:  # it is reported, not tuned on
            continue
        settings = Settings(method="classes", axes=kind.axes, device="cpu")
        stages, scores = Stages(settings), []
        for path in images[0::2]:
            run = Run.on(one_image(path, settings), stages.fresh())
            [labels] = (root / name / "labels").glob(f"{path.stem}.*")
            truth = [prepare_annotation(read_labels(labels), zero_of(kind.zero))]
            material = material_of(run, stages.ground(run.image))
            scores.append(scores_of(material, truth, kind.zero))
        for part in PARTS:
            found = [one[part] for one in scores]
            best = summarize([row[:-1] for row in found])
            [chosen] = mean_over_images([row[-1:] for row in found])
            means[part].append(
                [*(best[key].ods for key in MEASURES), chosen["sc"], chosen["ari"]]
            )
    titles = (*MEASURES, "sc, default", "ari, default")
    rows: list[Row] = [
        {"": part}
        | dict(zip(titles, np.mean(means[part], axis=0).round(3).tolist(), strict=True))
        for part in PARTS
    ]
    write_rows("sets/class_parts", rows)


if __name__ == "__main__":
    main()
