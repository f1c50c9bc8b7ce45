"""Small measurements for what the paper leaves open, at half resolution.

    python -m benchmarks.paper.open_questions BSDS500 [--every 10] [--weights NAME_OR_PATH]
        [--variants NAME ...]

runs the cut on validation images in variants of the paper's setting: without the batch norm
of the head, with the encoder frozen, with the statistics of its batch norm frozen, reading the
smoothed image, with each loss alone, with L1 summed over pixels (by half: as large as the
parameters allow), with the weight of the cut divided by pairs instead of superpixels squared,
for 100 and 1000 superpixels. Scores are those of
classes and of their connected regions after 128 iterations; the affinities w are those of
neighbor pairs of two different superpixels, before the first and after the last iteration.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from skimage.transform import rescale
from torch import nn

from benchmarks.report import PAPER, Measures, Report, Row, bsds_parser, score, selected_samples
from benchmarks.speed.plain_cut import iter_plain_cut
from napari_dsc import CutParams, SuperpixelParams
from napari_dsc.cut.guide import pair_affinity
from napari_dsc.cut.optimize import iter_cut
from napari_dsc.evaluation.bsds500 import read_annotations
from napari_dsc.images import load_image
from napari_dsc.labels.means import region_mean
from napari_dsc.labels.neighbors import region_pairs
from napari_dsc.labels.regions import connected_regions
from napari_dsc.machine.device import resolve_device
from napari_dsc.superae.model import Embedding, SuperAE, smooth_to_the_rim
from napari_dsc.superae.weights import DEFAULT, find_weights, load_weights
from napari_dsc.superpixels.methods import over_segment_pixels

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dsc.evaluation.bsds500 import Sample

QUANTILES = (0.05, 0.5, 0.95)
CHECKED_ITERATIONS = (1, 16)


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to run the cut; the defaults are the paper's preset."""

    cut: CutParams = PAPER
    n_superpixels: int = 100
    head_norm: bool = True
    statistics_of_image: bool = True
    reads_smoothed: bool = False


class FixedBatchNorm(nn.BatchNorm2d):
    """Batch norm that keeps the statistics of its training."""

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode."""
        return super().train(False)


VARIANTS = {
    "paper": Variant(),
    "head without batch norm": Variant(head_norm=False),
    "encoder frozen": Variant(cut=dataclasses.replace(PAPER, encoder="frozen")),
    "encoder's statistics frozen": Variant(statistics_of_image=False),
    "encoder reads the smoothed image": Variant(reads_smoothed=True),
    "L1 summed": Variant(
        cut=dataclasses.replace(PAPER, label_weight=1000.0, learning_rate=1.0, cut_weight=0.25)
    ),
    "L1 alone": Variant(cut=dataclasses.replace(PAPER, cut_weight=0.0)),
    "L2 alone": Variant(cut=dataclasses.replace(PAPER, label_weight=0.0)),
    "cut per pair": Variant(cut=dataclasses.replace(PAPER, cut_normalization="pairs")),
    "M 1000": Variant(n_superpixels=1000),
    "M 1000, cut per pair": Variant(
        n_superpixels=1000, cut=dataclasses.replace(PAPER, cut_normalization="pairs")
    ),
}


def embedding_of(model: SuperAE, variant: Variant) -> Embedding:
    """Network of the cut with fresh head weights, the same for every variant and image."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(variant.cut.seed)
        embedding = Embedding(copy.deepcopy(model.encoder), variant.cut.n_partitions)
    if not variant.statistics_of_image:
        for module in embedding.encoder.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.__class__ = FixedBatchNorm
    if not variant.head_norm:
        embedding.norm = nn.Identity()  # type: ignore[assignment]
    return embedding.to(next(model.parameters()).device)


def affinities(
    embedding: Embedding, image: Tensor, superpixels: np.ndarray, cut: CutParams
) -> np.ndarray:
    """Affinity w of each pair of different neighbors, (E,)."""
    first, second = region_pairs(superpixels, cut.radius_factor)
    different = first != second
    pairs = torch.from_numpy(np.stack([first[different], second[different]])).to(image.device)
    regions = torch.from_numpy(superpixels.ravel()).to(image.device)
    with torch.no_grad():
        features = embedding.train()(image)[0].flatten(1).T
        means = region_mean(features, regions, int(superpixels.max()) + 1)
        affinity = pair_affinity(means, pairs, scale=cut.affinity_scale)
    values: np.ndarray = affinity.cpu().numpy()
    return values


def affinity_measures(when: str, values: np.ndarray) -> Measures:
    """Quantiles of affinities as measures."""
    quantiles = zip(QUANTILES, np.quantile(values, QUANTILES), strict=True)
    return {f"w {when}, quantile {quantile}": float(value) for quantile, value in quantiles}


