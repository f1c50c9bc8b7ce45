"""The method that needs no training: regions of the merge tree of an image."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.images import to_label_image
from napari_dsc.records.record import Record, params_record
from napari_dsc.segmenting.results import Segmentation

if TYPE_CHECKING:
    from napari_dsc.params import TreeParams
    from napari_dsc.segmenting.run import Run


def segment_by_tree(run: Run, n_regions: int = 0) -> Segmentation:
    """Regions of the merge tree, which is grown once a run.

    Parameters
    ----------
    run : Run
        Run of either method.
    n_regions : int
        Number of regions; 0 cuts the tree where ``run.tree_params`` say.

    Returns
    -------
    segmentation : Segmentation
        Superpixels are the leaves of the tree. Labels are lasting ones, see `MergeTree.cut`.
        The record is that of a run with ``method="tree"`` that gives these regions, with
        their number and that of the leaves.
    """
    params, tree = run.tree_params, run.tree
    if n_regions:
        params = dataclasses.replace(params, regions=n_regions)
    if params.regions:
        labels = tree.cut(n_regions=params.regions, lasting=True)
    else:
        labels = tree.cut(threshold=params.threshold, lasting=True)
    first = np.unique(tree.superpixels, return_index=True)[1]
    regions = np.unique(labels.ravel()[first], return_inverse=True)[1]
    counts = {"n_superpixels": tree.n_superpixels, "n_regions": int(regions.max()) + 1}
    return Segmentation(
        labels=run.image.restore_labels(labels),
        superpixels=run.image.restore_labels(to_label_image(tree.superpixels)),
        smoothed=run.image.restore(run.image.pixels),
        classes_of_superpixels=regions,
        probabilities=np.zeros((tree.n_superpixels, 0), np.float32),
        record=tree_record(run, params) | counts,
        geometry=run.geometry,
    )


def tree_record(run: Run, params: TreeParams) -> Record:
    """Record of a run with ``method="tree"``, whatever the method of this one.

    Parameters
    ----------
    run : Run
        Gives image, device and versions.
    params : TreeParams
        How the tree is made and cut.

    Returns
    -------
    record : dict
        Ready for JSON.
    """
    stages = params_record({"image": run.image_params, "tree": params})
    return {**run.record(), "method": "tree", "parameters": stages}
