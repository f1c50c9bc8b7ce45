"""What each way to make the cut faster costs in scores, and what it saves.

    python benchmarks/levers.py BSDS500 [--every 4] [--variants NAME ...] [-M 100]

runs the cut on validation images from the same superpixels in every variant, and scores classes
and their connected regions after 32, 64 and 128 iterations; seconds are those of the processor,
for the cut alone. Writes its file after every image; a stopped run goes on where it was
when the command is given again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from report import Measures, Report, Row, argument_parser, score, selected_samples

from napari_dsc.evaluation.bsds500 import read_annotations
from napari_dsc.params import CutParams, SuperpixelParams
from napari_dsc.regions import connected_regions
from napari_dsc.run import Run

if TYPE_CHECKING:
    import numpy as np

    from napari_dsc.evaluation.bsds500 import Sample

ITERATIONS = (32, 64, 128)
VARIANTS = {
    "paper": CutParams(),
    "bfloat16": CutParams(precision="bfloat16"),
    "frozen": CutParams(encoder="frozen"),
    "frozen at 0.7": CutParams(encoder="frozen", resolution=0.7),
    "frozen at 0.5": CutParams(encoder="frozen", resolution=0.5),
    "frozen at 0.35": CutParams(encoder="frozen", resolution=0.35),
    "bfloat16 at 0.7": CutParams(precision="bfloat16", resolution=0.7),
    "bfloat16 at 0.5": CutParams(precision="bfloat16", resolution=0.5),
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
    found = {}
    seconds, start = 0.0, time.process_time()
    for step in run.iter_steps():
        seconds += time.process_time() - start
        if step.iteration in ITERATIONS:
            classes = step.labels()
            found[f"{step.iteration}, classes"] = scored(classes, annotations, seconds)
            regions = connected_regions(classes)
            found[f"{step.iteration}, regions"] = scored(regions, annotations, seconds)
        start = time.process_time()
    return found


def table(report: Report, samples: list[Sample], variants: list[str]) -> list[Row]:
    """One row for each variant and number of iterations, classes beside regions."""
    rows: list[Row] = []
    for variant in variants:
        for iterations in ITERATIONS:
            row: Row = {"": f"{variant}, {iterations} iterations"}
            for kind in ("classes", "regions"):
                name = f"{variant}, {iterations}, {kind}"
                scores = report.score_row(samples, name)
                row |= {f"{measure} {kind}": scores[measure] for measure in ("SC", "VI")}
            row["CPU seconds"] = round(report.mean(samples, name, "seconds"), 1)
            row["images"] = len(samples)
            rows.append(row)
    return rows


def main() -> None:
    """Run every variant on every image; print the table."""
    parser = argument_parser(__doc__ or "", every=4)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("-M", "--n-superpixels", type=int, default=100)
    arguments = parser.parse_args()
    samples = selected_samples(arguments)
    report = Report("levers", {"n_superpixels": arguments.n_superpixels})
    superpixel_params = SuperpixelParams(n_superpixels=arguments.n_superpixels)
    for sample in samples:
        start = time.perf_counter()
        done = report.images.get(sample.name, {})
        missing = [name for name in arguments.variants if f"{name}, 32, classes" not in done]
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
