"""The segmenter that needs no training: regions of the merge tree of an image."""

import dataclasses
from collections.abc import Generator
from functools import partial

import numpy as np

from napari_dsc.hierarchy.tree import MergeTree
from napari_dsc.images import to_label_image
from napari_dsc.labels.regions import numbered_on
from napari_dsc.machine.progress import Progress
from napari_dsc.params import TreeParams
from napari_dsc.records.record import Record
from napari_dsc.segmenting.pieces import OneImage, iter_each
from napari_dsc.segmenting.results import Segmentation
from napari_dsc.segmenting.run import Run
from napari_dsc.segmenting.series import series_image_record
from napari_dsc.segmenting.stages import Stages


def segment_by_tree(run: Run) -> Segmentation:
    """Regions of the merge tree, which is grown once a run.

    Parameters
    ----------
    run : Run
        Run of either method.

    Returns
    -------
    segmentation : Segmentation
        Superpixels are the leaves of the tree. Labels are those of `MergeTree.cut`.
        The record is that of a run with ``method="tree"`` that gives these regions, with
        their number and that of the leaves.
    """
    params, tree = run.settings.tree_params, run.tree
    labels = _labels(tree, params)
    regions = _regions(tree, labels)
    counts = {"n_superpixels": tree.n_superpixels, "n_regions": int(regions.max()) + 1}
    found = Segmentation(
        labels=run.image.restore_labels(labels),
        superpixels=run.image.restore_labels(to_label_image(tree.superpixels)),
        classes_of_superpixels=regions,
        probabilities=np.zeros((tree.n_superpixels, 0), np.float32),
        record=tree_record(run, params) | counts,
        smooth=partial(run.image.restore, run.image.pixels),
        geometry=run.geometry,
        tree=dataclasses.replace(tree, superpixels=run.image.restore_labels(tree.superpixels)),
    )
    return found.within(run.image.label_valid)


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
    settings = run.settings.replace(method="tree", tree_params=params)
    record = settings.to_record()
    del record["device"], record["weights"]  # the device and hash of the run say more
    return {**run.record(), **record, "numbering": "consecutive"}


def tree_image(pieces: OneImage, stages: Stages) -> Generator[Progress, None, Segmentation]:
    """Segment one image by its merge tree.

    Parameters
    ----------
    pieces : OneImage
        The image.
    stages : Stages
        Stages of the method.

    Yields
    ------
    progress : Progress
        Before the tree grows.

    Returns
    -------
    segmentation : Segmentation
        See `segment_by_tree`.
    """
    yield Progress("tree", 0, 1)
    return segment_by_tree(Run.on(pieces, stages))


def tree_series(pieces: OneImage, stages: Stages) -> Generator[Progress, None, Segmentation]:
    """Segment each frame of a time series by a merge tree of its own.

    Parameters
    ----------
    pieces : Frames
        The images.
    stages : Stages
        Stages of the method.

    Yields
    ------
    progress : Progress
        After each image.

    Returns
    -------
    segmentation : Segmentation
        In the shape of the original; superpixels and regions are numbered on from frame to
        frame.
    """
    stages.check(pieces.piece(0))

    def divided(number: int) -> tuple[np.ndarray, np.ndarray]:
        tree = stages.tree(pieces.piece(number))
        smallest = tree.superpixels.astype(np.min_scalar_type(tree.n_superpixels))
        return smallest, _regions(tree, _labels(tree, stages.settings.tree_params))

    found = yield from iter_each("tree", len(pieces), divided)
    superpixels, regions = map(list, zip(*found, strict=True))
    classes = numbered_on(regions)
    maps = [each[one] for each, one in zip(classes, superpixels, strict=True)]
    record = stages.record(pieces.piece(0))
    record["image"] |= series_image_record(pieces)  # type: ignore[operator]
    record["n_images"] = len(pieces)
    merged = np.concatenate(classes).astype(np.int64)
    counts = {"n_superpixels": len(merged), "n_regions": int(merged.max()) + 1}
    record["numbering"] = "consecutive"
    made = Segmentation(
        labels=to_label_image(pieces.place(maps)),
        superpixels=to_label_image(pieces.place(numbered_on(superpixels))),
        classes_of_superpixels=merged,
        probabilities=np.zeros((len(merged), 0), np.float32),
        record=record | counts,
        smooth=partial(_restored, pieces),
        geometry=pieces.geometry,
    )
    return made.within(pieces.valid())


def _restored(pieces: OneImage) -> np.ndarray:
    images = [pieces.piece(number) for number in range(len(pieces))]
    return pieces.series.join([image.restore(image.pixels) for image in images])


def _labels(tree: MergeTree, params: TreeParams) -> np.ndarray:
    if params.regions:
        return tree.cut(n_regions=params.regions)
    return tree.cut(threshold=params.threshold)


def _regions(tree: MergeTree, labels: np.ndarray) -> np.ndarray:
    """Region of each leaf from 0, without gaps, (M,)."""
    first = np.unique(tree.superpixels, return_index=True)[1]
    return np.unique(labels.ravel()[first], return_inverse=True)[1]
