"""How far labels made tile by tile are from those of the whole image, and whether tiles show.

    python -m benchmarks.large.seams mosaic.tif [--tile 1024] [--seeds 3] [-M 6400]

segments an image that fits into memory whole and by tiles, with several seeds, and writes into
results/large/seams.json: the variation of information (bits) between two runs on the whole
image with different seeds, and between runs by tiles and whole; and how often labels change at
the borders of tiles, relative to the columns and rows next to them (1 where tiles do not show).
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np
import tifffile
import torch

import napari_dsc
from benchmarks.commands import argument_parser
from benchmarks.report import last_step, write_rows
from napari_dsc import CutParams, Run, SuperpixelParams
from napari_dsc.evaluation.contingency import contingency_table
from napari_dsc.evaluation.metrics import variation_of_information
from napari_dsc.machine.allocator import keep_freed_memory

AROUND = 8  # columns on each side that a border is compared with


def border_excess(labels: np.ndarray, borders: list[int]) -> float:
    """Changes of label across borders between columns, relative to the columns around."""
    changes = (labels[:, 1:] != labels[:, :-1]).mean(0)
    at = [changes[border - 1] for border in borders]
    near = [
        changes[border - 1 + step]
        for border in borders
        for step in range(-AROUND, AROUND + 1)
        if step
    ]
    return float(np.mean(at) / np.mean(near))


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Variation of information in bits."""
    return variation_of_information(contingency_table(first, second))


def by_tiles(path: Path, tile: int, params: tuple[SuperpixelParams, CutParams]) -> np.ndarray:
    """Labels made tile by tile."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "labels.tif"
        napari_dsc.segment_large(
            path, output, tile=tile, superpixel_params=params[0], cut_params=params[1]
        )
        return np.asarray(tifffile.imread(output))


def mean_range(values: list[float]) -> dict[str, str]:
    """Mean, least and most of some values."""
    named = {"mean": np.mean(values), "least": min(values), "most": max(values)}
    return {name: f"{value:.3f}" for name, value in named.items()}


def main() -> None:
    """Measure and write."""
    parser = argument_parser(__doc__, "image")
    parser.add_argument("--tile", type=int, default=1024)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("-M", type=int, default=6400)
    parser.add_argument("--resolution", type=float, default=0.25)
    parser.add_argument("--iterations", type=int, default=64)
    parser.add_argument("--name", default="seams")
    given = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    cut = [
        CutParams(
            n_iterations=given.iterations,
            patience=0,
            resolution=given.resolution,
            megapixels=10.0,
            cut_normalization="pairs",
            seed=seed,
        )
        for seed in range(given.seeds)
    ]
    asked = SuperpixelParams(n_superpixels=given.M, source="original")
    image = tifffile.imread(given.image)
    superpixels = Run(image, superpixel_params=asked).superpixels
    whole, tiled = [], []
    for params in cut:
        run = Run(image, superpixels=superpixels, cut_params=params)
        last = last_step(run)
        whole.append(last.labels())
        print("whole", params.seed, last.n_classes, flush=True)
    for params in cut:
        tiled.append(by_tiles(given.image, given.tile, (asked, params)))
        print("tiles", params.seed, len(np.unique(tiled[-1])), flush=True)
    borders = list(range(given.tile, image.shape[1], given.tile))
    pairs = {
        "whole, two seeds": itertools.combinations(whole, 2),
        "tiles and whole, one seed": zip(tiled, whole, strict=True),
        "tiles and whole, any seeds": itertools.product(tiled, whole),
        "tiles, two seeds": itertools.combinations(tiled, 2),
    }
    rows = [
        {"measure": f"VI, bits: {name}"} | mean_range([distance(*pair) for pair in some])
        for name, some in pairs.items()
    ]
    for name, images in (("whole", whole), ("tiles", tiled)):
        excess = [border_excess(view, borders) for one in images for view in (one, one.T)]
        rows.append({"measure": f"changes at borders: {name}"} | mean_range(excess))
        counts = [float(len(np.unique(one))) for one in images]
        rows.append({"measure": f"classes: {name}"} | mean_range(counts))
    write_rows(f"large/{given.name}", rows)


if __name__ == "__main__":
    main()
