"""How long one step of the cut takes at several resolutions, on one image.

    python -m benchmarks.speed.step_seconds BSDS500 --limit 1 --threads 1

measures them in turn, again and again in one process, and takes medians.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmarks.report import PAPER, Row, bsds_parser, selected_samples, write_rows
from napari_dsc import CutParams, Run

if TYPE_CHECKING:
    from pathlib import Path

RESOLUTIONS = (1.0, 0.5, 0.35)
PRECISIONS: tuple[Literal["float32", "bfloat16"], ...] = ("float32", "bfloat16")
ROUNDS, STEPS = 5, 4


def seconds_a_step(image: Path, params: CutParams) -> float:
    """Mean over a few steps, after a first one."""
    steps = Run(image, device="cpu", cut_params=params).iter_steps()
    next(steps)
    start = time.perf_counter()
    for _ in range(STEPS):
        next(steps)
    return (time.perf_counter() - start) / STEPS


def main() -> None:
    """Measure all combinations in turn; print the table."""
    arguments = bsds_parser(__doc__, every=100).parse_args()
    [sample] = selected_samples(arguments)
    choices = [(one, precision) for precision in PRECISIONS for one in RESOLUTIONS]
    found = {choice: list[float]() for choice in choices}
    for _ in range(ROUNDS):
        for choice, seconds in found.items():
            params = dataclasses.replace(PAPER, resolution=choice[0], precision=choice[1])
            seconds.append(seconds_a_step(sample.image, params))
    medians = {choice: float(np.median(seconds)) for choice, seconds in found.items()}
    rows: list[Row] = [
        {
            "": f"resolution {resolution}, {precision}",
            "seconds a step": round(seconds, 3),
            "share of the default": round(seconds / medians[1.0, "float32"], 3),
        }
        for (resolution, precision), seconds in medians.items()
    ]
    settings = {"rounds": ROUNDS, "steps": STEPS}
    write_rows("speed/step_seconds", rows, settings=settings)


if __name__ == "__main__":
    main()
