"""How fine the training templates should be: small trainings with 50, 100 and 200 regions.

    python -m benchmarks.templates.template_level BSDS500 [--every N]

trains an autoencoder on every second training image for a few epochs on small crops, once for
each number of regions, and divides the smoothed validation images by Felzenszwalb and
Huttenlocher's algorithm as `table1.py` does. The trainings are far too short for good weights:
they say whether the number matters, not how good a network can become.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import imageio.v3 as iio
import torch

from benchmarks.paper.table1 import EACH, SCALES, superpixels_at_scales
from benchmarks.report import Measures, Report, Row, bsds_parser, score, selected_samples
from benchmarks.templates.contour_maps import read_contours
from benchmarks.templates.smoothing import variance_within
from napari_dsc import TrainParams
from napari_dsc.evaluation.bsds500 import list_samples, read_annotations
from napari_dsc.hierarchy.region_trees import contour_tree, horizontal_cut
from napari_dsc.images import load_image
from napari_dsc.superae.model import SuperAE, smooth_to_the_rim
from napari_dsc.superae.train import iter_training, new_training

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from napari_dsc.evaluation.bsds500 import Sample

N_REGIONS = (50, 100, 200)
TRAINING = TrainParams(n_epochs=6, crop_size=160, precision="bfloat16")


def template(root: Path, split: str, name: str, n_regions: int) -> np.ndarray:
    """Template of one image."""
    contours = read_contours(root, split, name)
    labels: np.ndarray = horizontal_cut(contour_tree(contours), n_regions)
    return labels


def trained(root: Path, n_regions: int) -> SuperAE:
    """Network after a short training."""
    samples = list_samples(root, "train")[::2]
    images = [iio.imread(sample.image).transpose(2, 0, 1) for sample in samples]
    templates = [template(root, "train", sample.name, n_regions) for sample in samples]
    state = new_training(3, TRAINING, torch.device("cpu"))
    for _ in iter_training(images, templates, TRAINING, state):
        pass
    return state.model.eval()


def measure(sample: Sample, root: Path, models: dict[int, SuperAE]) -> dict[str, Measures]:
    """Scores of one image at each scale, and how much smoother it became."""
    annotations = read_annotations(sample.annotations)
    pixels = load_image(sample.image).pixels
    regions = template(root, "val", sample.name, 100)
    measures = {}
    for n_regions, model in models.items():
        with torch.inference_mode():
            smoothed = smooth_to_the_rim(model, torch.from_numpy(pixels)[None])[0].numpy()
        ratio = variance_within(smoothed, regions) / variance_within(pixels, regions)
        for scale, labels in superpixels_at_scales(smoothed).items():
            scores = score(labels, annotations)
            measures[f"{n_regions}: {scale}"] = scores | {"variance_ratio": ratio}
    return measures


def main() -> None:
    """Train, measure every image, print one row for each number of regions."""
    arguments = bsds_parser(__doc__, every=8).parse_args()
    samples = selected_samples(arguments)
    models = {n_regions: trained(arguments.root, n_regions) for n_regions in N_REGIONS}
    report = Report("templates/template_level", {"n_epochs": TRAINING.n_epochs})
    report.measure(samples, lambda sample: measure(sample, arguments.root, models))
    rows: list[Row] = []
    for n_regions in N_REGIONS:
        summary = report.summary(samples, [f"{n_regions}: {scale}" for scale in SCALES])
        each = report.summary(samples, [f"{n_regions}: {EACH}"])
        ratio = report.mean(samples, f"{n_regions}: {EACH}", "variance_ratio")
        rows.append(
            {
                "regions of a template": n_regions,
                "OIS SC": round(summary["sc"].ois, 3),
                "OIS PRI": round(summary["pri"].ois, 3),
                "OIS VI": round(summary["vi"].ois, 3),
                "100 each: SC / PRI / VI": (
                    f"{each['sc'].ods:.3f} / {each['pri'].ods:.3f} / {each['vi'].ods:.2f}"
                ),
                "variance ratio": round(ratio, 3),
                "images": len(samples),
            }
        )
    report.finish(rows)


if __name__ == "__main__":
    main()
