"""The cut and the merge tree together, each beside itself alone.

    python -m benchmarks.tree.tree_and_cut BSDS500 --threads 1

On every eighth validation image, with the default preset:

- the cut of 100 superpixels of SLIC, and of 100 regions of the tree;
- the cut with the altitudes of a tree of its superpixels as W of equation 7, also where the cut
  loss weighs twenty times as much, because by default it hardly matters;
- the tree, and the tree with the cut's assignment as one more histogram in the cost of a merge,
  at several weights; over the thresholds of ``tree_altitude``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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
from napari_dsc import CutParams, Run, SuperpixelParams, TreeParams
from napari_dsc.evaluation.bsds500 import read_annotations
from napari_dsc.hierarchy.agglomeration import agglomerate
from napari_dsc.hierarchy.consensus import average_linkage, draw_variants, mean_altitudes
from napari_dsc.hierarchy.descriptors import describe
from napari_dsc.hierarchy.maps import boundary_maps, fine_partition, perceptual
from napari_dsc.hierarchy.samples import pooling, sample
from napari_dsc.hierarchy.tree import tree_of_merges
from napari_dsc.methods.table import ALTITUDES
from napari_dsc.superpixels.methods import over_segment_pixels

if TYPE_CHECKING:
    from napari_dsc.evaluation.bsds500 import Sample
    from napari_dsc.images import Image

SLIC, UCM = "slic", "ucm"
WAYS = {
    SLIC: CutParams(),
    f"{SLIC}, W of the tree": CutParams(affinity="tree"),
    f"{SLIC}, cut weight 100": CutParams(cut_weight=100.0),
    f"{SLIC}, cut weight 100, W of the tree": CutParams(cut_weight=100.0, affinity="tree"),
    UCM: CutParams(),
}
# of the chi-squared distance of assignments; that of colors has about 0.7
WEIGHTS = (0.25, 0.75)
PLACE = 4  # of its column: behind two boundaries and two histograms
TREE = "tree"


def trees_with_assignments(image: Image, assignment: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Cuts of the tree at all thresholds, by its name: alone, and with what the cut says.

    Parameters
    ----------
    image : Image
        Image.
    assignment : (Y, X, K) float array
        Probability of each pixel for each class.
    """
    params = TreeParams()
    colors = perceptual(image.pixels)
    maps = boundary_maps(colors, params.tree_seed)
    leaves = fine_partition(maps.strength, params.n_leaves)
    alone = describe(
        sample(colors, leaves), (maps.local, maps.spectral), leaves, params.tree_seed
    )
    variants = draw_variants(params.n_agglomerations, params.tree_seed)
    shares = pooling(leaves.ravel()) @ assignment.reshape(leaves.size, -1)
    both = np.concatenate([alone.histograms, shares.astype(np.float32)[:, None]], axis=1)
    cuts = {}
    for weight in (0.0, *WEIGHTS):
        weights = np.insert(variants.weights, PLACE, weight, axis=1)
        descriptors = alone._replace(histograms=both)
        merges = agglomerate(descriptors, variants._replace(weights=weights))
        merges = average_linkage(mean_altitudes(merges), alone.pairs, alone.sizes)
        tree = tree_of_merges(leaves, merges)
        name = f"{TREE} + assignment, weight {weight}" if weight else TREE
        cuts[name] = [tree.cut(threshold=one).astype(np.int64) - 1 for one in ALTITUDES]
    return cuts


def measure(sample: Sample) -> dict[str, Measures]:
    """Scores of one image by row, and by row and threshold for trees."""
    annotations = read_annotations(sample.annotations)
    run = Run(sample.image, device="cpu")
    tree_superpixels = over_segment_pixels(run.smoothed, SuperpixelParams(superpixels="ucm"))
    measures = {}
    for way, params in WAYS.items():
        superpixels = tree_superpixels if way == UCM else run.superpixels
        step = last_step(
            Run(run.image, superpixels=superpixels, cut_params=params, device="cpu")
        )
        measures[way] = score(step.labels().astype(np.int64) - 1, annotations)
        if way == SLIC:
            assignment = step.assignment.numpy()[superpixels]
    for name, cuts in trees_with_assignments(run.image, assignment).items():
        for threshold, labels in zip(ALTITUDES, cuts, strict=True):
            measures[f"{name}: {threshold}"] = score(labels, annotations)
    return measures


def main() -> None:
    """Measure every image; print one row for each way."""
    arguments = bsds_parser(__doc__, every=8).parse_args()
    report = Report("tree/tree_and_cut", {})
    samples = selected_samples(arguments)
    report.measure(samples, measure)
    names = dict.fromkeys(name.split(": ")[0] for name in report.images[samples[0].name])
    rows: list[Row] = []
    for name in names:
        scales = [f"{name}: {one}" for one in ALTITUDES] if name.startswith(TREE) else [name]
        best = report.summary(samples, scales)
        cells: Row = {"": name}
        for key, title in SHOWN.items():
            cells[title] = f"{best[key].ods:.3f} / {best[key].ois:.3f}"
        rows.append(cells | {"scales": len(scales), "images": len(samples)})
    report.finish(rows, images=False)


if __name__ == "__main__":
    main()
