"""What the cut gains over the superpixels it starts from, at one scale.

    python -m benchmarks.paper.cut_gain BSDS500 [--every 5] [--method slic] [-M 100]
        [--weights NAME_OR_PATH] [--precision float32] [--resolution 1.0] [--device auto]

segments validation images at full size and scores the superpixels, the classes and their
connected regions after 16, 32, 64 and 128 iterations. Writes its file after every image; a
run that was stopped goes on where it was when the command is given again.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from benchmarks.report import PAPER, Measures, Report, Row, bsds_parser, score, selected_samples
from napari_dsc import Run, SuperpixelParams
from napari_dsc.evaluation.bsds500 import read_annotations
from napari_dsc.labels.regions import connected_regions
from napari_dsc.superae.weights import DEFAULT, find_weights

if TYPE_CHECKING:
    import argparse

    import numpy as np

    from napari_dsc.evaluation.bsds500 import Sample

ITERATIONS = (16, 32, 64, 128)


def segmentations(run: Run) -> dict[str, np.ndarray]:
    """Superpixels, classes and regions of one image, by row of the table."""
    by_row = {"superpixels": run.superpixels}
    for step in run.iter_steps():
        if step.iteration in ITERATIONS:
            classes = step.labels()
            by_row[f"classes, {step.iteration} iterations"] = classes
            by_row[f"regions, {step.iteration} iterations"] = connected_regions(classes)
    return by_row


def measure(sample: Sample, arguments: argparse.Namespace) -> dict[str, Measures]:
    """Scores and number of segments, by row of the table."""
    run = Run(
        sample.image,
        weights=arguments.weights,
        device=arguments.device,
        superpixel_params=SuperpixelParams(
            superpixels=arguments.method, n_superpixels=arguments.n_superpixels
        ),
        cut_params=dataclasses.replace(
            PAPER,
            n_iterations=ITERATIONS[-1],
            precision=arguments.precision,
            resolution=arguments.resolution,
        ),
    )
    annotations = read_annotations(sample.annotations)
    return {
        row: score(labels, annotations)
        | {"n_segments": float(len(set(labels.ravel().tolist())))}
        for row, labels in segmentations(run).items()
    }


def table(report: Report, samples: list[Sample]) -> list[Row]:
    """One row for the superpixels, then classes and regions at each iteration."""
    names = ["superpixels"] + [
        f"{kind}, {iteration} iterations"
        for kind in ("classes", "regions")
        for iteration in ITERATIONS
    ]
    start = report.summary(samples, ["superpixels"])["sc"].ois
    rows: list[Row] = []
    for name in names:
        counts = report.values(samples, name, "n_segments")
        gain = report.summary(samples, [name])["sc"].ois - start
        rows.append(
            report.score_row(samples, name)
            | {
                "SC gained": round(gain, 3),
                "segments, mean": round(sum(counts) / len(counts), 1),
                "least": int(min(counts)),
                "images": len(samples),
            }
        )
    return rows


def main() -> None:
    """Segment and score every image; print the table."""
    parser = bsds_parser(__doc__, every=5)
    parser.add_argument("--method", default="slic")
    parser.add_argument("-M", "--n-superpixels", type=int, default=100)
    parser.add_argument("--weights", default=DEFAULT)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--resolution", type=float, default=1.0)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    samples = selected_samples(arguments)
    settings = {
        "method": arguments.method,
        "n_superpixels": arguments.n_superpixels,
        "precision": arguments.precision,
        "weights": find_weights(arguments.weights).sha256,
    }
    name = f"cut_gain-{arguments.method}-{arguments.n_superpixels}"
    if arguments.resolution != 1.0:
        settings["resolution"] = arguments.resolution
        name += f"-at-{arguments.resolution:g}".replace(".", "")
    report = Report(name, settings)
    report.measure(samples, lambda sample: measure(sample, arguments))
    report.finish(table(report, samples))


if __name__ == "__main__":
    main()
