"""Cut a stack by a network of three dimensions, and by two of two dimensions.

    python -m benchmarks.stacks.stack_network micro networks

trains on the stack of membranes of `micro` and on its planes, without labels, into the second
folder; weights that are there are only read. Then these networks and the packaged one cut the
same superpixels, with five seeds each, in turn. Scores are means over the seeds, of classes and
of their connected regions; seconds are medians. Results go into
results/stacks/stack_network.json.
"""

from __future__ import annotations

import csv
import statistics
from typing import TYPE_CHECKING

import numpy as np
import tifffile

import napari_dsc
from benchmarks.commands import argument_parser, run_napari_dsc
from benchmarks.report import Row, table_where_known, write_rows
from benchmarks.sets.micro import OVULE, truth_of
from napari_dsc import CutParams, SuperpixelParams
from napari_dsc.evaluation.metrics import adjusted_rand_index, variation_of_information
from napari_dsc.labels.regions import connected_regions
from napari_dsc.machine.allocator import keep_freed_memory
from napari_dsc.superae.weights import DEFAULT

if TYPE_CHECKING:
    from pathlib import Path

SHARED = ["--batch-size", "4", "--n-epochs", "120"]
IN_SPACE = ["--ndim", "3", "--axes", "ZYX", "--crop-size", "32", "--n-template-regions", "300"]
OF_PLANES = ["--crop-size", "64", "--n-template-regions", "50"]
N_SUPERPIXELS = 500
SEEDS = range(5)


def trained(images: Path, flags: list[str], weights: Path) -> Row:
    """Train unless that is done; the losses at both ends, and the seconds."""
    if not weights.exists():
        words = ["train", str(images), "-o", str(weights), "--overwrite", *flags, *SHARED]
        run_napari_dsc(*words)
    with weights.with_suffix(".csv").open(newline="") as file:
        epochs = list(csv.DictReader(file))
    ends = {
        f"{name}, {when}": round(float(epochs[place][name]), 4)
        for name in ("fidelity", "smoothness")
        for when, place in (("first", 0), ("last", -1))
    }
    seconds = round(sum(float(epoch["seconds"]) for epoch in epochs))
    return {
        "command": f"train {images.name} {' '.join([*flags, *SHARED])}",
        **ends,
        "s": seconds,
    }


def write_planes(stack: np.ndarray, folder: Path) -> Path:
    """Write a stack as a folder of images."""
    folder.mkdir(exist_ok=True)
    for number, plane in enumerate(stack):
        tifffile.imwrite(folder / f"{number:03}.tif", plane)
    return folder


def scores_of(labels: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Adjusted Rand index and variation of information where the truth has labels."""
    table = table_where_known(labels, truth)
    return adjusted_rand_index(table), variation_of_information(table)


def main() -> None:
    """Train, cut and score."""
    given = argument_parser(__doc__, "root", "networks").parse_args()
    given.networks.mkdir(exist_ok=True)
    keep_freed_memory()
    image = given.root / OVULE.format("images")
    stack = tifffile.imread(image)
    truth = truth_of(given.root, OVULE)
    in_space, of_planes = (
        given.networks / f"{name}.safetensors" for name in ("space", "planes")
    )
    planes = write_planes(stack, given.networks / "planes")
    trainings = [trained(planes, OF_PLANES, of_planes), trained(image, IN_SPACE, in_space)]
    superpixels = napari_dsc.over_segment(
        stack, axes="ZYX", superpixel_params=SuperpixelParams(n_superpixels=N_SUPERPIXELS)
    )
    networks = {
        "packaged, of pictures": DEFAULT,
        "trained on the planes, 2-D": str(of_planes),
        "trained on the stack, 3-D": str(in_space),
    }
    found: dict[str, list[list[float]]] = {name: [] for name in networks}
    for seed in SEEDS:
        for name, one in networks.items():
            cut = napari_dsc.segment(
                stack,
                axes="ZYX",
                weights=one,
                superpixels=superpixels,
                cut_params=CutParams(seed=seed),
            )
            seconds: dict[str, float] = cut.record["seconds"]  # type: ignore[assignment]
            labels = cut.labels.astype(np.int64)
            scores = [*scores_of(labels, truth), *scores_of(connected_regions(labels), truth)]
            n_classes = len(np.unique(labels))
            found[name].append([*scores, n_classes, seconds["smooth"], seconds["cut"]])
    seconds_of = dict(zip(networks, ["", *(each["s"] for each in trainings)], strict=True))
    rows = [
        {**_row(name, values), "s, training": seconds_of[name]}
        for name, values in found.items()
    ]
    write_rows("stacks/stack_network", rows, training=trainings)


def _row(name: str, values: list[list[float]]) -> Row:
    *scores, n_classes, smooth, cut = (list(column) for column in zip(*values, strict=True))
    of_classes, vi_of_classes, of_regions, vi_of_regions = map(statistics.mean, scores)
    return {
        "network": name,
        "ARI, classes": round(of_classes, 3),
        "VI, classes": round(vi_of_classes, 3),
        "ARI, regions": round(of_regions, 3),
        "VI, regions": round(vi_of_regions, 3),
        "classes": round(statistics.mean(n_classes), 1),
        "s, smooth": round(statistics.median(smooth), 1),
        "s, cut": round(statistics.median(cut), 1),
    }


if __name__ == "__main__":
    main()
