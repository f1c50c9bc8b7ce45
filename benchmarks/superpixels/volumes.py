"""Score superpixels of stacks.

    python -m benchmarks.superpixels.volumes micro superpixels

runs ``napari-dsc superpixels`` on stacks of `micro`, a folder for each set with ``images`` and
``labels``. Label images go into the second folder; one that is there is only read. Scores go
into results/superpixels/volumes.json.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tifffile

from benchmarks.commands import argument_parser, run_napari_dsc
from benchmarks.joint.series import dice, nuclear_classes
from benchmarks.report import Row, write_rows
from benchmarks.sets.micro import EMBRYO, FIBSEM, OVULE, truth_of
from napari_dsc.evaluation.contingency import contingency_table
from napari_dsc.evaluation.metrics import (
    achievable_segmentation_accuracy,
    undersegmentation_error,
)
from napari_dsc.files.tiff import read_record

if TYPE_CHECKING:
    from pathlib import Path


class Stack(NamedTuple):
    """A stack, and how it is divided."""

    path: str
    n_superpixels: int
    spacing: str
    is_sparse: bool


CELLS = Stack(OVULE, 500, "", is_sparse=False)
NUCLEI = Stack(EMBRYO, 1000, "1.75,0.8,0.8", is_sparse=True)
MEDULLA = Stack(FIBSEM, 3000, "", is_sparse=False)
STACKS = {
    "ovule": CELLS,
    "embryo": NUCLEI,
    "embryo-cubes": NUCLEI._replace(spacing=""),
    "fibsem": MEDULLA,
}
METHODS = ("slic", "watershed", "egb")


def command_of(stack: Stack, method: str, root: str, output: str) -> list[str]:
    """Words after ``napari-dsc``."""
    words = ["superpixels", f"{root}/{stack.path.format('images')}", "-o", output]
    words += ["--superpixels", method, "--n-superpixels", str(stack.n_superpixels)]
    return words + (["--spacing", stack.spacing] if stack.spacing else [])


def scores_of(path: Path, stack: Stack, truth: np.ndarray) -> dict[str, float]:
    """Scores of a label image, and the seconds its record has."""
    labels = tifffile.imread(path).astype(np.int64)
    seconds: Any = read_record(path)["seconds"]
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
        scores["dice"] = dice(np.isin(labels, nuclear_classes(labels, truth > 0)), truth > 0)
    return {key: round(value, 4) for key, value in scores.items()}


def main() -> None:
    """Divide and score all stacks by all methods."""
    given = argument_parser(__doc__, "root", "output").parse_args()
    given.output.mkdir(exist_ok=True)
    results: list[Row] = []
    for name, stack in STACKS.items():
        truth = truth_of(given.root, stack.path)
        for method in METHODS:
            path = given.output / f"{name}-{method}.tif"
            if not path.exists():
                run_napari_dsc(*command_of(stack, method, str(given.root), str(path)))
            command = shlex.join(command_of(stack, method, "micro", path.name))
            row: Row = {"stack": name, "method": method, **scores_of(path, stack, truth)}
            results.append(row | {"command": f"napari-dsc {command}"})
    write_rows("superpixels/volumes", results)


if __name__ == "__main__":
    main()
