"""Score superpixels of stacks.

    python -m benchmarks.superpixels.volumes micro superpixels

runs ``napari-dsc superpixels`` on stacks of `micro`, a folder for each set with ``images`` and
``labels``. Label images go into the second folder; one that is there is only read. Scores go
into results/superpixels/volumes.json.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile

from benchmarks.tables import commit
from napari_dsc.evaluation.contingency import contingency_table
from napari_dsc.evaluation.metrics import (
    achievable_segmentation_accuracy,
    undersegmentation_error,
)

RESULTS = Path(__file__).parents[1] / "results" / "superpixels" / "volumes.json"


class Stack(NamedTuple):
    """A stack, and how it is divided."""

    path: str
    n_superpixels: int
    spacing: str
    is_sparse: bool


OVULE = Stack("plant_ovule_3d/{}/ovule_cells_left.tif", 500, "", is_sparse=False)
EMBRYO = Stack("mouse_embryo_3d/{}/8_cell_stage.tif", 1000, "1.75,0.8,0.8", is_sparse=True)
FIBSEM = Stack("fibsem_medulla_3d/{}/medulla_z000_100.tif", 3000, "", is_sparse=False)
STACKS = {
    "ovule": OVULE,
    "embryo": EMBRYO,
    "embryo-cubes": EMBRYO._replace(spacing=""),
    "fibsem": FIBSEM,
}
METHODS = ("slic", "watershed", "egb")


def command_of(stack: Stack, method: str, root: str, output: str) -> list[str]:
    """Words after ``napari-dsc``."""
    words = ["superpixels", f"{root}/{stack.path.format('images')}", "-o", output]
    words += ["--superpixels", method, "--n-superpixels", str(stack.n_superpixels)]
    return words + (["--spacing", stack.spacing] if stack.spacing else [])


def best_union_dice(labels: np.ndarray, is_object: np.ndarray) -> float:
    """Dice of the superpixels that lie in objects for the most part."""
    inside = np.bincount(labels.ravel(), is_object.ravel())
    chosen = (inside > np.bincount(labels.ravel()) / 2)[labels]
    return float(2 * (chosen & is_object).sum() / (chosen.sum() + is_object.sum()))


def scores_of(path: Path, stack: Stack, truth: np.ndarray) -> dict[str, float]:
    """Scores of a label image, and the seconds its record has."""
    labels = tifffile.imread(path).astype(np.int64)
    with tifffile.TiffFile(path) as file:
        seconds = json.loads(file.pages.first.description)["seconds"]
    counted = np.ones(truth.shape, bool) if stack.is_sparse else truth > 0
    table = contingency_table(labels[counted], truth[counted])
    scores = {
        "n_superpixels": len(np.unique(labels)),
        "asa": achievable_segmentation_accuracy(table),
        "ue": undersegmentation_error(table),
        "seconds_smooth": seconds["smooth"],
        "seconds_superpixels": seconds["superpixels"],
    }
    if stack.is_sparse:
        scores["dice"] = best_union_dice(labels, truth > 0)
    return {key: round(value, 4) for key, value in scores.items()}


def main() -> None:
    """Divide and score all stacks by all methods."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    given.output.mkdir(exist_ok=True)
    results = []
    for name, stack in STACKS.items():
        truth = tifffile.imread(given.root / stack.path.format("labels")).astype(np.int64)
        for method in METHODS:
            path = given.output / f"{name}-{method}.tif"
            if not path.exists():
                words = command_of(stack, method, str(given.root), str(path))
                subprocess.run([sys.executable, "-m", "napari_dsc", *words], check=True)
            command = shlex.join(command_of(stack, method, "micro", path.name))
            row = {"stack": name, "method": method, **scores_of(path, stack, truth)}
            results.append({**row, "command": f"napari-dsc {command}"})
    found = {
        "command": __doc__.splitlines()[2].strip(),
        "commit": commit(Path(__file__).parents[2]),
        "rows": results,
    }
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
