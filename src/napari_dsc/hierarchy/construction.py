"""The merge tree of an image, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.errors import InvalidParameterError
from napari_dsc.hierarchy.boundaries import boundary_maps, local_boundaries
from napari_dsc.hierarchy.colors import perceptual
from napari_dsc.hierarchy.consensus import merge_by_consensus
from napari_dsc.hierarchy.descriptors import describe
from napari_dsc.hierarchy.partition import fine_partition
from napari_dsc.hierarchy.spectral import n_spectral_pixels
from napari_dsc.hierarchy.tree import MergeTree, tree_of_merges
from napari_dsc.labels.regions import relabel_in_order
from napari_dsc.params import TreeParams

if TYPE_CHECKING:
    from napari_dsc.hierarchy.boundaries import BoundaryMaps

MOST_SUPERPIXELS = 5000  # 200 MB for each matrix of pairs
RESOLVED = 8  # pixels of the spectral step that a region needs, to be found by it


def grow_tree(pixels: np.ndarray, params: TreeParams) -> MergeTree:
    """Merge tree of an image.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image with values in 0 to 1, in two or three dimensions.
    params : TreeParams
        Number of superpixels and of agglomerations, and the seed.

    Returns
    -------
    tree : MergeTree
        Without a record. It has fewer superpixels than asked for where the image has fewer
        regions.
    """
    return tree_of_colors(perceptual(pixels), params)


def tree_of_colors(features: np.ndarray, params: TreeParams) -> MergeTree:
    """Merge tree of an image in the units of CIELab.

    Parameters
    ----------
    features : (C, *S) float32 array
        Colors of `perceptual`.
    params : TreeParams
        Number of superpixels and of agglomerations, and the seed.

    Returns
    -------
    tree : MergeTree
        As `grow_tree` gives it.
    """
    maps = boundary_maps(features, params.tree_seed)
    superpixels = relabel_in_order(fine_partition(maps.strength, params.n_leaves))
    return merge_superpixels(features, maps, superpixels, params)


def tree_regions(features: np.ndarray, n_regions: int, share: float = 1.0) -> np.ndarray:
    """Cut of the merge tree, or the superpixels of a finer one.

    Parameters
    ----------
    features : (C, *S) float32 array
        Colors of `perceptual`.
    n_regions : int
        Number of regions.
    share : float
        How much of an image these pixels are, in (0, 1]; their regions are then of the kind
        that the whole image would have.

    Returns
    -------
    regions : S int64 array
        Connected, ``0 .. M - 1`` in the order of their first pixel; fewer than asked for
        where the image has fewer.

    Notes
    -----
    Regions that are too small for the spectral step, which sees a reduced image, are found by
    the local boundaries alone.
    """
    params = TreeParams()
    n_all = round(n_regions / share)
    if n_all > params.n_leaves:
        height, width = features.shape[-2:]
        n_planes = features[0].size / (height * width)
        n_seen = n_planes * n_spectral_pixels(height * width / share)
        if RESOLVED * n_all > n_seen:
            return fine_partition(local_boundaries(features), n_regions)
        return fine_partition(boundary_maps(features, params.tree_seed).strength, n_regions)
    return tree_of_colors(features, params).cut(n_regions=n_regions).astype(np.int64) - 1


def tree_of_superpixels(
    pixels: np.ndarray, superpixels: np.ndarray, params: TreeParams
) -> MergeTree:
    """Merge tree that starts from superpixels of any kind.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image with values in 0 to 1, in two or three dimensions.
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``, at most 5000.
    params : TreeParams
        Number of agglomerations and seed.

    Returns
    -------
    tree : MergeTree
        Without a record.
    """
    features = perceptual(pixels)
    maps = boundary_maps(features, params.tree_seed)
    return merge_superpixels(features, maps, superpixels, params)


def merge_superpixels(
    features: np.ndarray, maps: BoundaryMaps, superpixels: np.ndarray, params: TreeParams
) -> MergeTree:
    """Merge tree of given superpixels.

    Parameters
    ----------
    features : (C, *S) float32 array
        Colors of `perceptual`.
    maps : BoundaryMaps
        Boundary strengths.
    superpixels : S int64 array
        Superpixels ``0 .. M - 1`` in the order of their first pixel.
    params : TreeParams
        Number of runs and seed.

    Returns
    -------
    tree : MergeTree
        Without a record.

    Raises
    ------
    InvalidParameterError
        If there are more than 5000 superpixels.
    """
    n_superpixels = int(superpixels.max()) + 1
    if n_superpixels > MOST_SUPERPIXELS:
        raise InvalidParameterError(
            f"superpixels: got {n_superpixels}, expected at most {MOST_SUPERPIXELS}"
        )
    descriptors = describe(features, (maps.local, maps.spectral), superpixels, params.tree_seed)
    merges = merge_by_consensus(descriptors, params.n_agglomerations, params.tree_seed)
    return tree_of_merges(superpixels, merges)
