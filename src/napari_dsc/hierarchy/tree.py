"""A hierarchy of regions that is computed once and cut at any level."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from napari_dsc.errors import InvalidImageError, InvalidParameterError
from napari_dsc.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_dsc.hierarchy.agglomeration import Merges

FORMAT = 1
SUFFIX = ".tree.npz"
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)
_ARRAYS = ("superpixels", "parents", "altitudes")


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
        Parent of each node; the root is its own. Nodes ``0 .. M - 1`` are the superpixels,
        the others merges in their order.
    altitudes : (2 M - 1,) float array
        Level at which each node forms: 0 for superpixels, then never falling.
    record : dict
        What made the tree, ready for JSON; empty if nobody wrote it.

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
        """Number of superpixels ``M``, the most regions a cut can have."""
        return (len(self.parents) + 1) // 2

    def cut(
        self,
        *,
        n_regions: int | None = None,
        threshold: float | None = None,
        lasting: bool = False,
    ) -> np.ndarray:
        """Labels of the regions at one level; give exactly one of the two.

        Parameters
        ----------
        n_regions : int
            Number of regions, at least 1; a tree of fewer superpixels gives these.
        threshold : float
            Altitude up to which regions are merged; regions become fewer as it grows.
        lasting : bool
            Whether a region has the same label in every cut that has it, and the larger part
            of a divided one keeps it. Labels then have gaps, and reach to the number of
            superpixels.

        Returns
        -------
        labels : S uint8, uint16 or uint32 array
            Connected regions, from 1 in the order of their first pixel unless `lasting`.

        Raises
        ------
        InvalidParameterError
            If none or both are given, or the one given is out of range.
        """
        tops = self._tops(n_regions, threshold)
        _, first, inverse = np.unique(tops, return_index=True, return_inverse=True)
        numbers = self._main_leaf[tops] if lasting else np.argsort(np.argsort(first))[inverse]
        most = self.n_superpixels if lasting else len(first)
        labels: np.ndarray = (numbers + 1).astype(np.min_scalar_type(most))[self.superpixels]
        return labels

    @cached_property
    def _main_leaf(self) -> np.ndarray:
        """Superpixel that gives each node its lasting label, (2 M - 1,)."""
        n, sizes = self.n_superpixels, self.sizes()
        leaf = np.arange(2 * n - 1)
        for node, children in enumerate(self.children(), start=n):
            leaf[node] = leaf[children[sizes[children].argmax()]]
        return leaf

    def children(self) -> np.ndarray:
        """The two nodes that each merge joins.

        Returns
        -------
        children : (M - 1, 2) int64 array
            Row ``k`` holds the children of node ``M + k``, the lower number first.
        """
        by_parent = np.argsort(self.parents[:-1], kind="stable")
        return by_parent.reshape(-1, 2)

    def sizes(self) -> np.ndarray:
        """Pixels of each node.

        Returns
        -------
        sizes : (2 M - 1,) int64 array
            The last one is the number of pixels of the image.
        """
        n = self.n_superpixels
        sizes = np.zeros(len(self.parents), np.int64)
        sizes[:n] = np.bincount(self.superpixels.ravel(), minlength=n)
        for node, (first, second) in enumerate(self.children(), start=n):
            sizes[node] = sizes[first] + sizes[second]
        return sizes

    def save(self, path: str | Path) -> None:
        """Write the tree to a file.

        Parameters
        ----------
        path : str or Path
            Usually ``.tree.npz``; replaced if it exists, once the new file is complete.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        smallest = np.min_scalar_type(self.n_superpixels)
        about = {"format": FORMAT, "record": dict(self.record)}
        arrays = {
            "superpixels": self.superpixels.astype(smallest),
            "parents": self.parents,
            "altitudes": self.altitudes,
            "about": np.array(json.dumps(about, default=str)),
        }

        def write(file: BinaryIO) -> None:
            np.savez_compressed(file, allow_pickle=False, **arrays)

        write_atomically(Path(path), write)

    @classmethod
    def load(cls, path: str | Path) -> MergeTree:
        """Read a tree.

        Parameters
        ----------
        path : str or Path
            File of `save`.

        Returns
        -------
        tree : MergeTree
            As it was saved.

        Raises
        ------
        InvalidImageError
            If the file is missing, damaged, of a newer format or something else.
        """
        path = Path(path)
        try:
            # a file that numpy opens itself stays open when it is damaged
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
                if about["format"] != FORMAT:
                    raise InvalidImageError(
                        f"{path}: tree of format {about['format']}, expected {FORMAT}; "
                        "another version of napari-dsc wrote it"
                    )
                superpixels, parents, altitudes = (file[name] for name in _ARRAYS)
            return cls(superpixels.astype(np.int64), parents, altitudes, about["record"])
        except FileNotFoundError as error:
            raise InvalidImageError(f"{path}: no such file, expected a tree") from error
        except InvalidImageError:
            raise
        except UNREADABLE as error:
            raise InvalidImageError(f"{path}: no tree, expected a {SUFFIX} file") from error

    def _tops(self, n_regions: int | None, threshold: float | None) -> np.ndarray:
        """Highest node of each superpixel below the cut, (M,)."""
        n_nodes = self._n_nodes(n_regions, threshold)
        top = np.where(self.parents < n_nodes, self.parents, np.arange(len(self.parents)))
        while not np.array_equal(top[top], top):
            top = top[top]
        return top[: self.n_superpixels]

    def _n_nodes(self, n_regions: int | None, threshold: float | None) -> int:
        """Superpixels and the merges below the cut."""
        n = self.n_superpixels
        if (n_regions is None) == (threshold is None):
            raise InvalidParameterError(
                f"n_regions={n_regions}, threshold={threshold}: expected exactly one of the two"
            )
        if threshold is not None:
            if not isinstance(threshold, Real) or np.isnan(threshold):
                raise InvalidParameterError(f"threshold={threshold!r}: expected a number")
            return n + int(np.searchsorted(self.altitudes[n:], float(threshold), side="right"))
        if not isinstance(n_regions, Integral) or isinstance(n_regions, bool) or n_regions < 1:
            raise InvalidParameterError(
                f"n_regions={n_regions!r}: expected a whole number from 1"
            )
        return 2 * n - min(int(n_regions), n)


