"""The class tree: classes of an image at every number, each level dividing the one before."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Integral

import numpy as np

from napari_dsc.errors import InvalidParameterError


@dataclass(frozen=True, eq=False)
class ClassTree:
    """Classes of superpixels at every number.

    The level of ``n`` classes undoes the last ``n - 1`` merges. The larger part of a divided
    class keeps its number, the other part gets the next free one: a class has the same number
    at all levels at which it stays, and the numbers of a level have no gaps.

    Parameters
    ----------
    nodes : (M,) int64 array
        Node ``0 .. N - 1`` of each superpixel; each node has one, unless images share the
        classes.
    sizes : (M,) float64 array
        Number of pixels of each superpixel.
    parents : (2 N - 1,) int64 array
        Parent of each node; nodes from N are merges in their order, the last is the root.
    heights : (N - 1,) float64 array
        Distance at which the nodes of each merge come together, never falling.
    branches : (M, D) float32 array
        Probability of each superpixel for the lower one of the two nodes of a merge, for the
        last D merges, the last one first.
    n_outstanding : int
        Number of classes that stand out; 1 if none does.
    n_default : int
        Number of classes that is shown unless asked otherwise.
    fixed : tuple of (int, int)
        Nodes, and the number that the class of each has, as scribbles ask for.
    areas : (N,) float array, optional
        Area of each node in all images that share the classes; default: that in this one. It
        decides which part of a class is the larger.

    Examples
    --------
    >>> tree = ClassTree(np.array([0, 1, 2, 1]), np.array([5.0, 2.0, 1.0, 1.0]),
    ...                  np.array([4, 3, 3, 4, 4]), np.array([0.1, 0.9]),
    ...                  np.zeros((4, 0), np.float32), 2, 2)
    >>> tree.classes(2)
    array([0, 1, 1, 1])
    >>> tree.classes(3)
    array([0, 1, 2, 1])
    """

    nodes: np.ndarray = field(repr=False)
    sizes: np.ndarray = field(repr=False)
    parents: np.ndarray = field(repr=False)
    heights: np.ndarray = field(repr=False)
    branches: np.ndarray = field(repr=False)
    n_outstanding: int
    n_default: int
    fixed: tuple[tuple[int, int], ...] = ()
    areas: np.ndarray | None = field(default=None, repr=False)

    @property
    def least(self) -> int:
        """Least number of classes, in which all that scribbles ask for have a number."""
        return 1 + max((number for _, number in self.fixed), default=0)

    @property
    def most(self) -> int:
        """Largest number of classes, ``N``."""
        return len(self.heights) + 1

    def classes(self, n_classes: int) -> np.ndarray:
        """Class of each superpixel at one level.

        Parameters
        ----------
        n_classes : int
            Number of classes, from `least` to `most`.

        Returns
        -------
        classes : (M,) int64 array
            From 0.

        Raises
        ------
        InvalidParameterError
            If there is no such level.
        """
        numbers = self._numbers[self._tops(n_classes)]
        return np.asarray(self._places(numbers, n_classes)[numbers[self.nodes]])

    def probabilities(self, n_classes: int) -> np.ndarray:
        """Probability of each superpixel for each class at one level.

        Parameters
        ----------
        n_classes : int
            Number of classes, from `least` to `most`.

        Returns
        -------
        probabilities : (M, K) float32 array
            Rows sum to 1. A class is chosen division by division, so that now and then it is
            not the one of the largest probability.

        Raises
        ------
        InvalidParameterError
            If there is no such level.
        """
        places = self._places(self._numbers[self._tops(n_classes)], n_classes)
        found = np.zeros((n_classes, len(self.nodes)), np.float32)
        found[0] = 1
        starts, stops = self._spans
        here = starts[self.nodes]
        for place, pair in enumerate(self.children[::-1][: n_classes - 1]):
            kept, new = self._numbers[pair]
            whole = found[min(kept, new)].copy()
            if place < self.branches.shape[1]:
                share = self.branches[:, place]
            else:
                inside = (here >= starts[pair[0]]) & (here < stops[pair[0]])
                share = inside.astype(np.float32)
            found[kept], found[new] = whole * share, whole * (1 - share)
        return np.ascontiguousarray(found[np.argsort(places)].T)

    def _places(self, numbers: np.ndarray, n_classes: int) -> np.ndarray:
        """Number of each class after those that scribbles ask for have changed places."""
        places = np.arange(n_classes)
        for node, number in self.fixed:
            mine, other = numbers[node], int(np.flatnonzero(places == number)[0])
            places[[mine, other]] = places[[other, mine]]
        return places

    @cached_property
    def children(self) -> np.ndarray:
        """Both nodes of each merge, the lower one first, (N - 1, 2) int64."""
        return np.argsort(self.parents[:-1], kind="stable").reshape(-1, 2)

    @cached_property
    def _numbers(self) -> np.ndarray:
        """Number of the class that each node is, (2 N - 1,)."""
        n = self.most
        areas = np.zeros(2 * n - 1)
        here = np.bincount(self.nodes, self.sizes, n)
        areas[:n] = here if self.areas is None else self.areas
        for node, pair in enumerate(self.children, start=n):
            areas[node] = areas[pair].sum()
        numbers = np.zeros(2 * n - 1, np.int64)
        for place, pair in enumerate(self.children[::-1], start=1):
            larger = int(areas[pair].argmax())
            numbers[pair[larger]] = numbers[2 * n - 1 - place]
            numbers[pair[1 - larger]] = place
        return numbers

    def _tops(self, n_classes: int) -> np.ndarray:
        """Node whose class each of the nodes ``0 .. N - 1`` has at a level."""
        self._check(n_classes)
        n = self.most
        top = np.arange(2 * n - 1)
        for node in range(2 * n - 2, -1, -1):  # parents come before their children
            if self.parents[node] < 2 * n - n_classes:
                top[node] = top[self.parents[node]]
        return top[:n]

    @cached_property
    def _spans(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the nodes below each node begin and end, in an order of all nodes from 0."""
        n = self.most
        counts, starts = np.ones(2 * n - 1, np.int64), np.zeros(2 * n - 1, np.int64)
        for node, pair in enumerate(self.children, start=n):
            counts[node] = counts[pair].sum()
        for node in range(2 * n - 2, n - 1, -1):
            first, second = self.children[node - n]
            starts[first], starts[second] = starts[node], starts[node] + counts[first]
        return starts, starts + counts

    def _check(self, n_classes: int) -> None:
        if isinstance(n_classes, Integral) and self.least <= n_classes <= self.most:
            return
        raise InvalidParameterError(
            f"n_classes={n_classes!r}: expected a whole number from {self.least} (1, or the "
            f"largest label of the scribbles) to {self.most}, the number of nodes of the tree"
        )


