"""Region trees from image gradients, colors or contour maps, and their horizontal cuts."""

import math
from typing import NamedTuple

import higra as hg
import numpy as np
from scipy import ndimage

from napari_dsc.labels.regions import relabel_in_order

FLOOR_FACTOR = 4  # the area floor of a cut is the mean size of its regions over this
SCALES = (1.0, 2.0, 4.0)  # of the gradient, in pixels


class RegionTree(NamedTuple):
    """A hierarchy over the vertices of a graph of an image.

    Parameters
    ----------
    tree : higra.Tree
        Its leaves are the vertices of `graph`.
    altitudes : (V,) float array
        Level at which each of the V nodes forms: 0 for leaves, never above its parent's level.
    graph : higra.UndirectedGraph
        Graph of the pixels, or of regions of pixels (a region adjacency graph).
    shape : tuple of int
        Spatial shape S of the image.
    """

    tree: hg.Tree
    altitudes: np.ndarray
    graph: hg.UndirectedGraph
    shape: tuple[int, ...]


def grid_graph(shape: tuple[int, ...]) -> hg.UndirectedGraph:
    """Graph of the pixels of an image, with an edge for each pixel face.

    Parameters
    ----------
    shape : tuple of int
        Spatial shape S, with two or three axes.

    Returns
    -------
    graph : higra.UndirectedGraph
        One vertex a pixel, in C order.

    Examples
    --------
    >>> grid_graph((2, 3)).num_edges()
    7
    """
    if len(shape) == 2:
        return hg.get_4_adjacency_graph(shape)
    half = np.eye(len(shape), dtype=np.int64)
    return hg.get_nd_regular_graph(shape, np.concatenate([half, -half]).tolist())


def gradient_magnitude(image: np.ndarray, scale: float) -> np.ndarray:
    """Largest rate of change over the channels (Di Zenzo 1986).

    Parameters
    ----------
    image : (C, *S) float array
        Image; all channels have the same weight.
    scale : float
        Standard deviation of the Gaussian derivative in pixels.

    Returns
    -------
    gradient : S float64 array
        Square root of the largest eigenvalue of the structure tensor, which is the sum over
        channels of the gradient's outer product; times `scale`, so that gradients of different
        scales are comparable.
    """
    orders = np.eye(image.ndim - 1, dtype=np.int64)
    slopes = np.array(
        [
            [ndimage.gaussian_filter(channel, scale, order=order) for order in orders]
            for channel in image.astype(np.float64)
        ]
    )
    tensor = np.einsum("ci...,cj...->...ij", slopes, slopes)
    return scale * np.sqrt(np.maximum(np.linalg.eigvalsh(tensor)[..., -1], 0))


def mean_boundary_tree(image: np.ndarray) -> RegionTree:
    """Merge watershed regions by the mean gradient along their common boundary.

    The contour hierarchy of Arbelaez et al. (2011) with a multi-scale color gradient in
    place of their learned boundary detector.

    Parameters
    ----------
    image : (C, *S) float array
        Image in two or three dimensions.

    Returns
    -------
    tree : RegionTree
        Hierarchy over the watershed regions.
    """
    return boundary_tree(np.mean([gradient_magnitude(image, one) for one in SCALES], axis=0))


def boundary_tree(strength: np.ndarray) -> RegionTree:
    """Merge watershed regions by the mean strength along their common boundary.

    Parameters
    ----------
    strength : S float64 array
        Boundary strength of each pixel.

    Returns
    -------
    tree : RegionTree
        Hierarchy over the watershed regions.
    """
    pixels = grid_graph(strength.shape)
    weights = hg.weight_graph(pixels, strength.ravel(), hg.WeightFunction.mean)
    basins = hg.labelisation_watershed(pixels, weights)
    graph = hg.make_region_adjacency_graph_from_labelisation(pixels, basins)
    boundary = hg.rag_accumulate_on_edges(graph, hg.Accumulators.mean, weights)
    length = hg.rag_accumulate_on_edges(graph, hg.Accumulators.sum, np.ones(len(weights)))
    tree, altitudes = hg.binary_partition_tree_average_linkage(graph, boundary, length)
    return RegionTree(tree, altitudes, graph, strength.shape)


def mumford_shah_tree(image: np.ndarray) -> RegionTree:
    """Merge pixels by the piecewise constant Mumford-Shah energy (Guigues et al. 2006).

    Parameters
    ----------
    image : (C, *S) float array
        Image in two or three dimensions.

    Returns
    -------
    tree : RegionTree
        Hierarchy over the pixels, by the scale at which each region becomes optimal.
    """
    graph = grid_graph(image.shape[1:])
    colors = _rows(image)
    binary, _ = hg.binary_partition_tree_MumfordShah_energy(graph, colors)
    tree, altitudes = hg.hierarchy_to_optimal_MumfordShah_energy_cut_hierarchy(
        binary, colors, graph
    )
    return RegionTree(tree, altitudes, graph, image.shape[1:])


