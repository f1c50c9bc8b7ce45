"""Segments of stacks: cut at once, slice by slice, and by three-dimensional methods alone.

    python -m benchmarks.stacks.stacks micro stacks

runs ``napari-dsc`` on two stacks of `micro` whose labels are regions, each way with a few
numbers of superpixels or regions; the number with the best adjusted Rand index is shown. `SC of
planes` is the mean over planes, each by itself, where slice by slice loses nothing. Label
images go into the second folder; one that is there is only read. Scores go into
results/stacks/stacks.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tifffile

from benchmarks.commands import argument_parser, run_napari_dsc
from benchmarks.report import Row, table_where_known, write_rows
from benchmarks.sets.micro import FIBSEM, OVULE, truth_of
from napari_dsc.evaluation.contingency import contingency_table
from napari_dsc.evaluation.metrics import (
    adjusted_rand_index,
    segmentation_covering,
    variation_of_information,
)
from napari_dsc.files.tiff import read_record

if TYPE_CHECKING:
    from pathlib import Path


class Stack(NamedTuple):
    """A stack, and the numbers that are tried of each way."""

    path: str
    whole: tuple[int, ...]
    slices: tuple[int, ...]
    alone: tuple[int, ...]


STACKS = {
    "plant_ovule_3d": Stack(
        OVULE,
        whole=(100, 250, 500),
        slices=(30, 60, 100),
        alone=(40, 60, 100),
    ),
    "fibsem_medulla_3d": Stack(
        FIBSEM,
        whole=(700, 3000),
        slices=(100, 300),
        alone=(300, 1000),
    ),
}
# name of a way: which numbers it takes, and its words with one of them
WAYS = {
    "cut, whole stack": ("whole", "segment --result regions --n-superpixels {}"),
    "cut, slice by slice": (
        "slices",
        "segment --result regions --series apart --n-superpixels {}",
    ),
    "merge tree": ("alone", "segment --method tree --regions {}"),
    "watershed": ("alone", "superpixels --superpixels watershed --n-superpixels {}"),
    "egb": ("alone", "superpixels --superpixels egb --n-superpixels {}"),
}


def labels_of(image: Path, words: str, output: Path) -> np.ndarray:
    """Labels of a command, which runs unless they are there."""
    if not output.exists():
        run_napari_dsc(*words.split(), str(image), "--axes", "ZYX", "-o", str(output))
    return tifffile.imread(output).astype(np.int64)


def scores_of(labels: np.ndarray, truth: np.ndarray) -> Row:
    """Scores where the truth has labels."""
    known = truth > 0
    table = table_where_known(labels, truth)
    planes = [
        segmentation_covering(contingency_table(one[is_known], wanted[is_known]))
        for one, wanted, is_known in zip(labels, truth, known, strict=True)
        if is_known.any()
    ]
    return {
        "regions": len(np.unique(labels)),
        "SC": round(segmentation_covering(table), 3),
        "VI": round(variation_of_information(table), 3),
        "ARI": round(adjusted_rand_index(table), 3),
        "SC of planes": round(float(np.mean(planes)), 3),
    }


def best_row(name: str, way: str, root: Path, output: Path) -> Row:
    """Scores with the best number of a way."""
    stack = STACKS[name]
    kind, words = WAYS[way]
    truth = truth_of(root, stack.path)
    rows = []
    for number in getattr(stack, kind):
        path = output / f"{name}-{way.replace(' ', '-').replace(',', '')}-{number}.tif"
        labels = labels_of(root / stack.path.format("images"), words.format(number), path)
        stages: Any = read_record(path)["seconds"]
        seconds = round(sum(stages.values()))
        head = {"stack": name, "way": way, "number": number}
        rows.append(head | scores_of(labels, truth) | {"s": seconds})
    return max(rows, key=lambda row: row["ARI"])


def main() -> None:
    """Segment and score both stacks in all ways."""
    given = argument_parser(__doc__, "root", "output").parse_args()
    given.output.mkdir(exist_ok=True)
    rows = [best_row(name, way, given.root, given.output) for name in STACKS for way in WAYS]
    write_rows("stacks/stacks", rows)


if __name__ == "__main__":
    main()
