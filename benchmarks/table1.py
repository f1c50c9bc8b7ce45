"""Table I, first three rows: superpixels of the image and of two smoothed images.

    python benchmarks/table1.py BSDS500 --with W1 --without W0 [--every N]

makes about 100 superpixels by ``egb`` from the image (IMG), from its reconstruction by an
autoencoder trained without the template term (W0) and by one trained with it (W1). There is
one count of superpixels, hence one scale: ODS and OIS are the same here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from report import Report, argument_parser, score_measures, selected_samples

from napari_dsc.evaluation.bsds500 import read_annotations
from napari_dsc.evaluation.summary import score_segmentation
from napari_dsc.params import SuperpixelParams
from napari_dsc.run import Run
from napari_dsc.superae.weights import find_weights

if TYPE_CHECKING:
    import numpy as np

    from napari_dsc.evaluation.bsds500 import Sample

ROWS = ("IMG", "REC without template term", "REC with template term")
EGB = SuperpixelParams(method="egb", n_superpixels=100)
EGB_OF_IMAGE = SuperpixelParams(method="egb", n_superpixels=100, source="original")


def superpixels_by_row(
    sample: Sample, without_term: str, with_term: str, device: str
) -> dict[str, np.ndarray]:
    """Superpixels of one image for each row of the table."""
    choices = ((with_term, EGB_OF_IMAGE), (without_term, EGB), (with_term, EGB))
    runs = [
        Run(sample.image, weights=weights, device=device, superpixel_params=params)
        for weights, params in choices
    ]
    return {row: run.superpixels for row, run in zip(ROWS, runs, strict=True)}


def main() -> None:
    """Score every image; print the three rows."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--with", dest="with_term", required=True)
    parser.add_argument("--without", dest="without_term", required=True)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    samples = selected_samples(arguments)
    weights = (arguments.without_term, arguments.with_term)
    report = Report(
        "table1",
        {row: find_weights(w).sha256 for row, w in zip(ROWS[1:], weights, strict=True)},
    )
    for sample in samples:
        if sample.name in report.images:
            continue
        start = time.perf_counter()
        annotations = read_annotations(sample.annotations)
        measures = {
            row: score_measures(score_segmentation(superpixels, annotations))
            | {"n_superpixels": float(superpixels.max() + 1)}
            for row, superpixels in superpixels_by_row(
                sample, *weights, arguments.device
            ).items()
        }
        report.add(sample.name, measures, time.perf_counter() - start)
    report.finish(
        [
            report.score_row(samples, row)
            | {
                "superpixels": round(report.mean(samples, row, "n_superpixels"), 1),
                "images": len(samples),
            }
            for row in ROWS
        ]
    )


if __name__ == "__main__":
    main()
