"""The superpixels from which a merge tree starts."""

from __future__ import annotations

import higra as hg
import numpy as np

from napari_dsc.hierarchy.region_trees import grid_graph
from napari_dsc.labels.regions import relabel_in_order

# the least size of a superpixel is the mean size over this: 31 pixels for 700 superpixels of
# an image of BSDS500
FLOOR_FACTOR = 7


def fine_partition(strength: np.ndarray, n_superpixels: int) -> np.ndarray:
    """Divide an image into superpixels along its boundaries.

    Parameters
    ----------
    strength : S float array
        Boundary strength of each pixel.
    n_superpixels : int
        Number of superpixels.

    Returns
    -------
    superpixels : S int64 array
        Connected superpixels ``0 .. M - 1`` in the order of their first pixel; fewer than
        ``n_superpixels`` if the image has fewer watershed basins of the least size.

    References
    ----------
    .. [1] P. Arbelaez, M. Maire, C. Fowlkes and J. Malik, "Contour detection and hierarchical
       image segmentation", IEEE Transactions on Pattern Analysis and Machine Intelligence
       33(5), 2011: watershed basins, merged by the mean strength of their boundary.
    """
    shape = strength.shape
    pixels = grid_graph(shape)
    weights = hg.weight_graph(
        pixels, strength.ravel().astype(np.float64), hg.WeightFunction.mean
    )
    basins = hg.labelisation_watershed(pixels, weights)
    graph = hg.make_region_adjacency_graph_from_labelisation(pixels, basins)
    if graph.num_vertices() == 1:
        return np.zeros(shape, np.int64)
    boundary = hg.rag_accumulate_on_edges(graph, hg.Accumulators.mean, weights)
    length = hg.rag_accumulate_on_edges(graph, hg.Accumulators.sum, np.ones(len(weights)))
    tree, altitudes = hg.binary_partition_tree_average_linkage(graph, boundary, length)
    floor = strength.size / n_superpixels / FLOOR_FACTOR
    tree, altitudes = hg.filter_small_nodes_from_tree(tree, altitudes, floor, graph)
    explorer = hg.HorizontalCutExplorer(tree, altitudes)
    nodes = explorer.horizontal_cut_from_num_regions(n_superpixels)
    return relabel_in_order(nodes.labelisation_leaves(tree).reshape(shape))
