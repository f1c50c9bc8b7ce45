"""Ways to make training templates without labels: how good they are, and how long they take.

    python -m benchmarks.templates.template_methods BSDS500 dsb_2abc40c118.png

makes templates of 100 regions of validation images in each way. Achievable segmentation
accuracy (ASA), boundary recall within 2 pixels (BR) and undersegmentation error (UE) are means
over annotations and images. The last column is the time for the first 360 x 360 pixels of the
second argument, an image of micro/dsb2018_fluo: nuclei on an almost flat background.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args, get_type_hints

from benchmarks.report import Measures, Report, Row, bsds_parser, selected_samples, timed
from napari_dsc import TemplateParams
from napari_dsc.evaluation.bsds500 import read_annotations
from napari_dsc.evaluation.measures import measure_segmentation, prepare_annotation
from napari_dsc.hierarchy.construction import make_template
from napari_dsc.images import load_image

if TYPE_CHECKING:
    import numpy as np

    from napari_dsc.evaluation.bsds500 import Sample

METHODS = get_args(get_type_hints(TemplateParams)["template_method"])
SIDE = 360
SHOWN = {"asa": "ASA", "br": "BR", "ue": "UE"}


def template(pixels: np.ndarray, method: str) -> np.ndarray:
    """Template by one of the methods."""
    return make_template(pixels, TemplateParams(template_method=method))  # type: ignore[arg-type]


def measure(sample: Sample) -> dict[str, Measures]:
    """Measures of one image by method."""
    pixels = load_image(sample.image).pixels
    truth = [prepare_annotation(one) for one in read_annotations(sample.annotations)]
    measures = {}
    for method in METHODS:
        labels, seconds = timed(partial(template, pixels, method))
        scores = measure_segmentation(labels, truth)
        measures[method] = {key: scores[key] for key in SHOWN} | {"seconds": seconds}
    return measures


def main() -> None:
    """Measure every image; print one row for each method."""
    parser = bsds_parser(__doc__, every=8)
    parser.add_argument("flat", type=Path)
    arguments = parser.parse_args()
    samples = selected_samples(arguments)
    report = Report("templates/template_methods", {"n_template_regions": 100})
    report.measure(samples, measure)
    flat = load_image(arguments.flat).pixels[:, :SIDE, :SIDE]
    rows: list[Row] = []
    for method in METHODS:
        means = {
            title: round(report.mean(samples, method, key), 3) for key, title in SHOWN.items()
        }
        seconds = round(report.mean(samples, method, "seconds"), 1)
        on_flat = round(timed(partial(template, flat, method))[1], 1)
        row: Row = {"method": method, **means, "s of the processor": seconds}
        rows.append(row | {"s on a flat background": on_flat, "images": len(samples)})
    report.finish(rows, images=False)


if __name__ == "__main__":
    main()
