"""Training templates from the merge tree beside those from gPb-owt-ucm: two small trainings.

    python benchmarks/template_source.py BSDS500 --templates TREE_TEMPLATES --threads 1

trains an autoencoder on every second training image for eight epochs on small crops, once with
the 100 regions of gPb-owt-ucm of each image and once with those of the merge tree, which are
kept in a folder. Then it divides the smoothed validation images by Felzenszwalb and
Huttenlocher's algorithm as `table1.py` does. The trainings are too short for good weights: they
say whether the source of the templates matters, not how good a network can become.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import imageio.v3 as iio
import numpy as np
import torch
from report import Measures, Report, Row, argument_parser, score, selected_samples
from smoothing import variance_within
from table1 import EACH, SCALES, superpixels_at_scales
from template_level import template

from napari_dsc.evaluation.bsds500 import list_samples, read_annotations
from napari_dsc.images import load_image
from napari_dsc.params import TemplateParams, TrainParams
from napari_dsc.superae.model import SuperAE, smooth_to_the_rim
from napari_dsc.superae.templates import make_template
from napari_dsc.superae.train import iter_training, new_training

if TYPE_CHECKING:
    from napari_dsc.evaluation.bsds500 import Sample

N_REGIONS = 100
TRAINING = TrainParams(n_epochs=8, crop_size=160, precision="bfloat16")
GPB, TREE = "gPb-owt-ucm", "merge tree"


def tree_template(folder: Path, sample: Sample) -> np.ndarray:
    """Template of one image by the merge tree, from the folder if it is there."""
    path = folder / f"{sample.name}.png"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        params = TemplateParams(template_method="tree", n_template_regions=N_REGIONS)
        labels = make_template(load_image(sample.image).pixels, params)
        iio.imwrite(path, labels.astype(np.uint16))
    return np.asarray(iio.imread(path)).astype(np.int64)


def trained(root: Path, folder: Path, source: str) -> SuperAE:
    """Network after a short training."""
    samples = list_samples(root, "train")[::2]
    images = [iio.imread(sample.image).transpose(2, 0, 1) for sample in samples]
    templates = [
        tree_template(folder, sample)
        if source == TREE
        else template(root, "train", sample.name, N_REGIONS)
        for sample in samples
    ]
    state = new_training(3, TRAINING, torch.device("cpu"))
    for _ in iter_training(images, templates, TRAINING, state):
        pass
    return state.model.eval()


def measure(sample: Sample, root: Path, models: dict[str, SuperAE]) -> dict[str, Measures]:
    """Scores of one image at each scale, and how much smoother it became."""
    annotations = read_annotations(sample.annotations)
    pixels = load_image(sample.image).pixels
    regions = template(root, "val", sample.name, N_REGIONS)
    measures = {}
    for source, model in models.items():
        with torch.inference_mode():
            smoothed = smooth_to_the_rim(model, torch.from_numpy(pixels)[None])[0].numpy()
        ratio = variance_within(smoothed, regions) / variance_within(pixels, regions)
        for scale, labels in superpixels_at_scales(smoothed).items():
            scores = score(labels, annotations)
            measures[f"{source}: {scale}"] = scores | {"variance_ratio": ratio}
    return measures


def main() -> None:
    """Train, measure every image, print one row for each source."""
    parser = argument_parser(__doc__ or "", every=8)
    parser.add_argument("--templates", type=Path, required=True)
    arguments = parser.parse_args()
    samples = selected_samples(arguments)
    models = {
        source: trained(arguments.root, arguments.templates, source) for source in (GPB, TREE)
    }
    report = Report("template_source", {"n_epochs": TRAINING.n_epochs})
    for sample in samples:
        if sample.name not in report.images:
            start = time.perf_counter()
            found = measure(sample, arguments.root, models)
            report.add(sample.name, found, time.perf_counter() - start)
    rows: list[Row] = []
    for source in models:
        summary = report.summary(samples, [f"{source}: {scale}" for scale in SCALES])
        each = report.summary(samples, [f"{source}: {EACH}"])
        ratio = report.mean(samples, f"{source}: {EACH}", "variance_ratio")
        rows.append(
            {
                "templates": source,
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
    report.finish(rows, images=False)


if __name__ == "__main__":
    main()
