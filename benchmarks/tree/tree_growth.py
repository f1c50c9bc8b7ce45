"""Seconds and memory of a merge tree as the image grows, and the exponent of both.

    python -m benchmarks.tree.tree_growth BSDS500 --limit 1

resizes one validation image to each of a few numbers of pixels and grows its tree, each time in
a new process of one thread and one of two, in turn. Seconds are medians over rounds: those of a
clock, and those of the processor, which other work on the machine changes less. The exponent is
the slope of a straight line through the logarithms.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from skimage.transform import resize

from benchmarks.report import Row, bsds_parser, selected_samples, write_rows
from napari_dsc import TreeParams
from napari_dsc.hierarchy.construction import grow_tree
from napari_dsc.images import load_image

if TYPE_CHECKING:
    from pathlib import Path

MEGAPIXELS = (0.154, 0.3, 0.6, 1.2, 2.4, 4.0)
THREADS = (1, 2)
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
ROUNDS = 3
KIB_A_MIB = 1024


def grow_once(path: str, megapixels: str) -> dict[str, float]:
    """Seconds, seconds of the processor and MiB at the peak, of one tree in this process."""
    pixels = load_image(path).pixels
    factor = np.sqrt(float(megapixels) * 1e6 / pixels[0].size)
    shape = [round(side * factor) for side in pixels.shape[1:]]
    large = resize(pixels, (len(pixels), *shape), order=1).astype(np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, start_busy = time.perf_counter(), time.process_time()
    grow_tree(large, TreeParams())
    return {
        "seconds": time.perf_counter() - start,
        "busy": time.process_time() - start_busy,
        "before": before / KIB_A_MIB,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_A_MIB,
    }


def grow_in_process(path: Path, megapixels: float, threads: int) -> dict[str, float]:
    """What `grow_once` measures in a process of so many threads."""
    words = ["-m", "benchmarks.tree.tree_growth", "--once", str(path), str(megapixels)]
    limits = dict.fromkeys(LIMITS, str(threads))
    command = [sys.executable, *words]
    done = subprocess.run(command, env=os.environ | limits, capture_output=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def exponent(megapixels: list[float], values: list[float]) -> float:
    """Slope of the logarithms."""
    return float(np.polyfit(np.log(megapixels), np.log(values), 1)[0])


def main() -> None:
    """Measure all sizes in turn; print the table."""
    arguments = bsds_parser(__doc__, every=100).parse_args()
    [sample] = selected_samples(arguments)
    cases = [(size, threads) for size in MEGAPIXELS for threads in THREADS]
    found = {case: list[dict[str, float]]() for case in cases}
    for _ in range(ROUNDS):
        for (size, threads), measured in found.items():
            measured.append(grow_in_process(sample.image, size, threads))
    rows: list[Row] = []
    for threads in THREADS:
        for size in MEGAPIXELS:
            middle = {
                key: float(np.median([one[key] for one in found[size, threads]]))
                for key in ("seconds", "busy", "before", "peak")
            }
            rows.append(
                {
                    "megapixels": size,
                    "threads": threads,
                    "s": round(middle["seconds"], 2),
                    "s of the processor": round(middle["busy"], 2),
                    "MiB at the peak": round(middle["peak"]),
                    "of these before the tree": round(middle["before"]),
                }
            )
    settings = {"rounds": ROUNDS}
    write_rows("tree/tree_growth", rows + exponents(rows), settings=settings)


def exponents(rows: list[Row]) -> list[Row]:
    """Exponents over all sizes, and over the two largest, by number of threads."""
    found: list[Row] = []
    for threads in THREADS:
        own = [row for row in rows if row["threads"] == threads]
        for name, part in (("exponent", own), ("exponent of the last two", own[-2:])):
            sizes = [float(row["megapixels"]) for row in part]
            slopes: Row = {
                key: round(exponent(sizes, [float(row[key]) for row in part]), 2)
                for key in ("s", "s of the processor", "MiB at the peak")
            }
            row: Row = {"megapixels": name, "threads": threads}
            found.append(row | slopes | {"of these before the tree": ""})
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        print(json.dumps(grow_once(*sys.argv[2:])))
    else:
        main()
