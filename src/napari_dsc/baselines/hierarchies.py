"""Segmentations at many scales, as cuts of one hierarchy of regions."""

from collections.abc import Callable

import higra as hg
import numpy as np

from napari_dsc.errors import InvalidImageError
from napari_dsc.hierarchy.region_trees import RegionTree, contour_tree
from napari_dsc.labels.regions import relabel_in_order


def counted_cuts(hierarchy: RegionTree, min_size: float) -> Callable[[float], np.ndarray]:
    """Cuts of a hierarchy into given numbers of regions; specks are merged first.

    Parameters
    ----------
    hierarchy : RegionTree
        Hierarchy over pixels or regions.
    min_size : float
        Least size of a region in pixels; smaller nodes are merged into their neighbors before
        all cuts.

    Returns
    -------
    cut : function
        Takes the least number of regions; the coarsest such cut is taken. Returns labels,
        S int64, from 0.
    """
    if hierarchy.graph.num_vertices() > 1:  # higra's filter would end the process
        altitudes = hierarchy.altitudes.copy()  # higra zeroes those of small nodes in place
        tree, altitudes = hg.filter_small_nodes_from_tree(
            hierarchy.tree, altitudes, min_size, hierarchy.graph
        )
        hierarchy = hierarchy._replace(tree=tree, altitudes=altitudes)
    explorer = hg.HorizontalCutExplorer(hierarchy.tree, hierarchy.altitudes)
    cut = explorer.horizontal_cut_from_num_regions
    return lambda count: _labels(cut(max(1, round(count))), hierarchy)


def threshold_cuts(hierarchy: RegionTree) -> Callable[[float], np.ndarray]:
    """Cuts of a hierarchy at given altitudes.

    Parameters
    ----------
    hierarchy : RegionTree
        Hierarchy over pixels or regions.

    Returns
    -------
    cut : function
        Takes an altitude; regions that form up to it are merged. Returns labels, S int64,
        from 0.
    """
    explorer = hg.HorizontalCutExplorer(hierarchy.tree, hierarchy.altitudes)
    return lambda altitude: _labels(explorer.horizontal_cut_from_altitude(altitude), hierarchy)


def contour_cuts(contours: np.ndarray, shape: tuple[int, ...]) -> Callable[[float], np.ndarray]:
    """Regions of a contour map, between the contours stronger than given thresholds.

    Parameters
    ----------
    contours : (2Y + 1, 2X + 1) uint8 array
        Ultrametric contour map at double size, such as gPb-owt-ucm: 255 times the strength,
        rounded up; 0 is no contour.
    shape : tuple of int
        Shape (Y, X) of the image.

    Returns
    -------
    cut : function
        Takes a contour strength in 0 to 1; only stronger contours separate regions. Returns
        labels, (Y, X) int64, from 0.

    Raises
    ------
    InvalidImageError
        If the map is missing or does not fit the image.

    References
    ----------
    .. [1] P. Arbelaez, M. Maire, C. Fowlkes and J. Malik, "Contour detection and hierarchical
       image segmentation", IEEE Transactions on Pattern Analysis and Machine Intelligence
       33(5), 2011.

    Examples
    --------
    >>> contours = np.zeros((3, 5), np.uint8)
    >>> contours[:, 2] = 51
    >>> list(map(contour_cuts(contours, (1, 2)), (0.19, 0.2)))
    [array([[0, 1]]), array([[0, 0]])]
    """
    expected = tuple(2 * side + 1 for side in shape)
    if contours.dtype != np.uint8 or contours.shape != expected:
        raise InvalidImageError(
            f"contours: {contours.dtype} of shape {contours.shape}, expected uint8 of shape "
            f"{expected}, double the size of the image"
        )
    cut = threshold_cuts(contour_tree(contours))
    return lambda threshold: cut(255 * threshold)


def _labels(nodes: hg.HorizontalCutNodes, hierarchy: RegionTree) -> np.ndarray:
    labels = nodes.labelisation_leaves(hierarchy.tree)
    return relabel_in_order(labels.reshape(hierarchy.shape))
