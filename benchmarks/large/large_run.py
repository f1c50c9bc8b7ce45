"""Time and memory of whole commands on a large picture made of photographs.

    python -m benchmarks.large.large_run BSDS500 [--size 2048] [--n-superpixels 2000]

makes a mosaic of validation images and runs `napari-dsc smooth` and `napari-dsc segment` on it,
each in a process of its own with the threads it takes by itself. Needs Linux.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from benchmarks.commands import argument_parser, cost_of
from benchmarks.report import Row, write_rows
from napari_dsc.evaluation.bsds500 import list_samples


def mosaic(root: Path, size: int) -> np.ndarray:
    """Validation images side by side, (size, size, 3) uint8."""
    samples = itertools.cycle(list_samples(root, "val"))
    rows = []
    for _ in range(-(-size // 321)):
        images = [iio.imread(next(samples).image) for _ in range(-(-size // 321))]
        rows.append(np.concatenate([image[:321, :321] for image in images], axis=1))
    return np.concatenate(rows)[:size, :size]


def measured(name: str, *words: str) -> Row:
    """Run a command; its seconds and largest memory."""
    cost = cost_of(name, *words)
    return {
        "": name,
        "wall s": round(cost.wall, 1),
        "CPU s": round(cost.processor, 1),
        "peak MB": round(cost.peak / 1e6),
    }


def main() -> None:
    """Make the mosaic, run both commands, print the table."""
    parser = argument_parser(__doc__, "root")
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--n-superpixels", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mosaic.png")
        iio.imwrite(path, mosaic(given.root, given.size))
        count = ("--n-superpixels", str(given.n_superpixels))
        rows = [
            measured("smooth", str(path), "-o", f"{folder}/smooth.tif"),
            measured("segment", str(path), "-o", f"{folder}/s.tif", *count),
        ]
    settings = {
        "size": given.size,
        "n_superpixels": given.n_superpixels,
        "cores": os.cpu_count() or 1,
    }
    write_rows("large/large_run", rows, settings=settings)


if __name__ == "__main__":
    main()
