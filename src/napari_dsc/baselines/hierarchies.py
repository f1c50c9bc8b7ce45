"""Segmentations at many scales, as cuts of one hierarchy of regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import higra as hg
import numpy as np

from napari_dsc.errors import InvalidImageError
from napari_dsc.hierarchy.region_trees import RegionTree, contour_tree
from napari_dsc.labels.regions import relabel_in_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def iter_counted_cuts(
    hierarchy: RegionTree, counts: Sequence[float], min_size: float
) -> Iterator[np.ndarray]:
    """Cut a hierarchy into given numbers of regions; specks are merged first.

    Parameters
    ----------
    hierarchy : RegionTree
        Hierarchy over pixels or regions.
    counts : sequence of float
        Least number of regions of each cut; the coarsest such cut is taken.
    min_size : float
        Least size of a region in pixels; smaller nodes are merged into their neighbors before
        all cuts.

    Yields
    ------
    labels : S int64 array
        One label image per count, labels from 0.
    """
    tree, altitudes = _without_specks(hierarchy, min_size)
    explorer = hg.HorizontalCutExplorer(tree, altitudes)
    for count in counts:
        nodes = explorer.horizontal_cut_from_num_regions(max(1, round(count)))
        yield _labels(nodes, tree, hierarchy)


def iter_threshold_cuts(
    hierarchy: RegionTree, thresholds: Sequence[float]
) -> Iterator[np.ndarray]:
    """Cut a hierarchy at given altitudes.

    Parameters
    ----------
    hierarchy : RegionTree
        Hierarchy over pixels or regions.
    thresholds : sequence of float
        Altitude of each cut; regions that form up to this altitude are merged.

    Yields
    ------
    labels : S int64 array
        One label image per threshold, labels from 0.
    """
    explorer = hg.HorizontalCutExplorer(hierarchy.tree, hierarchy.altitudes)
    for threshold in thresholds:
        nodes = explorer.horizontal_cut_from_altitude(threshold)
        yield _labels(nodes, hierarchy.tree, hierarchy)


def iter_contour_cuts(
    contours: np.ndarray, shape: tuple[int, ...], thresholds: Sequence[float]
) -> Iterator[np.ndarray]:
    """Regions of a contour map, between the contours stronger than given thresholds.

    Parameters
    ----------
    contours : (2Y + 1, 2X + 1) uint8 array
        Ultrametric contour map at double size, such as gPb-owt-ucm: 255 times the strength,
        rounded up; 0 is no contour.
    shape : tuple of int
        Shape (Y, X) of the image.
    thresholds : sequence of float
        Contour strengths in 0 to 1; only stronger contours separate regions.

    Yields
    ------
    labels : (Y, X) int64 array
        One label image per threshold, labels from 0.

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
    >>> list(iter_contour_cuts(contours, (1, 2), (0.19, 0.2)))
    [array([[0, 1]]), array([[0, 0]])]
    """
    expected = tuple(2 * side + 1 for side in shape)
    if contours.dtype != np.uint8 or contours.shape != expected:
        raise InvalidImageError(
            f"contours: {contours.dtype} of shape {contours.shape}, expected uint8 of shape "
            f"{expected}, double the size of the image"
        )
    yield from iter_threshold_cuts(contour_tree(contours), [255 * t for t in thresholds])


def _without_specks(hierarchy: RegionTree, min_size: float) -> tuple[hg.Tree, np.ndarray]:
    if hierarchy.graph.num_vertices() == 1:  # higra's filter would end the process
        return hierarchy.tree, hierarchy.altitudes
    tree, altitudes = hg.filter_small_nodes_from_tree(
        hierarchy.tree,
        hierarchy.altitudes.copy(),  # higra zeroes those of small nodes in place
        min_size,
        hierarchy.graph,
    )
    return tree, altitudes


def _labels(nodes: hg.HorizontalCutNodes, tree: hg.Tree, hierarchy: RegionTree) -> np.ndarray:
    return relabel_in_order(nodes.labelisation_leaves(tree).reshape(hierarchy.shape))
