"""Table I, first three rows: superpixels of the image and of smoothed images.

    python -m benchmarks.paper.table1 BSDS500 --without W0 --with W1 [W2 ...] [--every N]

divides the image (IMG), its reconstruction by an autoencoder trained without the template term
(W0) and by ones trained with it (W1, ...) by Felzenszwalb and Huttenlocher's algorithm (EGB)
at four scales, the same for every row: 0.4 to 3.1 in CIELab / 100, sigma 0.8, at least 20
pixels. OIS takes the best of the four for each image. The number of superpixels is whatever
comes out. Besides, the scale is chosen for each image and row anew so that about 100 come out.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from skimage.segmentation import felzenszwalb

from benchmarks.report import Measures, Report, Row, bsds_parser, score, selected_samples
from napari_dsc import Run
from napari_dsc.evaluation.bsds500 import read_annotations
from napari_dsc.images import color_features
from napari_dsc.superae.weights import find_weights

if TYPE_CHECKING:
    import argparse

    from napari_dsc.evaluation.bsds500 import Sample

# scikit-image divides them by 255
SCALES = (100, 200, 400, 800)
IMAGE = "IMG"
COUNT, EACH = 100, "100 each"
N_TRIES = 12


def row_names(arguments: argparse.Namespace) -> dict[str, str]:
    """Weights of each row of the table, by its name; the image has none."""
    rows = {IMAGE: "", "REC, without template term": arguments.without}
    for weights in arguments.weights:
        rows[f"REC, with template term ({Path(weights).stem})"] = weights
    return rows


def superpixels_at_scales(pixels: np.ndarray) -> dict[int | str, np.ndarray]:
    """EGB of one image at each scale, and at the one that gives about 100."""
    colors = np.moveaxis(color_features(pixels), 0, -1)
    found: dict[int | str, np.ndarray] = {
        scale: felzenszwalb(colors, scale=scale, sigma=0.8, min_size=20) for scale in SCALES
    }
    return found | {EACH: about_100_superpixels(colors)}


def about_100_superpixels(colors: np.ndarray) -> np.ndarray:
    """EGB of one image at the scale, found by bisection, that comes closest to 100."""
    low, high = 0.0, 16.0
    tried = []
    for _ in range(N_TRIES):
        middle = (low + high) / 2
        labels = felzenszwalb(colors, scale=2**middle, sigma=0.8, min_size=20)
        n_superpixels = int(labels.max()) + 1
        tried.append((abs(n_superpixels - COUNT), labels))
        low, high = (middle, high) if n_superpixels > COUNT else (low, middle)
    best: np.ndarray = min(tried, key=lambda one: one[0])[1]
    return best


def measure(sample: Sample, rows: dict[str, str]) -> dict[str, Measures]:
    """Scores and number of superpixels of one image, by row and scale."""
    annotations = read_annotations(sample.annotations)
    measures = {}
    for name, weights in rows.items():
        run = Run(sample.image, weights=weights) if weights else Run(sample.image)
        pixels = run.smoothed if weights else run.image.pixels
        for scale, labels in superpixels_at_scales(pixels).items():
            scores = score(labels, annotations)
            measures[f"{name}: {scale}"] = scores | {"n_superpixels": float(labels.max() + 1)}
    return measures


def table_row(report: Report, samples: list[Sample], name: str) -> Row:
    """OIS of one row, and what each scale gives by itself."""
    keys = [f"{name}: {scale}" for scale in SCALES]
    row = report.score_row(samples, name, keys)
    for scale, key in zip((*SCALES, EACH), (*keys, f"{name}: {EACH}"), strict=True):
        one = report.summary(samples, [key])
        count = report.mean(samples, key, "n_superpixels")
        row[f"scale {scale}: SC / PRI / VI / count"] = (
            f"{one['sc'].ods:.3f} / {one['pri'].ods:.3f} / {one['vi'].ods:.2f} / {count:.0f}"
        )
    return row | {"images": len(samples)}


def main() -> None:
    """Divide and score every image; print the table."""
    parser = bsds_parser(__doc__)
    parser.add_argument("--with", dest="weights", nargs="+", required=True)
    parser.add_argument("--without", required=True)
    arguments = parser.parse_args()
    rows = row_names(arguments)
    hashes: dict[str, str | float] = {
        name: find_weights(weights).sha256 for name, weights in rows.items() if weights
    }
    report = Report("paper/table1", hashes)
    samples = selected_samples(arguments)
    report.measure(samples, lambda sample: measure(sample, rows))
    report.finish([table_row(report, samples, name) for name in rows])


if __name__ == "__main__":
    main()
