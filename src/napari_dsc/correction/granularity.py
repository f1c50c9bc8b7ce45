"""More or fewer segments after a run: a tree of superpixels with the run's segments in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import higra as hg
import numpy as np
from scipy.sparse import coo_array

from napari_dsc.labels.regions import components
from napari_dsc.machine.side_process import run_in_side_process

if TYPE_CHECKING:
    from napari_dsc.correction.parts import Parts


@dataclass(frozen=True, eq=False)
class Granularity:
    """Binary tree of superpixels, in which each segment of a run is a node.

    Parameters
    ----------
    labels : (M,) int64 array
        Label of each superpixel at the time when the tree was made.
    members : (L,) int array
        Superpixels that belong to a segment: the leaves of the tree.
    parents : (2 L - 1,) int array
        Parent of each node; the root is its own parent. Merges are numbered in their order.
    sizes : (L,) int array
        Number of pixels of each leaf.
    """

    labels: np.ndarray
    members: np.ndarray
    parents: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, parts: Parts) -> Granularity:
        """Tree of superpixels that merges within segments first, then between them.

        Parameters
        ----------
        labels : (M,) int array
            Label of each superpixel; superpixels of label 0 are left out.
        parts : Parts
            The superpixels, for their neighbors, colors and probabilities.

        Returns
        -------
        granularity : Granularity
            Tree by average linkage of the differences of neighbors: in color within a
            segment, in color and class probabilities between segments.
        """
        members = np.flatnonzero(labels > 0)
        rank = np.full(len(labels), -1)
        rank[members] = np.arange(len(members))
        pairs = rank[parts.pairs]
        pairs = _connected(pairs[:, (pairs >= 0).all(0)], labels[members])
        if len(members) < 2:
            return cls(labels, members, np.arange(len(members)), parts.sizes[members])
        weights = _differences(members[pairs], labels, parts)
        parents = run_in_side_process(_average_linkage, pairs, weights)
        return cls(labels, members, parents, parts.sizes[members])

    @property
    def n_segments(self) -> int:
        """Number of segments at the time when the tree was made."""
        return len(np.unique(self.labels[self.members]))

    def cut(self, n_segments: int) -> np.ndarray:
        """Labels for a given number of segments.

        Parameters
        ----------
        n_segments : int
            Number of segments, clipped to 1 and to the number of leaves.

        Returns
        -------
        labels : (M,) int64 array
            An undivided segment keeps its label. The largest piece of a divided segment keeps
            its label, and each other piece has a new label, the same in every cut that
            contains this piece.
        """
        n_leaves = len(self.members)
        if not n_leaves:
            return self.labels.copy()
        n_nodes = 2 * n_leaves - min(max(n_segments, 1), n_leaves)  # below the cut
        top = np.where(self.parents < n_nodes, self.parents, np.arange(len(self.parents)))
        while not np.array_equal(top[top], top):
            top = top[top]
        _, pieces = np.unique(top[:n_leaves], return_inverse=True)
        labels = self.labels.copy()
        labels[self.members] = self._numbers(pieces)[pieces]
        return labels

    def _numbers(self, pieces: np.ndarray) -> np.ndarray:
        """Label of each piece.

        The largest piece from each segment takes its label. A new label is the highest label
        plus one plus the first superpixel of the piece, which no other piece shares.
        """
        known, origin = np.unique(self.labels[self.members], return_inverse=True)
        n_pieces = int(pieces.max()) + 1
        shape = (n_pieces, len(known))
        areas = coo_array((self.sizes, (pieces, origin)), shape=shape).tocsr()
        main = np.asarray(areas.argmax(axis=1)).ravel()  # where most of a piece comes from
        first = np.full(n_pieces, len(self.labels))
        np.minimum.at(first, pieces, self.members)
        numbers = int(self.labels.max()) + 1 + first
        by_area = np.argsort(-areas.max(axis=1).toarray().ravel(), kind="stable")
        _, largest = np.unique(main[by_area], return_index=True)
        keeps = by_area[largest]
        numbers[keeps] = known[main[keeps]]
        return numbers


def _average_linkage(pairs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Parents of a tree that joins the leaves of connected pairs."""
    graph = hg.UndirectedGraph(int(pairs.max()) + 1)
    graph.add_edges(*pairs)
    tree, _ = hg.binary_partition_tree_average_linkage(graph, weights)
    return np.asarray(tree.parents())


def _connected(pairs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Pairs of leaves, with links added so that each segment and the whole are connected."""
    inside = pairs[:, labels[pairs[0]] == labels[pairs[1]]]
    pairs = np.concatenate([pairs, _links(inside, labels)], axis=1)
    return np.concatenate([pairs, _links(pairs, np.zeros(len(labels), int))], axis=1)


def _links(pairs: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Pairs that chain the unconnected pieces of each group, by the first leaf of each."""
    first = np.unique(components(pairs, len(groups)), return_index=True)[1]
    first = first[np.argsort(groups[first], kind="stable")]
    follows = groups[first[1:]] == groups[first[:-1]]
    return np.stack([first[:-1][follows], first[1:][follows]])


def _differences(pairs: np.ndarray, labels: np.ndarray, parts: Parts) -> np.ndarray:
    """Difference of neighbors: below 1 within a segment, 1 or more between segments.

    Colors and probabilities are divided by their largest distance. So all merges within
    segments come before those between segments.
    """
    first, second = pairs
    n_channels, n_classes = parts.colors.shape[1], parts.probabilities.shape[1]
    color = np.linalg.norm(parts.colors[first] - parts.colors[second], axis=1)
    color = color / np.sqrt(max(n_channels, 1)) * 0.99
    classes = np.zeros(len(color))
    if n_classes:
        gap = parts.probabilities[first] - parts.probabilities[second]
        classes = np.linalg.norm(gap, axis=1) / np.sqrt(2)
    inside = labels[first] == labels[second]
    return np.asarray(np.where(inside, color, 1 + color + classes))
