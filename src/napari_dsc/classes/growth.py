"""Growing a class tree: classes of nodes, then borders between them on finer superpixels."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from napari_dsc.classes.class_tree import ClassTree, without_empty_nodes
from napari_dsc.classes.descent import descend, parents_of, sides_of
from napari_dsc.classes.division import Classifiers, fit_classifiers, sigmoid
from napari_dsc.classes.features import features_of
from napari_dsc.classes.grouping import Grouping, group_superpixels
from napari_dsc.classes.leaves import Leaves
from napari_dsc.classes.material import Divided, Material
from napari_dsc.params import ClassParams

CERTAIN = 0.5  # least probability of the class that a superpixel has without refinement


class Learned(NamedTuple):
    """Classes of nodes, and the classifiers of their divisions.

    Attributes
    ----------
    grouping : Grouping
        Nodes of the superpixels that were learned from, and how they merge.
    classifiers : Classifiers
        One for each of the first divisions.
    areas : (N,) float64 array
        Number of pixels of each node.
    grain : str
        As in `ClassParams`.
    """

    grouping: Grouping
    classifiers: Classifiers
    areas: np.ndarray
    grain: str


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


def learn_classes(
    leaves: Leaves,
    params: ClassParams,
    wanted: np.ndarray | None = None,
    *,
    has_words: bool = True,
) -> Learned:
    """Group the superpixels of one image, or of several together.

    Parameters
    ----------
    leaves : Leaves
        Superpixels of the images.
    params : ClassParams
        The grain.
    wanted : (M,) int array, optional
        Class that scribbles ask for on each superpixel, from 0; -1 leaves it free.
    has_words : bool
        Whether the descriptors mean the same in all images.

    Returns
    -------
    learned : Learned
        For `assign_classes` to any image.
    """
    descriptors = leaves.descriptors if has_words else None
    features = features_of(leaves.pooled, descriptors, leaves.shares)
    grouping = group_superpixels(leaves, features, params, wanted)
    sides = sides_of(grouping.linkage)
    seen = leaves.seen(params.grain)
    classifiers = fit_classifiers(seen, features.shares, grouping.nodes, sides)
    areas = np.bincount(grouping.nodes, leaves.descriptors.sizes)
    return Learned(grouping, classifiers, areas, params.grain)


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
    leaves = Leaves([material])
    learned = learn_classes(leaves, params, material.wanted)
    grouping, linkage = learned.grouping, learned.grouping.linkage
    sides, nodes, valid = sides_of(linkage), grouping.nodes, material.valid
    is_fine = params.grain == "fine" or material.is_given
    superpixels = material.fine if is_fine else material.tree.superpixels
    if is_fine:
        of_pixels = nodes[material.tree.superpixels]
        overlap = _overlap(superpixels, of_pixels, valid, len(linkage) + 1)
        logits = learned.classifiers.logits(material.fine_pooled)
        if params.grain != "fine":
            logits *= 0  # what is seen of given superpixels is not what was learned from
        nodes, branches = descend(linkage, sides, logits, overlap)
    else:
        logits = learned.classifiers.logits(leaves.seen(params.grain))
        branches = _sure(sigmoid(logits), sides[:, nodes].T)
    wanted = material.fine_wanted if is_fine else material.wanted
    nodes, fixed = _as_wanted(nodes, grouping.wanted, wanted)
    counts = (grouping.n_outstanding, grouping.n_default)
    made = ClassTree(
        nodes,
        _sizes(superpixels, valid),
        parents_of(linkage),
        linkage[:, 2],
        branches.astype(np.float32),
        *counts,
        tuple(fixed),
    )
    return Grown(without_empty_nodes(made), superpixels)


def assign_classes(divided: Divided, learned: Learned) -> Grown:
    """Classes of an image, whether or not they were learned from it.

    Parameters
    ----------
    divided : Divided
        Superpixels of the image, and their channels.
    learned : Learned
        Classes of other images.

    Returns
    -------
    grown : Grown
        Class k means the same in all images; some may have no pixel. The coarser superpixels
        are classified first; with the grain `fine` the finer ones then follow these and their
        own channels.
    """
    linkage, superpixels = learned.grouping.linkage, divided.superpixels
    sides, n_nodes, areas = sides_of(linkage), len(linkage) + 1, learned.areas
    logits = learned.classifiers.logits(divided.seen(learned.grain))
    free = csr_array((len(logits), n_nodes), dtype=np.float32)
    nodes, branches = descend(linkage, sides, logits, free, areas)
    if learned.grain == "fine":
        of_pixels, superpixels = nodes[superpixels], divided.fine
        overlap = _overlap(superpixels, of_pixels, divided.valid, n_nodes)
        logits = learned.classifiers.logits(divided.fine_pooled)
        nodes, branches = descend(linkage, sides, logits, overlap, areas)
    made = ClassTree(
        nodes,
        _sizes(superpixels, divided.valid),
        parents_of(linkage),
        linkage[:, 2],
        branches.astype(np.float32),
        learned.grouping.n_outstanding,
        learned.grouping.n_default,
        areas=areas,
    )
    return Grown(made, superpixels)


def _sizes(superpixels: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    """Number of pixels of each superpixel that count."""
    counted = superpixels if valid is None else superpixels[valid]
    return np.bincount(counted.ravel(), minlength=int(superpixels.max()) + 1).astype(np.float64)


def _overlap(
    superpixels: np.ndarray, nodes: np.ndarray, valid: np.ndarray | None, n_nodes: int
) -> csr_array:
    """Number of pixels of each superpixel in each node, (M, N)."""
    counted = np.ones(superpixels.shape, bool) if valid is None else valid
    places = (superpixels[counted], nodes[counted])
    shape = (int(superpixels.max()) + 1, n_nodes)
    return csr_array((np.ones(len(places[0]), np.float32), places), shape=shape)


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


def _sure(branches: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Probabilities that speak for the side on which a superpixel is."""
    first, second = np.maximum(branches, CERTAIN), np.minimum(branches, CERTAIN)
    return np.asarray(np.where(sides > 0, first, np.where(sides < 0, second, branches)))
