"""Merge trees of images, and the partitions that are cut from them."""

import numpy as np

from napari_dsc.errors import InvalidParameterError
from napari_dsc.hierarchy import maps, region_trees
from napari_dsc.hierarchy.consensus import merge_by_consensus
from napari_dsc.hierarchy.descriptors import Descriptors, describe
from napari_dsc.hierarchy.samples import Samples, sample
from napari_dsc.hierarchy.spectral import n_spectral_pixels
from napari_dsc.hierarchy.tree import MergeTree, tree_of_merges
from napari_dsc.images import color_features
from napari_dsc.images.masks import spread
from napari_dsc.labels.regions import relabel_in_order
from napari_dsc.params import TemplateParams, TreeParams

MOST_SUPERPIXELS = 5000  # each matrix over all pairs takes 200 MB
# pixels of the spectral step that a region must have; smaller regions follow the local map
RESOLVED = 8


def grow_tree(
    pixels: np.ndarray, params: TreeParams, valid: np.ndarray | None = None
) -> MergeTree:
    """Merge tree of an image.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image with values in 0 to 1, in two or three dimensions.
    params : TreeParams
        Number of superpixels and of agglomerations, and the seed.
    valid : S bool array, optional
        Pixels that have a value; each superpixel has one of them. None: all have one.

    Returns
    -------
    tree : MergeTree
        Tree without a record. It has fewer than ``n_leaves`` superpixels if the image has
        fewer regions.
    """
    return tree_of_colors(maps.perceptual(pixels), params, valid)


def tree_of_colors(
    features: np.ndarray, params: TreeParams, valid: np.ndarray | None = None
) -> MergeTree:
    """Merge tree of an image in the units of CIELab.

    Parameters
    ----------
    features : (C, *S) float32 array
        Result of `perceptual`.
    params : TreeParams
        Number of superpixels and of agglomerations, and the seed.
    valid : S bool array, optional
        As for `grow_tree`.

    Returns
    -------
    tree : MergeTree
        Tree without a record, as from `grow_tree`.
    """
    found = maps.boundary_maps(features, params.tree_seed)
    superpixels = relabel_in_order(maps.fine_partition(found.strength, params.n_leaves))
    return merge_superpixels(features, found, spread(superpixels, valid), params, valid)


def tree_regions(features: np.ndarray, n_regions: int, share: float = 1.0) -> np.ndarray:
    """Regions of a merge tree, or superpixels if they are more than a tree's leaves.

    Parameters
    ----------
    features : (C, *S) float32 array
        Result of `perceptual`.
    n_regions : int
        Number of regions.
    share : float
        Share of the whole image that these pixels are, in (0, 1]. It decides between regions
        and superpixels as for the whole image, so that tiles match it.

    Returns
    -------
    regions : S int64 array
        Connected regions ``0 .. M - 1`` in the order of their first pixel; fewer than
        ``n_regions`` if the image has fewer.

    Notes
    -----
    The spectral step sees a reduced image. Superpixels too small for it are divided along the
    color gradient alone.
    """
    params = TreeParams()
    n_all = round(n_regions / share)
    if n_all > params.n_leaves:
        height, width = features.shape[-2:]
        n_planes = features[0].size / (height * width)
        n_seen = n_planes * n_spectral_pixels(height * width / share)
        if RESOLVED * n_all > n_seen:
            return maps.fine_partition(maps.local_boundaries(features), n_regions)
        return maps.fine_partition(
            maps.boundary_maps(features, params.tree_seed).strength, n_regions
        )
    return tree_of_colors(features, params).cut(n_regions=n_regions).astype(np.int64) - 1


def tree_of_superpixels(
    pixels: np.ndarray, superpixels: np.ndarray, params: TreeParams
) -> MergeTree:
    """Merge tree of an image over given superpixels.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image with values in 0 to 1, in two or three dimensions.
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``, at most 5000.
    params : TreeParams
        Number of agglomerations, and the seed.

    Returns
    -------
    tree : MergeTree
        Tree without a record.
    """
    features = maps.perceptual(pixels)
    found = maps.boundary_maps(features, params.tree_seed)
    return merge_superpixels(features, found, superpixels, params)