def observation_scale_tree(image: np.ndarray) -> RegionTree:
    """Merge pixels by the observation scale at which a boundary loses its evidence.

    The predicate of Felzenszwalb and Huttenlocher (2004) separates two regions if the
    lightest edge between them exceeds the heaviest inside one of them by more than ``k``
    over its size. Each node of the single-linkage tree gets the least ``k`` for which it
    and all nodes below it form, so one tree holds the segmentations of every scale.

    Parameters
    ----------
    image : (C, *S) float array
        Image in two or three dimensions.

    Returns
    -------
    tree : RegionTree
        Hierarchy over the pixels.

    Notes
    -----
    Their greedy algorithm may also join two regions across a third that no longer grows; a
    hierarchy over the single-linkage tree cannot. So it leaves more specks, which the area
    floor of `horizontal_cut` removes.

    References
    ----------
    .. [1] S. Guimaraes et al., "Hierarchizing graph-based image segmentation algorithms
       relying on region dissimilarity", Mathematical Morphology 2, 2017.
    """
    graph = grid_graph(image.shape[1:])
    weights = hg.weight_graph(graph, _rows(image), hg.WeightFunction.L2)
    tree, heaviest = hg.bpt_canonical(graph, weights)
    # the predicate solved for k: k = size * (edge to the parent - heaviest edge inside); the
    # scale of a node is the largest k of its children, and never below that of a descendant
    evidence = hg.attribute_area(tree) * (heaviest[tree.parents()] - heaviest)
    scale = hg.accumulate_parallel(tree, evidence, hg.Accumulators.max)
    scale[: tree.num_leaves()] = 0
    altitudes = hg.accumulate_and_max_sequential(
        tree, scale, np.zeros(tree.num_leaves()), hg.Accumulators.max
    )
    return RegionTree(tree, altitudes, graph, image.shape[1:])


def ward_tree(image: np.ndarray, labels: np.ndarray) -> RegionTree:
    """Merge adjacent regions so that the variance inside them grows least (Ward 1963).

    Parameters
    ----------
    image : (C, *S) float array
        Image in two or three dimensions.
    labels : S int array
        Regions that the tree starts from; a label of several pieces starts as one region for
        each piece.

    Returns
    -------
    tree : RegionTree
        Hierarchy over the connected regions of `labels`. The altitude of a merge is its rank
        in the order of merging, so that every number of regions has a cut.
    """
    graph = hg.make_region_adjacency_graph_from_labelisation(grid_graph(labels.shape), labels)
    means = hg.rag_accumulate_on_vertices(graph, hg.Accumulators.mean, _rows(image))
    sizes = hg.attribute_vertex_area(graph)
    tree, cost = hg.binary_partition_tree_ward_linkage(graph, means, sizes)
    n_leaves = tree.num_leaves()
    altitudes = np.zeros(len(cost))
    altitudes[n_leaves + np.argsort(cost[n_leaves:], kind="stable")] = np.arange(1, n_leaves)
    return RegionTree(tree, altitudes, graph, labels.shape)


def contour_tree(contours: np.ndarray) -> RegionTree:
    """Hierarchy over the pixels from an ultrametric contour map, such as gPb-owt-ucm.

    Parameters
    ----------
    contours : (2Y + 1, 2X + 1) array
        Contour strength at double size: pixels at odd positions, contours between them at
        even positions.

    Returns
    -------
    tree : RegionTree
        Hierarchy over the pixels.
    """
    shape = ((contours.shape[0] - 1) // 2, (contours.shape[1] - 1) // 2)
    graph = grid_graph(shape)
    first, second = (np.unravel_index(ends, shape) for ends in graph.edge_list()[:2])
    # pixel (y, x) is at (2y + 1, 2x + 1), hence the contour between two pixels at their sum + 1
    rows, columns = (a + b + 1 for a, b in zip(first, second, strict=True))
    weights = contours[rows, columns].astype(np.float64)
    tree, altitudes = hg.quasi_flat_zone_hierarchy(graph, weights)
    return RegionTree(tree, altitudes, graph, shape)


def horizontal_cut(
    hierarchy: RegionTree,
    n_regions: int,
    floor_factor: float = FLOOR_FACTOR,
    *,
    by_rank: bool = True,
) -> np.ndarray:
    """Labels of the coarsest partition with at least M regions; specks are merged first.

    Parameters
    ----------
    hierarchy : RegionTree
        Hierarchy to cut.
    n_regions : int
        Number of regions ``M``.
    floor_factor : float
        The least size of a region is the mean size ``N / M`` over this.
    by_rank : bool
        Whether equal altitudes above 0 are told apart, to come nearer to M.

    Returns
    -------
    labels : S int64 array
        Labels ``0 .. M' - 1`` of connected regions. M' is M unless the hierarchy has fewer
        regions of the least size, or regions merge at one altitude.
    """
    if hierarchy.graph.num_vertices() == 1:  # higra's filter would end the process
        return np.zeros(hierarchy.shape, np.int64)
    tree, altitudes = hg.filter_small_nodes_from_tree(
        hierarchy.tree,
        hierarchy.altitudes.copy(),  # higra zeroes those of small nodes in place
        math.prod(hierarchy.shape) / (floor_factor * n_regions),
        hierarchy.graph,
    )
    explorer = hg.HorizontalCutExplorer(tree, _strict(altitudes) if by_rank else altitudes)
    nodes = explorer.horizontal_cut_from_num_regions(n_regions)
    return relabel_in_order(nodes.labelisation_leaves(tree).reshape(hierarchy.shape))


def _rows(image: np.ndarray) -> np.ndarray:
    """Pixels as the float64 rows that higra takes, (N, C)."""
    return np.ascontiguousarray(image.reshape(len(image), -1).T, dtype=np.float64)


def _strict(altitudes: np.ndarray) -> np.ndarray:
    """Replace altitudes above zero by ranks, so that every number of regions has a cut.

    Equal altitudes get different ranks, in the order of nodes, children before parents.
    """
    ranks = np.empty(len(altitudes))
    ranks[np.argsort(altitudes, kind="stable")] = np.arange(1, len(altitudes) + 1)
    return np.where(altitudes > 0, ranks, 0)
