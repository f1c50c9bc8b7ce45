"""Merge trees of stacks from the command line: seconds, memory and scores.

    python -m benchmarks.tree.tree_volumes micro trees

runs ``napari-dsc segment`` with ``--method tree`` on stacks of `micro`, a folder for each set
with ``images`` and ``labels``. Label images go into the second folder. Seconds are those of the
processor for the whole command. Results go into results/tree/tree_volumes.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile

from benchmarks.report import Row, command_line, markdown_table
from napari_dsc.evaluation.contingency import contingency_table
from napari_dsc.evaluation.metrics import (
    adjusted_rand_index,
    segmentation_covering,
    variation_of_information,
)

RESULTS = Path(__file__).parents[1] / "results" / "tree" / "tree_volumes.json"
KIB_A_MIB = 1024


class Stack(NamedTuple):
    """A stack, and how its tree is made and cut."""

    path: str
    n_leaves: int
    n_regions: int


STACKS = {
    "plant_ovule_3d": Stack("plant_ovule_3d/{}/ovule_cells_left.tif", 700, 60),
    "fibsem_medulla_3d": Stack("fibsem_medulla_3d/{}/medulla_z000_100.tif", 3000, 1000),
}


def cost_of(command: list[str]) -> tuple[float, float]:
    """Seconds of the processor and MiB at the peak of a command, which must succeed."""
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{shlex.join(command)}: ended with status {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / KIB_A_MIB


def row_of(name: str, stack: Stack, root: Path, output: Path) -> Row:
    """Run the command, and score what it wrote where the truth has labels."""
    path = output / f"{name}.tif"
    command = [sys.executable, "-m", "napari_dsc", "segment"]
    command += [str(root / stack.path.format("images")), "-o", str(path), "--overwrite"]
    command += ["--method", "tree", "--n-leaves", str(stack.n_leaves)]
    seconds, peak = cost_of([*command, "--regions", str(stack.n_regions)])
    labels = tifffile.imread(path).astype(np.int64)
    truth = tifffile.imread(root / stack.path.format("labels")).astype(np.int64)
    known = truth > 0
    table = contingency_table(labels[known], truth[known])
    return {
        "stack": name,
        "voxels": " x ".join(str(side) for side in labels.shape),
        "leaves": stack.n_leaves,
        "regions": stack.n_regions,
        "objects": len(np.unique(truth[known])),
        "SC": round(segmentation_covering(table), 3),
        "VI": round(variation_of_information(table), 3),
        "ARI": round(adjusted_rand_index(table), 3),
        "s of the processor": round(seconds),
        "MiB at the peak": round(peak),
    }


def main() -> None:
    """Segment and score all stacks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    given.output.mkdir(exist_ok=True)
    rows = [row_of(name, stack, given.root, given.output) for name, stack in STACKS.items()]
    content = {"command": command_line(), "rows": rows}
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")
    print(markdown_table(rows))


if __name__ == "__main__":
    main()
