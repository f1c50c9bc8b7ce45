"""The merge tree: regions of an image at every granularity, computed once, cut at any level."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Integral, Real
from pathlib import Path
from typing import Self

import numpy as np

from napari_dsc.errors import InvalidImageError, InvalidParameterError
from napari_dsc.files import open_npz, write_npz
from napari_dsc.hierarchy.agglomeration import Merges

FORMAT = 1
SUFFIX = ".tree.npz"


@dataclass(frozen=True, eq=False)
class MergeTree:
    """Regions of an image at every granularity: superpixels, and the order in which they merge.

    The cut into ``n`` regions undoes the last ``n - 1`` merges, so that finer cuts divide the
    regions of coarser ones.

    Parameters
    ----------
    superpixels : S int array
        Superpixels ``0 .. M - 1``, the leaves of the tree.
    parents : (2 M - 1,) int array
        Parent of each node; the root is its own parent. Nodes ``0 .. M - 1`` are the
        superpixels, the other nodes are the merges in their order.
    altitudes : (2 M - 1,) float array
        Altitude at which each node forms: 0 for superpixels, then never falling.
    record : dict
        How the tree was made, ready for JSON; may be empty.

    Raises
    ------
    InvalidParameterError
        If the arrays do not make a tree.

    Examples
    --------
    >>> tree = MergeTree(np.array([[0, 0, 1, 2, 2]]), np.array([4, 3, 3, 4, 4]),
    ...                  np.array([0, 0, 0, 0.2, 0.9]))
    >>> tree.cut(n_regions=2)
    array([[1, 1, 2, 2, 2]], dtype=uint8)
    >>> tree.cut(threshold=0.1)
    array([[1, 1, 2, 3, 3]], dtype=uint8)
    >>> tree.cut(threshold=0.1, lasting=True)
    array([[1, 1, 2, 3, 3]], dtype=uint8)
    >>> tree.cut(n_regions=2, lasting=True)
    array([[1, 1, 3, 3, 3]], dtype=uint8)
    """

    superpixels: np.ndarray = field(repr=False)
    parents: np.ndarray = field(repr=False)
    altitudes: np.ndarray = field(repr=False)
    record: Mapping[str, object] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        reason = _flaw(self.superpixels, self.parents, self.altitudes)
        if reason:
            raise InvalidParameterError(f"tree: {reason}")

    @property
    def n_superpixels(self) -> int:
        """Number of superpixels ``M``, the largest number of regions of a cut."""
        return (len(self.parents) + 1) // 2

    def cut(
        self,
        *,
        n_regions: int | None = None,
        threshold: float | None = None,
        lasting: bool = False,
    ) -> np.ndarray:
        """Labels of the regions at one level, chosen by `n_regions` or by `threshold`.

        Parameters
        ----------
        n_regions : int
            Number of regions, at least 1; a tree of fewer superpixels gives its superpixels.
        threshold : float
            Altitude up to which regions are merged; a higher one gives fewer regions.
        lasting : bool
            Whether a region has the same label in every cut that contains it. If a region is
            divided, its larger part keeps the label. Such labels have gaps; they are at most
            the number of superpixels.

        Returns
        -------
        labels : S uint8, uint16 or uint32 array
            Connected regions, numbered from 1 in the order of their first pixel, unless
            `lasting`.

        Raises
        ------
        InvalidParameterError
            If neither or both of `n_regions` and `threshold` are given, or the given one is
            out of range.
        """
        tops = self._tops(n_regions, threshold)
        _, first, inverse = np.unique(tops, return_index=True, return_inverse=True)
        numbers = self._main_leaf[tops] if lasting else np.argsort(np.argsort(first))[inverse]
        most = self.n_superpixels if lasting else len(first)
        return np.asarray((numbers + 1).astype(np.min_scalar_type(most))[self.superpixels])

    @cached_property
    def _main_leaf(self) -> np.ndarray:
        """Superpixel whose number is the lasting label of each node, (2 M - 1,).

        A merge takes it from the larger of its two children.
        """
        n, sizes = self.n_superpixels, self.sizes()
        leaf = np.arange(2 * n - 1)
        for node, children in enumerate(self.children(), start=n):
            leaf[node] = leaf[children[sizes[children].argmax()]]
        return leaf

    def children(self) -> np.ndarray:
        """The two children of each merge.

        Returns
        -------
        children : (M - 1, 2) int64 array
            Row ``k`` holds the children of node ``M + k``, the lower number first.
        """
        by_parent = np.argsort(self.parents[:-1], kind="stable")
        return by_parent.reshape(-1, 2)

    def sizes(self) -> np.ndarray:
        """Number of pixels of each node.

        Returns
        -------
        sizes : (2 M - 1,) int64 array
            The last is the number of pixels of the image.
        """
        n = self.n_superpixels
        sizes = np.zeros(len(self.parents), np.int64)
        sizes[:n] = np.bincount(self.superpixels.ravel(), minlength=n)
        for node, (first, second) in enumerate(self.children(), start=n):
            sizes[node] = sizes[first] + sizes[second]
        return sizes

    def regions_of_superpixels(
        self, *, n_regions: int | None = None, threshold: float | None = None
    ) -> np.ndarray:
        """Region of each superpixel at one level, from 0 and without gaps.

        Parameters
        ----------
        n_regions, threshold : int, float
            The level, as for `cut`.

        Returns
        -------
        regions : (M,) int64 array
            In no particular order.
        """
        return np.unique(self._tops(n_regions, threshold), return_inverse=True)[1]

    def save(self, path: str | Path) -> None:
        """Write the tree to a file.

        Parameters
        ----------
        path : str or Path
            Name of the file, by convention ending in ``.tree.npz``. An existing file is
            replaced once the new one is complete.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        smallest = np.min_scalar_type(self.n_superpixels)
        write_npz(
            Path(path),
            {"format": FORMAT, "record": dict(self.record)},
            superpixels=self.superpixels.astype(smallest),
            parents=self.parents,
            altitudes=self.altitudes,
        )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a tree.

        Parameters
        ----------
        path : str or Path
            File written by `save`.

        Returns
        -------
        tree : MergeTree
            The saved tree.

        Raises
        ------
        InvalidImageError
            If the file is missing, damaged, not a tree, or a tree of a newer format.
        """
        with open_npz(Path(path), "a merge tree", SUFFIX) as (arrays, about):
            if about["format"] != FORMAT:
                raise InvalidImageError(
                    f"{path}: a tree of format {about['format']}, written by another "
                    f"version of napari-dsc; this version reads format {FORMAT}"
                )
            superpixels = arrays["superpixels"].astype(np.int64)
            return cls(superpixels, arrays["parents"], arrays["altitudes"], about["record"])

    def _tops(self, n_regions: int | None, threshold: float | None) -> np.ndarray:
        """Highest node below the cut above each superpixel, (M,)."""
        n_nodes = self._n_nodes(n_regions, threshold)
        # pointer doubling: each node starts at its parent, if that is below the cut; each round
        # then doubles the distance, so that a path of n nodes takes log2(n) rounds
        top = np.where(self.parents < n_nodes, self.parents, np.arange(len(self.parents)))
        while not np.array_equal(top[top], top):
            top = top[top]
        return top[: self.n_superpixels]

    def _n_nodes(self, n_regions: int | None, threshold: float | None) -> int:
        """Number of nodes below the cut: all superpixels, and the first merges."""
        n = self.n_superpixels
        if (n_regions is None) == (threshold is None):
            raise InvalidParameterError(
                f"n_regions={n_regions}, threshold={threshold}: give exactly one of the two"
            )
        if threshold is not None:
            if not isinstance(threshold, Real) or np.isnan(threshold):
                raise InvalidParameterError(f"threshold={threshold!r}: expected a number")
            return n + int(np.searchsorted(self.altitudes[n:], float(threshold), side="right"))
        if isinstance(n_regions, Integral) and n_regions is not True and n_regions >= 1:
            return 2 * n - min(int(n_regions), n)
        raise InvalidParameterError(f"n_regions={n_regions!r}: expected a whole number from 1")


def tree_of_merges(superpixels: np.ndarray, merges: Merges) -> MergeTree:
    """Merge tree from the merges of one run.

    Parameters
    ----------
    superpixels : S int array
        Superpixels ``0 .. M - 1``, in the order of their first pixel.
    merges : Merges
        The merges of one run.

    Returns
    -------
    tree : MergeTree
        Tree without a record.
    """
    n = merges.kept.shape[1] + 1
    parents = np.arange(2 * n - 1)
    node = np.arange(n)  # current node of each region, by the identifier that it keeps
    for merge, ends in enumerate(zip(merges.kept[0], merges.absorbed[0], strict=True), start=n):
        parents[node[list(ends)]] = merge
        node[ends[0]] = merge
    return MergeTree(superpixels, parents, np.append(np.zeros(n), merges.altitudes[0]))


def _flaw(superpixels: np.ndarray, parents: np.ndarray, altitudes: np.ndarray) -> str:
    """Reason why the arrays are not a tree; empty if they are one."""
    kinds = superpixels.dtype.kind + parents.dtype.kind + altitudes.dtype.kind
    n, odd = divmod(len(parents) + 1, 2) if parents.ndim == 1 else (0, 0)
    if odd or n < 1 or set(kinds[:2]) - set("iu") or kinds[2] != "f":
        return (
            "expected integer superpixels and parents, float altitudes, an odd number of nodes"
        )
    nodes = np.arange(2 * n - 1)
    if (parents < np.minimum(nodes + 1, 2 * n - 2)).any() or parents.max() > 2 * n - 2:
        return "expected parents with higher numbers than their children"
    if (np.bincount(parents[:-1], minlength=2 * n - 1) != 2 * (nodes >= n)).any():
        return "expected two children for each merge, and none for a superpixel"
    if altitudes.shape != parents.shape or not np.isfinite(altitudes).all():
        return "expected one finite altitude for each node"
    if altitudes[:n].any() or (np.diff(altitudes) < 0).any():
        return "expected altitudes of 0 for superpixels, then never falling"
    if superpixels.size == 0 or superpixels.min() < 0 or superpixels.max() != n - 1:
        return f"expected superpixels numbered 0 to {n - 1}"
    if not np.bincount(superpixels.ravel()).all():
        return "expected at least one pixel of each superpixel"
    return ""