def tree_of_merges(superpixels: np.ndarray, merges: Merges) -> MergeTree:
    """Tree of the merges of one run.

    Parameters
    ----------
    superpixels : S int array
        Superpixels ``0 .. M - 1``, in the order of their first pixel.
    merges : Merges
        Of one run.

    Returns
    -------
    tree : MergeTree
        Without a record.
    """
    n = merges.kept.shape[1] + 1
    parents = np.arange(2 * n - 1)
    node = np.arange(n)
    for merge, ends in enumerate(zip(merges.kept[0], merges.absorbed[0], strict=True), start=n):
        parents[node[list(ends)]] = merge
        node[ends[0]] = merge
    return MergeTree(superpixels, parents, np.append(np.zeros(n), merges.altitudes[0]))


def _flaw(superpixels: np.ndarray, parents: np.ndarray, altitudes: np.ndarray) -> str:
    """Why the arrays do not make a tree; empty if they do."""
    kinds = superpixels.dtype.kind + parents.dtype.kind + altitudes.dtype.kind
    n, odd = divmod(len(parents) + 1, 2) if parents.ndim == 1 else (0, 0)
    if odd or n < 1 or set(kinds[:2]) - set("iu") or kinds[2] != "f":
        return "expected an odd number of nodes, whole numbers and altitudes"
    nodes = np.arange(2 * n - 1)
    if (parents < np.minimum(nodes + 1, 2 * n - 2)).any() or parents.max() > 2 * n - 2:
        return "expected parents that come after their children"
    if (np.bincount(parents[:-1], minlength=2 * n - 1) != 2 * (nodes >= n)).any():
        return "expected two children of each merge, and none of a superpixel"
    if altitudes.shape != parents.shape or not np.isfinite(altitudes).all():
        return "expected one finite altitude for each node"
    if altitudes[:n].any() or (np.diff(altitudes) < 0).any():
        return "expected altitudes of 0, then never falling"
    if superpixels.size == 0 or superpixels.min() < 0 or superpixels.max() != n - 1:
        return f"expected superpixels 0 to {n - 1}"
    if not np.bincount(superpixels.ravel()).all():
        return "expected a pixel of each superpixel"
    return ""
