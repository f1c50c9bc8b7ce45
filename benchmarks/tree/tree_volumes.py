"""Merge trees of stacks from the command line: seconds, memory and scores.

    python -m benchmarks.tree.tree_volumes micro trees

runs ``napari-dsc segment`` with ``--method tree`` on stacks of `micro`, a folder for each set
with ``images`` and ``labels``. Label images go into the second folder. Seconds are those of the
processor for the whole command. Results go into results/tree/tree_volumes.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tifffile

from benchmarks.commands import argument_parser, cost_of
from benchmarks.report import Row, table_where_known, write_rows
from benchmarks.sets.micro import FIBSEM, OVULE, truth_of
from napari_dsc.evaluation.metrics import (
    adjusted_rand_index,
    segmentation_covering,
    variation_of_information,
)

if TYPE_CHECKING:
    from pathlib import Path


class Stack(NamedTuple):
    """A stack, and how its tree is made and cut."""

    path: str
    n_leaves: int
    n_regions: int


STACKS = {
    "plant_ovule_3d": Stack(OVULE, 700, 60),
    "fibsem_medulla_3d": Stack(FIBSEM, 3000, 1000),
}


def row_of(name: str, stack: Stack, root: Path, output: Path) -> Row:
    """Run the command, and score what it wrote where the truth has labels."""
    path = output / f"{name}.tif"
    words = ["segment", str(root / stack.path.format("images")), "-o", str(path)]
    words += ["--method", "tree", "--n-leaves", str(stack.n_leaves), "--overwrite"]
    cost = cost_of(*words, "--regions", str(stack.n_regions))
    labels = tifffile.imread(path).astype(np.int64)
    truth = truth_of(root, stack.path)
    table = table_where_known(labels, truth)
    return {
        "stack": name,
        "voxels": " x ".join(str(side) for side in labels.shape),
        "leaves": stack.n_leaves,
        "regions": stack.n_regions,
        "objects": len(np.unique(truth[truth > 0])),
        "SC": round(segmentation_covering(table), 3),
        "VI": round(variation_of_information(table), 3),
        "ARI": round(adjusted_rand_index(table), 3),
        "s of the processor": round(cost.processor),
        "MiB at the peak": round(cost.peak / 2**20),
    }


def main() -> None:
    """Segment and score all stacks."""
    given = argument_parser(__doc__, "root", "output").parse_args()
    given.output.mkdir(exist_ok=True)
    rows = [row_of(name, stack, given.root, given.output) for name, stack in STACKS.items()]
    write_rows("tree/tree_volumes", rows)


if __name__ == "__main__":
    main()
