"""Time and memory of whole commands on a large picture made of photographs.

    python -m benchmarks.large.large_run BSDS500 [--size 2048] [--n-superpixels 2000]

makes a mosaic of validation images and runs `napari-dsc smooth` and `napari-dsc segment` on it,
each in a process of its own with the threads it takes by itself. Needs Linux.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from benchmarks.report import Report, Row
from napari_dsc.evaluation.bsds500 import list_samples


def mosaic(root: Path, size: int) -> np.ndarray:
    """Validation images side by side, (size, size, 3) uint8."""
    samples = itertools.cycle(list_samples(root, "val"))
    rows = []
    for _ in range(-(-size // 321)):
        images = [iio.imread(next(samples).image) for _ in range(-(-size // 321))]
        rows.append(np.concatenate([image[:321, :321] for image in images], axis=1))
    return np.concatenate(rows)[:size, :size]


def measured(name: str, command: list[str]) -> Row:
    """Run a command; its seconds and largest memory."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "napari_dsc", *command])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed")
    return {
        "": name,
        "wall s": round(time.perf_counter() - start, 1),
        "CPU s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak MB": round(usage.ru_maxrss * 1024 / 1e6),
    }


def main() -> None:
    """Make the mosaic, run both commands, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--n-superpixels", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mosaic.png")
        iio.imwrite(path, mosaic(given.root, given.size))
        count = ["--n-superpixels", str(given.n_superpixels)]
        rows = [
            measured("smooth", ["smooth", str(path), "-o", f"{folder}/smooth.tif"]),
            measured("segment", ["segment", str(path), "-o", f"{folder}/s.tif", *count]),
        ]
    settings: dict[str, str | float] = {
        "size": given.size,
        "n_superpixels": given.n_superpixels,
        "cores": os.cpu_count() or 1,
    }
    Report("large/large_run", settings).finish(rows, images=False)


if __name__ == "__main__":
    main()