def merge_superpixels(
    features: np.ndarray,
    found: maps.BoundaryMaps,
    superpixels: np.ndarray,
    params: TreeParams,
    valid: np.ndarray | None = None,
) -> MergeTree:
    """Merge tree over given superpixels, from colors and boundary maps.

    Parameters
    ----------
    features : (C, *S) float32 array
        Result of `perceptual`.
    found : BoundaryMaps
        Boundary maps of the image.
    superpixels : S int64 array
        Superpixels ``0 .. M - 1`` in the order of their first pixel.
    params : TreeParams
        Number of agglomerations, and the seed.
    valid : S bool array, optional
        Pixels that count; each superpixel has one. None: all count.

    Returns
    -------
    tree : MergeTree
        Tree without a record.

    Raises
    ------
    InvalidParameterError
        If there are more than 5000 superpixels.
    """
    tree, _, _ = merge_and_describe(features, found, superpixels, params, valid)
    return tree


def merge_and_describe(
    features: np.ndarray,
    found: maps.BoundaryMaps,
    superpixels: np.ndarray,
    params: TreeParams,
    valid: np.ndarray | None,
) -> tuple[MergeTree, Descriptors, Samples]:
    """Merge tree over given superpixels, and what it is made of.

    Parameters
    ----------
    features, found, superpixels, params, valid : array, BoundaryMaps, TreeParams
        As for `merge_superpixels`.

    Returns
    -------
    tree : MergeTree
        Tree without a record.
    descriptors : Descriptors
        Statistics of the superpixels.
    samples : Samples
        What color and texture were sampled.

    Raises
    ------
    InvalidParameterError
        If there are more than 5000 superpixels.
    """
    n_superpixels = int(superpixels.max()) + 1
    if n_superpixels > MOST_SUPERPIXELS:
        raise InvalidParameterError(
            f"superpixels: got {n_superpixels}, expected at most {MOST_SUPERPIXELS}, the limit "
            "of a merge tree"
        )
    samples = sample(features, superpixels, valid)
    boundaries = (found.local, found.spectral)
    descriptors = describe(samples, boundaries, superpixels, params.tree_seed, valid)
    merges = merge_by_consensus(descriptors, params.n_agglomerations, params.tree_seed)
    return tree_of_merges(superpixels, merges), descriptors, samples


_TREES = {
    "mumford_shah": region_trees.mumford_shah_tree,
    "mean_boundary": region_trees.mean_boundary_tree,
}


def make_template(pixels: np.ndarray, params: TemplateParams) -> np.ndarray:
    """Over-segment an image into regions of nearly one color, for equation 2.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image with values in 0 to 1, in two or three dimensions.
    params : TemplateParams
        Hierarchy and number of regions.

    Returns
    -------
    template : S int64 array
        Connected regions, labels ``0 .. M - 1`` in the order of their first pixel. M is
        ``n_template_regions``, or less if the image has fewer regions above a quarter of the
        mean size.

    Notes
    -----
    The paper takes gPb-owt-ucm, whose boundary cues are learned from human labels. The merge
    tree, and Mumford-Shah merging with an area floor, need no labels.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_dsc.params import TemplateParams
    >>> halves = np.repeat(np.float32([0.1, 0.9]), 8).reshape(1, 4, 4)
    >>> make_template(halves, TemplateParams(n_template_regions=2))
    array([[0, 0, 0, 0],
           [0, 0, 0, 0],
           [1, 1, 1, 1],
           [1, 1, 1, 1]])
    """
    if params.template_method == "tree":
        return tree_regions(maps.perceptual(pixels), params.n_template_regions)
    tree = _TREES[params.template_method](color_features(pixels))
    return region_trees.horizontal_cut(tree, params.n_template_regions)
