"""How closely every superpixel method meets the number asked for, and how long it takes.

    python -m benchmarks.superpixels.superpixel_counts BSDS500 --every 10

takes images of the validation split as they are and blurred by a Gaussian of 1.5 pixels, and
writes ``benchmarks/results/superpixels/superpixel_counts.json``. Deviations are shares of the
number asked for, seconds those of the processor on one unblurred image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args, get_type_hints

import numpy as np
from scipy import ndimage

from benchmarks.report import Measures, Report, Row, bsds_parser, selected_samples, timed
from napari_dsc import SuperpixelParams
from napari_dsc.images import load_image
from napari_dsc.superpixels.methods import over_segment_pixels

if TYPE_CHECKING:
    from napari_dsc.evaluation.bsds500 import Sample

COUNTS = (10, 20, 50, 100, 500)
BLURS = {"original": 0.0, "blurred": 1.5}
PARAMS = [
    SuperpixelParams(superpixels=method, n_superpixels=n_superpixels)
    for method in get_args(get_type_hints(SuperpixelParams)["superpixels"])
    for n_superpixels in COUNTS
]


def row_name(params: SuperpixelParams, blur: str) -> str:
    """Name of a method at a count on one kind of image."""
    return f"{params.superpixels} {params.n_superpixels} {blur}"


def measured(pixels: np.ndarray, params: SuperpixelParams) -> Measures:
    """Deviation of the count, as a share, and processor seconds."""
    superpixels, seconds = timed(lambda: over_segment_pixels(pixels, params))
    found = int(superpixels.max()) + 1
    return {"deviation": abs(found / params.n_superpixels - 1), "seconds": seconds}


def all_measures(sample: Sample) -> dict[str, Measures]:
    """Every method at every count on one image."""
    pixels = load_image(sample.image).pixels
    measures = {}
    for blur, sigma in BLURS.items():
        blurred = ndimage.gaussian_filter(pixels, (0, sigma, sigma))
        for params in PARAMS:
            measures[row_name(params, blur)] = measured(blurred, params)
    return measures


def table_row(report: Report, samples: list[Sample], params: SuperpixelParams) -> Row:
    """One method at one count over all images."""
    row: Row = {"method": params.superpixels, "M": params.n_superpixels}
    for blur in BLURS:
        deviations = report.values(samples, row_name(params, blur), "deviation")
        row[f"worst, {blur}"] = f"{max(deviations):.1%}"
        row[f"mean, {blur}"] = f"{np.mean(deviations):.1%}"
    row["seconds"] = round(report.mean(samples, row_name(params, "original"), "seconds"), 2)
    row["images"] = len(samples)
    return row


def main() -> None:
    """Measure every method at every count on every image; print one row for each."""
    samples = selected_samples(bsds_parser(__doc__, every=10).parse_args())
    report = Report("superpixels/superpixel_counts", {})
    report.measure(samples, all_measures)
    report.finish([table_row(report, samples, params) for params in PARAMS], images=False)


if __name__ == "__main__":
    main()
