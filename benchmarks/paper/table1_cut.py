"""Table I, last three rows: superpixels of the smoothed image, and what DSC makes of them.

    python -m benchmarks.paper.table1_cut BSDS500 --every 4 --threads 1

takes the superpixels of `table1.py`, by Felzenszwalb and Huttenlocher's algorithm (EGB) of
the smoothed image at four scales, and lets the default cut merge them, by the label loss L1
alone and by both losses. OIS takes the best of the four scales for each image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.paper.table1 import SCALES, superpixels_at_scales
from benchmarks.report import (
    Measures,
    Report,
    Row,
    bsds_parser,
    last_step,
    score,
    selected_samples,
)
from napari_dsc import CutParams, Run
from napari_dsc.evaluation.bsds500 import read_annotations
from napari_dsc.superae.weights import DEFAULT, find_weights

if TYPE_CHECKING:
    from napari_dsc.evaluation.bsds500 import Sample

ALONE = "superpixels"
CUTS = {"L1": CutParams(cut_weight=0), "L1 + L2": CutParams()}


def measure(sample: Sample) -> dict[str, Measures]:
    """Scores of one image, by row and scale."""
    annotations = read_annotations(sample.annotations)
    whole = Run(sample.image)
    divided = superpixels_at_scales(whole.smoothed)
    measures = {}
    for scale in SCALES:
        superpixels = divided[scale].astype(np.int64) + 1
        found = {ALONE: superpixels}
        for name, params in CUTS.items():
            run = Run(whole.image, superpixels=superpixels, cut_params=params)
            found[name] = last_step(run).labels().astype(np.int64)
        for name, labels in found.items():
            scores = score(labels, annotations)
            measures[f"{name}: {scale}"] = scores | {"n": float(len(np.unique(labels)))}
    return measures


def row_of(report: Report, samples: list[Sample], name: str) -> Row:
    """OIS of one row."""
    keys = [f"{name}: {scale}" for scale in SCALES]
    counts = [f"{report.mean(samples, key, 'n'):.0f}" for key in keys]
    return report.score_row(samples, name, keys) | {
        "segments at each scale": " / ".join(counts),
        "images": len(samples),
    }


def main() -> None:
    """Divide, merge and score every image; print the table."""
    arguments = bsds_parser(__doc__, every=4).parse_args()
    samples = selected_samples(arguments)
    report = Report("paper/table1_cut", {"weights": find_weights(DEFAULT).sha256})
    report.measure(samples, measure)
    report.finish([row_of(report, samples, name) for name in (ALONE, *CUTS)], images=False)


if __name__ == "__main__":
    main()
