"""How much the autoencoder smooths within regions, and how near it stays to the image.

    python -m benchmarks.templates.smoothing BSDS500 --weights NAME_OR_PATH ... [--every N]

For each validation image: the color variance within the regions of a template (gPb-owt-ucm
cut at 100 regions) of the smoothed image, divided by that of the image; and the peak
signal-to-noise ratio of the smoothed image against the image, in dB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.metrics import peak_signal_noise_ratio

from benchmarks.report import Measures, Report, Row, bsds_parser, selected_samples
from benchmarks.templates.contour_maps import read_contours
from napari_dsc import Run
from napari_dsc.hierarchy.region_trees import contour_tree, horizontal_cut
from napari_dsc.superae.weights import find_weights

if TYPE_CHECKING:
    import argparse

    from napari_dsc.evaluation.bsds500 import Sample

N_REGIONS = 100


def variance_within(pixels: np.ndarray, regions: np.ndarray) -> float:
    """Mean squared color distance to the mean color of one's region."""
    flat = regions.ravel()
    sizes = np.bincount(flat)
    squares = [
        np.square(channel - (np.bincount(flat, channel) / sizes)[flat]).mean()
        for channel in pixels.reshape(len(pixels), -1).astype(np.float64)
    ]
    return float(np.sum(squares))


def measure(sample: Sample, given: argparse.Namespace) -> dict[str, Measures]:
    """Variance ratio and signal-to-noise ratio of one image, by weights."""
    contours = read_contours(given.root, "val", sample.name)
    template = horizontal_cut(contour_tree(contours), N_REGIONS)
    measures = {}
    for name in given.weights:
        run = Run(sample.image, weights=name, device=given.device)
        image, smoothed = run.image.pixels, run.smoothed
        measures[run.stages.weights.name] = {
            "variance_ratio": variance_within(smoothed, template)
            / variance_within(image, template),
            "psnr": float(peak_signal_noise_ratio(image, smoothed, data_range=1.0)),
        }
    return measures


def main() -> None:
    """Measure every image with every weights file; print one row for each file."""
    parser = bsds_parser(__doc__)
    parser.add_argument("--weights", nargs="+", required=True)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    samples = selected_samples(arguments)
    files = [find_weights(name) for name in arguments.weights]
    report = Report("templates/smoothing", {file.name: file.sha256 for file in files})
    report.measure(samples, lambda sample: measure(sample, arguments))
    rows: list[Row] = []
    for file in files:
        ratios = report.values(samples, file.name, "variance_ratio")
        rows.append(
            {
                "weights": file.name,
                "variance ratio, mean": round(float(np.mean(ratios)), 3),
                "least": round(min(ratios), 3),
                "largest": round(max(ratios), 3),
                "PSNR, mean (dB)": round(report.mean(samples, file.name, "psnr"), 2),
                "images": len(samples),
            }
        )
    report.finish(rows)


if __name__ == "__main__":
    main()
