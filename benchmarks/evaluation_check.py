"""The measure itself, checked on a method whose scores are known: gPb-owt-ucm.

    python benchmarks/evaluation_check.py BSDS500 [--every N] [--thresholds 33]

scores the authors' own contour maps on the validation images at evenly spaced thresholds.
"""

from __future__ import annotations

import time

import numpy as np
from contour_maps import read_contours, regions_at
from report import Report, argument_parser, score_measures, selected_samples

from napari_dsc.evaluation.bsds500 import read_annotations
from napari_dsc.evaluation.summary import score_segmentation


def main() -> None:
    """Score every image at every threshold; print ODS and OIS."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--thresholds", type=int, default=33)
    arguments = parser.parse_args()
    samples = selected_samples(arguments)
    report = Report("evaluation_check", {"thresholds": arguments.thresholds})
    thresholds = np.arange(1, arguments.thresholds + 1) / (arguments.thresholds + 1)
    names = [f"{threshold:.4f}" for threshold in thresholds]
    for sample in samples:
        start = time.perf_counter()
        annotations = read_annotations(sample.annotations)
        contours = read_contours(arguments.root, "val", sample.name)
        scores = {
            name: score_measures(
                score_segmentation(regions_at(contours, threshold), annotations)
            )
            for name, threshold in zip(names, thresholds, strict=True)
        }
        report.add(sample.name, scores, time.perf_counter() - start)
    summary = report.summary(samples, names)
    report.finish(
        [
            {
                "measure": measure,
                "ODS": round(best.ods, 3),
                "OIS": round(best.ois, 3),
                "ODS threshold": names[best.scale],
                "images": len(samples),
            }
            for measure, best in zip(("SC", "PRI", "VI"), summary, strict=True)
        ],
        images=False,
    )


if __name__ == "__main__":
    main()
