"""Divisions of a class tree, and the way of superpixels down to its nodes."""

import numpy as np
from scipy.sparse import csr_array

from napari_dsc.classes.division import N_DIVISIONS, sigmoid

# probability that a superpixel belongs to its nodes' class no more than by chance
DOUBT = 0.1


def sides_of(linkage: np.ndarray) -> np.ndarray:
    """Nodes on both sides of the last merges, the last one first.

    Parameters
    ----------
    linkage : (N - 1, 4) float array
        As from `scipy.cluster.hierarchy.linkage`.

    Returns
    -------
    sides : (D, N) int8 array
        1 on the side of the lower number, -1 on the other, 0 elsewhere; D is at most 40.
    """
    n = len(linkage) + 1
    below = np.zeros((2 * n - 1, n), bool)
    below[np.arange(n), np.arange(n)] = True
    sides = np.zeros((n - 1, n), np.int8)
    for place, (first, second) in enumerate(linkage[:, :2].astype(np.int64)):
        below[n + place] = below[first] | below[second]
        sides[n - 2 - place] = below[first].astype(np.int8) - below[second]
    return sides[:N_DIVISIONS]


def parents_of(linkage: np.ndarray) -> np.ndarray:
    """Parent of each node, the root its own, (2 N - 1,) int64."""
    n = len(linkage) + 1
    parents = np.arange(2 * n - 1)
    for place, pair in enumerate(linkage[:, :2].astype(np.int64)):
        parents[pair] = n + place
    return parents


def descend(
    linkage: np.ndarray,
    sides: np.ndarray,
    logits: np.ndarray,
    overlap: csr_array,
    areas: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Take superpixels down the divisions of a class tree.

    Parameters
    ----------
    linkage : (N - 1, 4) float array
        As from `scipy.cluster.hierarchy.linkage`.
    sides : (D, N) int8 array
        See `sides_of`.
    logits : (M, D) float array
        Logit of each superpixel for the first side of each division.
    overlap : (M, N) sparse float array
        Pixels of each superpixel in each node; a row without any has no say.
    areas : (N,) float array, optional
        Area of each node; default: that of `overlap`. Where nothing else decides, the largest
        node is taken.

    Returns
    -------
    nodes : (M,) int64 array
        Node of each superpixel.
    branches : (M, D) float64 array
        Probability of the first side at each division.
    """
    n, n_superpixels = len(linkage) + 1, overlap.shape[0]
    where = np.full(n_superpixels, 2 * n - 2)
    branches = np.empty((n_superpixels, len(sides)))
    first = overlap @ (sides.T > 0).astype(np.float32)
    second = overlap @ (sides.T < 0).astype(np.float32)
    for place in range(len(sides)):
        both = first[:, place] + second[:, place]
        share = np.divide(first[:, place], both, out=np.full(len(both), 0.5), where=both > 0)
        # a superpixel outside the divided class has no say by its nodes
        odds = ((1 - DOUBT) * share + DOUBT / 2) / ((1 - DOUBT) * (1 - share) + DOUBT / 2)
        branches[:, place] = sigmoid(logits[:, place] + np.log(odds))
        node = 2 * n - 2 - place
        here = where == node
        ends = linkage[node - n, :2].astype(np.int64)
        where[here] = np.where(branches[here, place] > 0.5, *ends)
    if areas is None:
        areas = np.asarray(overlap.sum(axis=0)).ravel()
    return _nodes_below(where, linkage, overlap, areas), branches


def _nodes_below(
    where: np.ndarray, linkage: np.ndarray, overlap: csr_array, areas: np.ndarray
) -> np.ndarray:
    """Node that most of a superpixel lies in, among those below the one it descended to."""
    n = len(linkage) + 1
    tops = np.arange(2 * n - 1)
    parents, reached = parents_of(linkage), np.zeros(2 * n - 1, bool)
    reached[where] = True
    for node in range(2 * n - 3, -1, -1):
        if not reached[node]:
            tops[node] = tops[parents[node]]
    # the largest node of each, for superpixels that lie in none of its nodes
    by_area = np.argsort(areas, kind="stable")
    largest = np.zeros(2 * n - 1, np.int64)
    largest[tops[by_area]] = by_area
    nodes: np.ndarray = largest[where]
    entries = overlap.tocoo()
    rows, columns = entries.coords
    inside = tops[columns] == where[rows]
    rows, columns, values = rows[inside], columns[inside], entries.data[inside]
    order = np.lexsort((-columns, values, rows))  # the last of a row is its largest
    nodes[rows[order]] = columns[order]
    return nodes
