"""What classes stand on: a merge tree, its statistics, and finer superpixels."""

from typing import NamedTuple

import numpy as np

from napari_dsc.hierarchy import maps
from napari_dsc.hierarchy.construction import merge_and_describe
from napari_dsc.hierarchy.descriptors import Descriptors
from napari_dsc.hierarchy.samples import Samples
from napari_dsc.hierarchy.tree import MergeTree
from napari_dsc.images.masks import spread
from napari_dsc.labels.regions import relabel_in_order
from napari_dsc.params import TreeParams


class Ground(NamedTuple):
    """Merge tree of an image, and what it was made of.

    Attributes
    ----------
    tree : MergeTree
        Tree without a record.
    descriptors : Descriptors
        Statistics of its superpixels.
    fine : S int64 array
        Finer superpixels ``0 .. m - 1`` of the same boundaries.
    samples : Samples
        Of color and texture.
    """

    tree: MergeTree
    descriptors: Descriptors
    fine: np.ndarray
    samples: Samples


# pixels of a finer superpixel on average, and the least number of them
FINE_PIXELS, LEAST_FINE = 60, 2500


def lay_ground(
    pixels: np.ndarray, params: TreeParams, valid: np.ndarray | None = None
) -> Ground:
    """Merge tree of an image, with its descriptors and finer superpixels.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image with values in 0 to 1, in two or three dimensions.
    params : TreeParams
        Number of superpixels and of agglomerations, and the seed.
    valid : S bool array, optional
        As for `grow_tree`.

    Returns
    -------
    ground : Ground
        Its tree is that of `grow_tree`.
    """
    features = maps.perceptual(pixels)
    found = maps.boundary_maps(features, params.tree_seed)
    superpixels, fine = _divided(found, params, valid)
    tree, descriptors, samples = merge_and_describe(features, found, superpixels, params, valid)
    return Ground(tree, descriptors, fine, samples)


def divide(
    pixels: np.ndarray, params: TreeParams, valid: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Superpixels of `lay_ground` and the finer ones, without a tree.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image with values in 0 to 1, in two or three dimensions.
    params : TreeParams
        Number of superpixels, and the seed.
    valid : S bool array, optional
        As for `grow_tree`.

    Returns
    -------
    superpixels, fine : S int64 array
        Numbered from 0.
    """
    found = maps.boundary_maps(maps.perceptual(pixels), params.tree_seed)
    return _divided(found, params, valid)


def _divided(
    found: maps.BoundaryMaps, params: TreeParams, valid: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    n_fine = max(LEAST_FINE, found.local.size // FINE_PIXELS)
    numbers = (params.n_leaves, n_fine)
    superpixels, fine = (
        spread(relabel_in_order(one), valid)
        for one in maps.fine_partitions(found.strength, numbers)
    )
    return superpixels, fine