def measure(
    variant: Variant, model: SuperAE, pixels: np.ndarray, annotations: list[np.ndarray]
) -> dict[str, Measures]:
    """Measures of superpixels, classes and regions of one image in one variant."""
    image = torch.from_numpy(pixels).to(next(model.parameters()).device).unsqueeze(0)
    with torch.inference_mode():
        smoothed = smooth_to_the_rim(model, image)[0].cpu().numpy()
    params = SuperpixelParams(n_superpixels=variant.n_superpixels)
    superpixels = over_segment_pixels(smoothed, params)
    embedding = embedding_of(model, variant)
    if variant.reads_smoothed:
        image = torch.from_numpy(smoothed).to(image.device).unsqueeze(0)
    details = affinity_measures(
        "at first", affinities(embedding, image, superpixels, variant.cut)
    )
    free = np.full(superpixels.max() + 1, -1)
    steps = (
        iter_cut(image, superpixels, embedding, variant.cut, free)
        if variant.head_norm
        else iter_plain_cut(image, superpixels, embedding, variant.cut)
    )
    for step in steps:
        if step.iteration in CHECKED_ITERATIONS:
            n_classes = float(torch.count_nonzero(torch.bincount(step.classes)))
            details[f"classes at step {step.iteration}"] = n_classes
        last = step
    values = affinities(embedding, image, superpixels, variant.cut)
    details |= affinity_measures("at last", values)
    details["cut loss / label loss"] = float(last.cut_loss) / max(float(last.label_loss), 1e-9)
    classes = last.classes.cpu().numpy()[superpixels]
    kinds = {
        "superpixels": superpixels,
        "classes": classes,
        "regions": connected_regions(classes),
    }
    scores = {
        kind: score(labels, annotations) | {"n_segments": float(len(np.unique(labels)))}
        for kind, labels in kinds.items()
    }
    return scores | {"classes": scores["classes"] | details}


def half_size(sample: Sample) -> tuple[np.ndarray, list[np.ndarray]]:
    """Pixels (C, Y, X) and annotations of an image, each side halved."""
    pixels = load_image(sample.image).pixels
    annotations = [labels[::2, ::2] for labels in read_annotations(sample.annotations)]
    size = tuple(
        side / full for side, full in zip(annotations[0].shape, pixels.shape[1:], strict=True)
    )
    half = rescale(pixels, (1, *size), order=1, anti_aliasing=True)
    return half.clip(0, 1).astype(np.float32), annotations


def table(report: Report, samples: list[Sample], variants: list[str]) -> list[Row]:
    """One row for each variant, with classes and regions side by side."""
    rows: list[Row] = []
    for variant in variants:
        base, classes, regions = (
            f"{variant}: {kind}" for kind in ("superpixels", "classes", "regions")
        )
        row: Row = {"variant": variant}
        for name, key in (("superpixels", base), ("classes", classes), ("regions", regions)):
            row[f"SC {name}"] = round(report.summary(samples, [key])["sc"].ois, 3)
        row["PRI classes"] = round(report.summary(samples, [classes])["pri"].ois, 3)
        row["VI classes"] = round(report.summary(samples, [classes])["vi"].ois, 3)
        columns = ["classes at step 1", "classes at step 16", "n_segments"]
        columns += [
            f"w at {when}, quantile {q}" for when in ("first", "last") for q in QUANTILES
        ]
        for column in columns:
            title = "classes at the end" if column == "n_segments" else column
            row[title] = round(report.mean(samples, classes, column), 3)
        rows.append(row | {"images": len(samples)})
    return rows


def main() -> None:
    """Run every variant on every image; print one row for each variant."""
    parser = bsds_parser(__doc__, every=10)
    parser.add_argument("--weights", default=DEFAULT)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    arguments = parser.parse_args()
    samples = selected_samples(arguments)
    weights = find_weights(arguments.weights)
    model = load_weights(weights).to(resolve_device(arguments.device))
    report = Report("paper/open_questions", {"weights": weights.sha256})
    for sample in samples:
        measured = report.images.get(sample.name, {})
        for variant in arguments.variants:
            if f"{variant}: classes" in measured:
                continue
            start = time.perf_counter() - report.seconds.get(sample.name, 0.0)
            found = measure(VARIANTS[variant], model, *half_size(sample))
            measured |= {f"{variant}: {kind}": values for kind, values in found.items()}
            report.add(sample.name, measured, time.perf_counter() - start)
    report.finish(table(report, samples, arguments.variants))


if __name__ == "__main__":
    main()
