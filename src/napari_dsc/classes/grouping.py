"""Nodes of superpixels, and the order in which they merge into classes."""

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from napari_dsc.classes import members
from napari_dsc.classes.features import Features
from napari_dsc.classes.graph import affinities, normalized_cut
from napari_dsc.classes.linkage import average_linkage, unit_mean, ward_levels
from napari_dsc.classes.material import Material
from napari_dsc.hierarchy.consensus import leaf_altitudes
from napari_dsc.hierarchy.tree import MergeTree
from napari_dsc.labels.neighbors import region_centroids
from napari_dsc.params import ClassParams

N_NODES = 500  # 300 score nearly as high, 150 do not (classes.md of the design)
N_REGIONS = 50  # regions of the merge tree about whose means the scatter is taken
CONTACTS, CHANNELS, BLOCKS = 0.5, 1.0, 1.0  # weights of the members beside that of regions
TREE_WEIGHT = 0.25
TEXTURE_SIDES = 16  # a texture is averaged over the side of the image over this
REGION_ALTITUDE = 1.7  # regions of the grain `regions`, as by default in the merge tree
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


def group_superpixels(material: Material, features: Features, params: ClassParams) -> Grouping:
    """Group the superpixels of an image into nodes, and nodes into classes.

    Parameters
    ----------
    material : Material
        Merge tree of the image, and the classes that scribbles ask for.
    features : Features
        Features of its superpixels.
    params : ClassParams
        The grain.

    Returns
    -------
    grouping : Grouping
        At most 500 nodes, and one for each superpixel of a scribble where nodes hold several
        scribbles. Nodes that ask for one class merge first, nodes that ask for different
        classes last.
    """
    tree, shares, seen = material.tree, features.shares, features.blocks
    if params.grain == "texture":
        seen = _averaged_nearby(seen, shares, tree.superpixels, material.spacing)
    regions = tree.regions_of_superpixels(n_regions=N_NODES)
    nodes, of_nodes = _nodes_of(regions, material.wanted)
    weights = np.bincount(nodes, shares)
    if len(weights) < 2:
        return Grouping(nodes, np.zeros((0, 4)), 1, of_nodes)
    coordinates = _members(material, features, seen, params)
    consensus = np.zeros((len(weights),) * 2)
    for weight, member in coordinates:
        consensus += weight * ward_levels(averaged(member, shares, nodes), weights)
    consensus = unit_mean(consensus, weights)
    first = np.unique(nodes, return_index=True)[1]
    meeting = leaf_altitudes(tree)[np.ix_(first, first)].astype(np.float64)
    altitudes = unit_mean(meeting, weights)
    spectrum = normalized_cut(affinities(consensus, altitudes), weights)
    cut = ward_levels(spectrum.coordinates, weights)
    distances = consensus + cut + TREE_WEIGHT * altitudes
    n_outstanding = min(spectrum.n_outstanding, len(weights))
    if params.grain == "regions":
        distances = _between_regions(tree, nodes, weights, distances, meeting)
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


def averaged(values: np.ndarray, shares: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Mean of the values of each group, weighted by shares, (N, F)."""
    sums = np.zeros((int(groups.max()) + 1, values.shape[1]))
    np.add.at(sums, groups, shares[:, None] * values)
    return np.asarray(sums / np.bincount(groups, shares)[:, None])


def _members(
    material: Material, features: Features, seen: np.ndarray, params: ClassParams
) -> list[tuple[float, np.ndarray]]:
    """Coordinates of the superpixels by each member of the consensus, with its weight."""
    shares, blocks = features.shares, features.blocks
    tree, descriptors = material.tree, material.descriptors
    between = members.total_scatter(seen, shares)
    regions = tree.regions_of_superpixels(n_regions=N_REGIONS)
    of_regions = members.region_scatter(blocks, shares, regions)
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


def _averaged_nearby(
    values: np.ndarray, shares: np.ndarray, superpixels: np.ndarray, spacing: tuple[float, ...]
) -> np.ndarray:
    """Values averaged over the neighborhood that makes a texture, by a Gaussian."""
    size = np.array(spacing or (1.0,) * superpixels.ndim)
    centers = region_centroids(superpixels) * size
    sides = np.array(superpixels.shape) * size
    reach = float(np.prod(sides[-2:])) ** 0.5 / TEXTURE_SIDES
    near = np.exp(-cdist(centers, centers, "sqeuclidean") / (2 * reach**2)) * shares
    return np.asarray(near @ values / near.sum(axis=1, keepdims=True))


def _between_regions(
    tree: MergeTree,
    nodes: np.ndarray,
    weights: np.ndarray,
    distances: np.ndarray,
    meeting: np.ndarray,
) -> np.ndarray:
    """Distances of nodes: those of the tree within its regions, then those of the regions."""
    of_superpixels = tree.regions_of_superpixels(threshold=REGION_ALTITUDE)
    of_nodes = of_superpixels[np.unique(nodes, return_index=True)[1]]
    regions = np.unique(of_nodes, return_inverse=True)[1]
    shares = np.zeros((int(regions.max()) + 1, len(regions)))
    shares[regions, np.arange(len(regions))] = weights
    shares /= shares.sum(axis=1, keepdims=True)
    between = 1 + shares @ distances @ shares.T
    inside = meeting / (2 * REGION_ALTITUDE)  # below 1, so that regions form first
    is_inside = regions[:, None] == regions
    return np.where(is_inside, inside, between[np.ix_(regions, regions)])
