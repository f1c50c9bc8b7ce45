"""What each way to make the cut faster costs in scores, and what it saves.

    python -m benchmarks.speed.levers BSDS500 [--every 4] [--variants NAME ...] [-M 100]

runs the cut on validation images from the same superpixels in every variant, and scores classes
and their connected regions after 32, 64 and 128 iterations; seconds are those of the processor,
for the cut alone. Writes its file after every image; a run that was stopped goes on where it
was when the command is given again.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

from benchmarks.report import PAPER, Measures, Report, Row, bsds_parser, score, selected_samples
from napari_dsc import CutParams, Run, SuperpixelParams
from napari_dsc.evaluation.bsds500 import read_annotations
from napari_dsc.labels.regions import connected_regions

if TYPE_CHECKING:
    import numpy as np

    from napari_dsc import Step
    from napari_dsc.evaluation.bsds500 import Sample

ITERATIONS = (32, 64, 128)
FROZEN = dataclasses.replace(PAPER, encoder="frozen")
VARIANTS = {
    "paper": PAPER,
    "paper, bfloat16": dataclasses.replace(PAPER, precision="bfloat16"),
    "paper at 0.7": dataclasses.replace(PAPER, resolution=0.7),
    "paper at 0.5": dataclasses.replace(PAPER, resolution=0.5),
    "frozen": FROZEN,
    "frozen at 0.7": dataclasses.replace(FROZEN, resolution=0.7),
    "frozen at 0.5": dataclasses.replace(FROZEN, resolution=0.5),
    "fast": CutParams(),
}


def scored(labels: np.ndarray, annotations: list[np.ndarray], seconds: float) -> Measures:
    """Scores, number of segments and the time it took."""
    measures = score(labels, annotations)
    return measures | {
        "n_segments": float(len(set(labels.ravel().tolist()))),
        "seconds": seconds,
    }


def measure(
    sample: Sample, superpixels: np.ndarray, params: CutParams, annotations: list[np.ndarray]
) -> dict[str, Measures]:
    """Measures of one variant on one image, by iterations and result."""
    run = Run(sample.image, device="cpu", superpixels=superpixels, cut_params=params)
    found: dict[str, Measures] = {}
    seconds, start = 0.0, time.process_time()
    for step in run.iter_steps():
        seconds += time.process_time() - start
        if step.iteration in ITERATIONS:
            found |= both_scored(step, str(step.iteration), annotations, seconds)
        last, start = step, time.process_time()
    return found | both_scored(last, "the last", annotations, seconds)


def both_scored(
    step: Step, when: str, annotations: list[np.ndarray], seconds: float
) -> dict[str, Measures]:
    """Measures of the classes and of the regions."""
    classes = step.labels()
    return {
        f"{when}, classes": scored(classes, annotations, seconds),
        f"{when}, regions": scored(connected_regions(classes), annotations, seconds),
    }


def table(report: Report, samples: list[Sample], variants: list[str]) -> list[Row]:
    """One row for each variant and number of iterations, classes beside regions."""
    rows: list[Row] = []
    for variant in variants:
        for when in [*map(str, ITERATIONS), "the last"]:
            row_name = f"{variant}, {when}, classes"
            if not all(row_name in report.images[sample.name] for sample in samples):
                continue  # the cut of some image ended before
            row: Row = {"": variant, "step": when}
            for kind in ("classes", "regions"):
                name = f"{variant}, {when}, {kind}"
                scores = report.score_row(samples, name)
                row |= {f"{measure} {kind}": scores[measure] for measure in ("SC", "VI")}
            row["CPU seconds"] = round(report.mean(samples, name, "seconds"), 1)
            row["images"] = len(samples)
            rows.append(row)
    return rows


def main() -> None:
    """Run every variant on every image; print the table."""
    parser = bsds_parser(__doc__, every=4)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("-M", "--n-superpixels", type=int, default=100)
    arguments = parser.parse_args()
    samples = selected_samples(arguments)
    report = Report("speed/levers", {"n_superpixels": arguments.n_superpixels})
    superpixel_params = SuperpixelParams(n_superpixels=arguments.n_superpixels)
    for sample in samples:
        start = time.perf_counter()
        done = report.images.get(sample.name, {})
        missing = [
            name for name in arguments.variants if f"{name}, the last, classes" not in done
        ]
        if missing:
            run = Run(sample.image, device="cpu", superpixel_params=superpixel_params)
            superpixels, annotations = run.superpixels, read_annotations(sample.annotations)
        for variant in missing:
            found = measure(sample, superpixels, VARIANTS[variant], annotations)
            done = done | {f"{variant}, {row}": values for row, values in found.items()}
            report.add(sample.name, done, time.perf_counter() - start)
    report.finish(table(report, samples, arguments.variants))


if __name__ == "__main__":
    main()
