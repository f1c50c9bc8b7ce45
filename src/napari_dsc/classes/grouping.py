"""Nodes of superpixels, and the order in which they merge into classes."""

from typing import NamedTuple

import numpy as np

from napari_dsc.classes import members
from napari_dsc.classes.features import Features, averaged
from napari_dsc.classes.graph import affinities, normalized_cut
from napari_dsc.classes.leaves import REGION_ALTITUDE, Leaves
from napari_dsc.classes.linkage import average_linkage, unit_mean, ward_levels
from napari_dsc.params import ClassParams

CONTACTS, CHANNELS, BLOCKS = 0.5, 1.0, 1.0  # weights of the members beside that of regions
TREE_WEIGHT = 0.25
NEAREST_REGIONS = 0.7  # distance up to which regions are one class by default
FAR = 1e6  # of nodes that must not share a class; no mean distance comes near it
MOST_EXPLAINED = 10  # largest number of classes to choose from where none stands out


class Grouping(NamedTuple):
    """Nodes of an image, and how they merge.

    Attributes
    ----------
    nodes : (M,) int64 array
        Node ``0 .. N - 1`` of each superpixel.
    linkage : (N - 1, 4) float64 array
        As from `scipy.cluster.hierarchy.linkage`.
    n_outstanding : int
        Number of classes that stand out; 1 if none does.
    wanted : (N,) int64 array
        Class that scribbles ask for in each node, from 0; -1 where there is none.
    """

    nodes: np.ndarray
    linkage: np.ndarray
    n_outstanding: int
    wanted: np.ndarray

    @property
    def n_default(self) -> int:
        """Number of classes that stand out, else the one at which most is explained.

        That is the number from 2 to 10 after which the height of the next division falls
        most.
        """
        n_nodes = len(self.linkage) + 1
        if self.n_outstanding > 1 or n_nodes < 3:
            return max(self.n_outstanding, min(2, n_nodes))
        heights = self.linkage[::-1, 2][:MOST_EXPLAINED]
        return 2 + int(np.argmax(heights[:-1] - heights[1:]))


def group_superpixels(
    leaves: Leaves, features: Features, params: ClassParams, wanted: np.ndarray | None = None
) -> Grouping:
    """Group superpixels into nodes, and nodes into classes.

    Parameters
    ----------
    leaves : Leaves
        Superpixels of one image or several.
    features : Features
        Features of these superpixels.
    params : ClassParams
        The grain.
    wanted : (M,) int array, optional
        Class that scribbles ask for on each superpixel, from 0; -1 leaves it free.

    Returns
    -------
    grouping : Grouping
        At most 500 nodes, and one for each superpixel of a scribble where nodes hold several
        scribbles. Nodes that ask for one class merge first, nodes that ask for different
        classes last.
    """
    shares, seen = features.shares, features.blocks
    if params.grain == "texture":
        seen = leaves.nearby(seen)
    nodes, of_nodes = _nodes_of(leaves.nodes, wanted)
    weights = np.bincount(nodes, shares)
    if len(weights) < 2:
        return Grouping(nodes, np.zeros((0, 4)), 1, of_nodes)
    consensus = np.zeros((len(weights),) * 2)
    for weight, member in _members(leaves, features, seen, params):
        consensus += weight * ward_levels(averaged(member, shares, nodes), weights)
    consensus = unit_mean(consensus, weights)
    first = np.unique(nodes, return_index=True)[1]
    meeting = leaves.meeting(first)
    altitudes = unit_mean(meeting, weights)
    spectrum = normalized_cut(affinities(consensus, altitudes), weights)
    cut = ward_levels(spectrum.coordinates, weights)
    distances = consensus + cut + TREE_WEIGHT * altitudes
    n_outstanding = min(spectrum.n_outstanding, len(weights))
    if params.grain == "regions":
        distances = _between_regions(leaves.regions[first], weights, distances, meeting)
    linkage = average_linkage(_with_wanted(distances, of_nodes), weights)
    if params.grain == "regions":
        n_outstanding = 1 + int((linkage[:, 2] > 1 + NEAREST_REGIONS).sum())
    return Grouping(nodes, linkage, n_outstanding, of_nodes)


def _nodes_of(nodes: np.ndarray, wanted: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of superpixels, each with at most one class that is asked for, and that class."""
    if wanted is None:
        return nodes, np.full(int(nodes.max()) + 1, -1)
    is_asked = wanted >= 0
    pairs = np.unique(np.stack([nodes[is_asked], wanted[is_asked]]), axis=1)
    mixed = np.flatnonzero(np.bincount(pairs[0], minlength=int(nodes.max()) + 1) > 1)
    alone = np.flatnonzero(is_asked & np.isin(nodes, mixed))
    nodes = nodes.copy()
    nodes[alone] = nodes.max() + 1 + np.arange(len(alone))
    nodes = np.unique(nodes, return_inverse=True)[1]
    of_nodes = np.full(int(nodes.max()) + 1, -1)
    of_nodes[nodes[is_asked]] = wanted[is_asked]
    return nodes, of_nodes


def _with_wanted(distances: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Distances at which scribbles of one class merge first, of different classes last."""
    asked = wanted >= 0
    both = np.multiply.outer(asked, asked)
    is_same = wanted[:, None] == wanted
    apart = distances + both * ~is_same * (FAR * distances.max())
    return np.asarray(np.where(both & is_same, 0, apart))


def _members(
    leaves: Leaves, features: Features, seen: np.ndarray, params: ClassParams
) -> list[tuple[float, np.ndarray]]:
    """Coordinates of the superpixels by each member of the consensus, with its weight."""
    shares, blocks = features.shares, features.blocks
    descriptors = leaves.descriptors
    between = members.total_scatter(seen, shares)
    of_regions = members.region_scatter(blocks, shares, leaves.scattered)
    of_contacts = members.contact_scatter(blocks, descriptors.pairs, descriptors.lengths)
    by_regions, by_contacts = (
        members.cut_coordinates(seen, between, one) for one in (of_regions, of_contacts)
    )
    if params.grain == "texture":
        return [(1.0, by_regions), (1.0, by_contacts)]
    return [
        (1.0, by_regions),
        (CONTACTS, by_contacts),
        (CHANNELS, features.colors),
        (BLOCKS, blocks),
    ]


def _between_regions(
    of_nodes: np.ndarray, weights: np.ndarray, distances: np.ndarray, meeting: np.ndarray
) -> np.ndarray:
    """Distances of nodes: those of the tree within its regions, then those of the regions."""
    regions = np.unique(of_nodes, return_inverse=True)[1]
    shares = np.zeros((int(regions.max()) + 1, len(regions)))
    shares[regions, np.arange(len(regions))] = weights
    shares /= shares.sum(axis=1, keepdims=True)
    between = 1 + shares @ distances @ shares.T
    inside = meeting / (2 * REGION_ALTITUDE)  # below 1, so that regions form first
    is_inside = regions[:, None] == regions
    return np.where(is_inside, inside, between[np.ix_(regions, regions)])
