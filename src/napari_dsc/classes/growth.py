"""Growing a class tree: classes of nodes, then borders between them on finer superpixels."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from napari_dsc.classes.class_tree import ClassTree
from napari_dsc.classes.division import N_DIVISIONS, fit_classifiers, sigmoid
from napari_dsc.classes.features import features_of
from napari_dsc.classes.grouping import group_superpixels
from napari_dsc.classes.material import Material
from napari_dsc.params import ClassParams

# probability that a superpixel belongs to its nodes' class no more than by chance
DOUBT = 0.1
CERTAIN = 0.5  # least probability of the class that a superpixel has without refinement


class Grown(NamedTuple):
    """A class tree, and the superpixels that have the classes.

    Attributes
    ----------
    tree : ClassTree
        Classes of the superpixels at every number.
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``: the finer ones with the grain `fine` or if they are given,
        else those of the merge tree.
    """

    tree: ClassTree
    superpixels: np.ndarray


def grow_classes(material: Material, params: ClassParams) -> Grown:
    """Grow the class tree of an image.

    Parameters
    ----------
    material : Material
        Superpixels and their statistics.
    params : ClassParams
        The grain.

    Returns
    -------
    grown : Grown
        With the grain `fine` the finer superpixels are classified at each of the first 40
        divisions, each by the linear classifier that tells the two classes apart and by the
        node in which it lies.
    """
    tree, pooled = material.tree, material.pooled
    features = features_of(pooled, material.descriptors)
    grouping = group_superpixels(material, features, params)
    nodes, linkage = grouping.nodes, grouping.linkage
    sides = sides_of(linkage)
    classifiers = fit_classifiers(pooled, features.shares, nodes, sides)
    is_refined = params.grain == "fine"
    is_fine = is_refined or material.is_given
    superpixels = material.fine if is_fine else tree.superpixels
    wanted = material.fine_wanted if is_fine else material.wanted
    counted = np.ones(superpixels.shape, bool) if material.valid is None else material.valid
    sizes = np.bincount(superpixels[counted]).astype(np.float64)
    if is_fine:
        places = (superpixels[counted], nodes[tree.superpixels[counted]])
        ones = np.ones(len(places[0]), np.float32)
        overlap = csr_array((ones, places), shape=(len(sizes), len(linkage) + 1))
        overlap.sum_duplicates()
        logits = classifiers.logits(material.fine_pooled) * is_refined
        nodes, branches = _descend(linkage, sides, logits, overlap)
    else:
        branches = _sure(sigmoid(classifiers.logits(pooled)), sides[:, nodes].T)
    nodes, fixed = _as_wanted(nodes, grouping.wanted, wanted)
    kept, linkage, used = without_empty(linkage, np.bincount(nodes, minlength=len(linkage) + 1))
    counts = (grouping.n_outstanding, grouping.n_default)
    n_outstanding, n_default = (min(count, len(linkage) + 1) for count in counts)
    made = ClassTree(
        kept[nodes],
        sizes,
        parents_of(linkage),
        linkage[:, 2],
        branches[:, used[: branches.shape[1]]].astype(np.float32),
        n_outstanding,
        n_default,
        tuple((int(kept[node]), number) for node, number in fixed),
    )
    return Grown(made, superpixels)


def _as_wanted(
    nodes: np.ndarray, of_nodes: np.ndarray, wanted: np.ndarray | None
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Nodes of superpixels as scribbles ask for, and a node of each class asked for."""
    fixed: list[tuple[int, int]] = []
    if wanted is None:
        return nodes, fixed
    nodes = nodes.copy()
    for number in np.intersect1d(of_nodes[of_nodes >= 0], wanted):
        asked = wanted == number
        astray = asked & (of_nodes[nodes] != number)
        first = int(np.flatnonzero(of_nodes == number)[0])
        nodes[astray] = first
        fixed.append((int(nodes[asked][0]), int(number)))
    return nodes, fixed


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


def without_empty(
    linkage: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Leave out nodes that no superpixel has, and merges that join nothing.

    Parameters
    ----------
    linkage : (N - 1, 4) float array
        As from `scipy.cluster.hierarchy.linkage`.
    counts : (N,) int array
        Number of superpixels of each node.

    Returns
    -------
    kept : (N,) int64 array
        New number of each node.
    linkage : (n - 1, 4) float array
        Merges of the n nodes that are left.
    used : (N - 1,) bool array
        Which merges are left, the last one first.
    """
    n, n_left = len(counts), int((counts > 0).sum())
    kept = np.cumsum(counts > 0) - 1
    now = np.append(np.where(counts > 0, kept, -1), np.full(len(linkage), -1))
    rows: list[tuple[float, ...]] = []
    used = np.zeros(len(linkage), bool)
    for place, (first, second, height, _) in enumerate(linkage):
        ends = sorted(now[[int(first), int(second)]])
        if ends[0] < 0:
            now[n + place] = ends[1]
            continue
        now[n + place] = n_left + len(rows)
        rows.append((*ends, height, 0))
        used[place] = True
    return kept, np.array(rows).reshape(-1, 4), used[::-1]


def _descend(
    linkage: np.ndarray, sides: np.ndarray, logits: np.ndarray, overlap: csr_array
) -> tuple[np.ndarray, np.ndarray]:
    """Node of each superpixel, division by division, and its probability at each division."""
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
    return _nodes_below(where, linkage, overlap), branches


def _nodes_below(where: np.ndarray, linkage: np.ndarray, overlap: csr_array) -> np.ndarray:
    """Node that most of a superpixel lies in, among those below the one it descended to."""
    n = len(linkage) + 1
    tops = np.arange(2 * n - 1)
    parents, reached = parents_of(linkage), np.zeros(2 * n - 1, bool)
    reached[where] = True
    for node in range(2 * n - 3, -1, -1):
        if not reached[node]:
            tops[node] = tops[parents[node]]
    # the largest node of each, for superpixels that lie in none of its nodes
    areas = overlap.sum(axis=0)
    by_area = np.argsort(areas, kind="stable")
    largest = np.zeros(2 * n - 1, np.int64)
    largest[tops[by_area]] = by_area
    nodes = largest[where]
    entries = overlap.tocoo()
    rows, columns = entries.coords
    inside = tops[columns] == where[rows]
    rows, columns, values = rows[inside], columns[inside], entries.data[inside]
    order = np.lexsort((-columns, values, rows))  # the last of a row is its largest
    nodes[rows[order]] = columns[order]
    return nodes


def _sure(branches: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Probabilities that speak for the side on which a superpixel is."""
    first, second = np.maximum(branches, CERTAIN), np.minimum(branches, CERTAIN)
    return np.asarray(np.where(sides > 0, first, np.where(sides < 0, second, branches)))
