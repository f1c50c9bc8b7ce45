"""Training templates from gPb-owt-ucm beside those from the merge tree, by what the weights do.

    python -m benchmarks.templates.template_source BSDS500 --weights FILE FILE ...

takes weights that were trained alike but for their templates. With each, validation images are
smoothed, divided by Felzenszwalb and Huttenlocher's algorithm (EGB) as `table1.py` does, and
cut by DSC with 100 superpixels, SLIC's of the smoothed image and those of the default preset.
The variance ratio, as in `smoothing.py`, is that within the regions of both kinds of template.
The last columns have the mean difference from the last weights named, and its standard error.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.paper.table1 import EACH, SCALES, superpixels_at_scales
from benchmarks.report import (
    SHOWN,
    Measures,
    Report,
    Row,
    bsds_parser,
    last_step,
    score,
    selected_samples,
)
from benchmarks.templates.smoothing import variance_within
from benchmarks.templates.template_level import template
from napari_dsc import Run, SuperpixelParams, TemplateParams
from napari_dsc.evaluation.bsds500 import read_annotations
from napari_dsc.hierarchy.construction import make_template
from napari_dsc.images import load_image
from napari_dsc.superae.weights import find_weights

if TYPE_CHECKING:
    from napari_dsc.evaluation.bsds500 import Sample

N_REGIONS = 100
SLIC, DEFAULT = "DSC on SLIC", "DSC, default"
CUTS = {
    SLIC: SuperpixelParams(superpixels="slic", source="smoothed"),
    DEFAULT: SuperpixelParams(),
}


def measure(sample: Sample, root: Path, files: list[str]) -> dict[str, Measures]:
    """Scores of one image, by weights and way."""
    annotations = read_annotations(sample.annotations)
    image = load_image(sample.image)
    kinds = {
        "gpb": template(root, "val", sample.name, N_REGIONS),
        "tree": make_template(
            image.pixels, TemplateParams(template_method="tree", n_template_regions=N_REGIONS)
        ),
    }
    measures = {}
    for file in files:
        name = Path(file).stem
        for way, params in CUTS.items():
            run = Run(image, weights=file, superpixel_params=params)
            measures[f"{name}: {way}"] = score(
                last_step(run).labels().astype(np.int64), annotations
            )
        smoothed = Run(image, weights=file).smoothed
        ratios = {
            kind: variance_within(smoothed, regions) / variance_within(image.pixels, regions)
            for kind, regions in kinds.items()
        }
        for scale, labels in superpixels_at_scales(smoothed).items():
            measures[f"{name}: {scale}"] = score(labels, annotations) | ratios
    return measures


def row_of(report: Report, samples: list[Sample], name: str, last: str) -> Row:
    """One row of the table."""
    found: Row = {"weights": name}
    egb = report.summary(samples, [f"{name}: {scale}" for scale in SCALES])
    best = [f"{egb[key].ois:.3f}" for key in SHOWN]
    found["EGB, best scale: SC / PRI / VI"] = " / ".join(best)
    for title, key in (("EGB, 100", str(EACH)), (SLIC, SLIC), (DEFAULT, DEFAULT)):
        one = report.summary(samples, [f"{name}: {key}"])
        figures = [f"{one[measure].ods:.3f}" for measure in SHOWN]
        found[f"{title}: SC / PRI / VI"] = " / ".join(figures)
    for kind, title in (("gpb", "gPb-owt-ucm"), ("tree", "tree")):
        ratio = report.mean(samples, f"{name}: {EACH}", kind)
        found[f"variance ratio, regions of {title}"] = round(ratio, 3)
    found["images"] = len(samples)
    for title in CUTS:
        for key in ("sc", "vi"):
            own, others = (
                np.array(report.values(samples, f"{file}: {title}", key))
                for file in (name, last)
            )
            error = (own - others).std(ddof=1) / np.sqrt(len(samples))
            found[f"{title}: {SHOWN[key]}, difference"] = (
                f"{(own - others).mean():+.3f} ± {error:.3f}"
            )
    return found


def main() -> None:
    """Measure every image with every weights file; print one row for each file."""
    parser = bsds_parser(__doc__, every=4)
    parser.add_argument("--weights", nargs="+", required=True)
    arguments = parser.parse_args()
    samples = selected_samples(arguments)
    hashes: dict[str, str | float] = {
        Path(file).stem: find_weights(file).sha256 for file in arguments.weights
    }
    report = Report("templates/template_source", hashes)
    report.measure(samples, lambda sample: measure(sample, arguments.root, arguments.weights))
    last = next(reversed(hashes))
    report.finish([row_of(report, samples, name, last) for name in hashes])


if __name__ == "__main__":
    main()