def without_empty_nodes(tree: ClassTree) -> ClassTree:
    """Leave out nodes that no superpixel has, and merges that join nothing.

    Parameters
    ----------
    tree : ClassTree
        Classes of superpixels.

    Returns
    -------
    tree : ClassTree
        Each level has a superpixel of each class.
    """
    n, counts = tree.most, np.bincount(tree.nodes, minlength=tree.most)
    n_left = int((counts > 0).sum())
    kept = np.where(counts > 0, np.cumsum(counts > 0) - 1, -1)
    now = np.append(kept, np.full(n - 1, -1))
    parents = np.arange(2 * n_left - 1)
    heights, used = list[float](), np.zeros(n - 1, bool)
    for place, pair in enumerate(tree.children):
        ends = now[pair]
        if (ends < 0).any():
            now[n + place] = ends.max()
            continue
        now[n + place] = n_left + len(heights)
        parents[ends] = now[n + place]
        heights.append(tree.heights[place])
        used[place] = True
    first = used[::-1][: tree.branches.shape[1]]
    branches = tree.branches[:, first]
    # where the lower number of both nodes is now the other one, so is the probability
    for column, place in enumerate(np.flatnonzero(used[::-1])[: branches.shape[1]]):
        ends = now[tree.children[n - 2 - place]]
        if ends[0] > ends[1]:
            branches[:, column] = 1 - branches[:, column]
    return replace(
        tree,
        nodes=kept[tree.nodes],
        parents=parents,
        heights=np.array(heights),
        branches=branches,
        n_outstanding=min(tree.n_outstanding, n_left),
        n_default=min(tree.n_default, n_left),
        fixed=tuple((int(kept[node]), number) for node, number in tree.fixed),
        areas=None if tree.areas is None else tree.areas[counts > 0],
    )
