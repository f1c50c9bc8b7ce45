"""Greedy agglomeration of adjacent regions by a merge cost, in several runs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from napari_dsc.hierarchy.descriptors import Descriptors

TINY = 1e-9  # avoids 0 / 0 in histogram bins that are empty in both regions
_COMPACT_EVERY = 32  # merges between two removals of deleted edges from the arrays


class Variants(NamedTuple):
    """Weights and size factors of the R runs of an ensemble.

    Attributes
    ----------
    weights : (R, B + 4) float array
        Weights of the B boundary maps, of the histograms of color and texture, and of mean
        and standard deviation of color.
    exponents, offsets : (R,) float array
        Parameters of the size factor ``(q / (q + offset)) ** exponent`` of the cost, where
        the smaller region is the share ``q`` of the image.
    """

    weights: np.ndarray
    exponents: np.ndarray
    offsets: np.ndarray


class Merges(NamedTuple):
    """The merges of R runs over M superpixels, each run in its order.

    Attributes
    ----------
    kept, absorbed : (R, M - 1) int64 array
        The two regions of each merge. A region is identified by one of its superpixels; the
        merged region keeps the identifier of `kept`, that of `absorbed` is not used again.
    altitudes : (R, M - 1) float64 array
        Largest cost of a merge up to this one, so that altitudes never fall.
    """

    kept: np.ndarray
    absorbed: np.ndarray
    altitudes: np.ndarray


def agglomerate(descriptors: Descriptors, variants: Variants) -> Merges:
    """Merge the cheapest pair of adjacent regions until one region is left, in several runs.

    Parameters
    ----------
    descriptors : Descriptors
        Statistics of M superpixels; the graph of their pairs is connected.
    variants : Variants
        Weights and size factors of each of the R runs.

    Returns
    -------
    merges : Merges
        All merges of all runs.

    Notes
    -----
    The cost is a weighted sum of the mean of each map along the common boundary, of the
    chi-squared distances of the histograms, and of the distances of mean and standard
    deviation of color; times the saturating size factor, which merges specks first. Statistics
    of merged regions are exact: means are weighted by area, boundaries by length. All runs
    take each step together, because M - 1 NumPy steps on R rows are faster than R times
    M - 1 steps on one row.

    References
    ----------
    .. [1] P. Arbelaez, M. Maire, C. Fowlkes and J. Malik, "Contour detection and hierarchical
       image segmentation", IEEE Transactions on Pattern Analysis and Machine Intelligence
       33(5), 2011: greedy merging, and the chi-squared distance of histograms.
    """
    n_runs, n_merges = len(variants.weights), len(descriptors.sizes) - 1
    numbers = np.empty((2, n_runs, n_merges), np.int64)
    costs = np.empty((n_runs, n_merges))
    runs = _Runs(descriptors, variants)
    for step in range(n_merges):
        if step % _COMPACT_EVERY == 0:
            runs.drop_deleted_edges()
        numbers[0, :, step], numbers[1, :, step], costs[:, step] = runs.merge()
    return Merges(numbers[0], numbers[1], np.maximum.accumulate(costs, axis=1))


class _Runs:
    """Regions and edges of all runs.

    Region ``j`` of run ``r`` is row ``r * M + j`` of `sizes`, `moments`, `colors` and
    `histograms`. Edges are (R, E) arrays; `first` and `second` hold the rows of their two
    regions, or -1 for a deleted edge, whose cost is infinite.
    """

    def __init__(self, descriptors: Descriptors, variants: Variants) -> None:
        n_runs, n = len(variants.weights), len(descriptors.sizes)
        n_edges = len(descriptors.lengths)
        self.variants, self.n_regions = variants, n
        self.n_pixels = descriptors.sizes.sum()
        self.sizes = np.tile(descriptors.sizes, n_runs)
        self.moments = np.tile(descriptors.moments, (n_runs, 1, 1))  # mean and mean square
        self.colors = _mean_and_spread(self.moments)
        self.histograms = np.tile(descriptors.histograms, (n_runs, 1, 1))
        self.runs = np.arange(n_runs)
        self.first, self.second = (ends + n * self.runs[:, None] for ends in descriptors.pairs)
        contacts = np.column_stack(
            [descriptors.lengths, descriptors.boundaries * descriptors.lengths[:, None]]
        )  # of each edge the length, then the sum of each map along it: both add up in a merge
        self.contacts = np.tile(contacts, (n_runs, 1, 1))
        self.costs = np.empty((n_runs, n_edges))
        for run in range(n_runs):  # one by one: the histograms of all edges need much memory
            self.costs[run] = self._cost(self.first[run], self.second[run], self.contacts[run])

    def merge(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Merge the cheapest pair of each run.

        Returns
        -------
        kept, absorbed : (R,) int64 array
            The two regions of each run, as superpixels ``0 .. M - 1``.
        cost : (R,) float64 array
            Cost of each merge.
        """
        cheapest = self.costs.argmin(axis=1) + self.costs.shape[1] * self.runs
        kept, absorbed = self.first.take(cheapest), self.second.take(cheapest)
        cost = self.costs.take(cheapest)
        self._pool(kept, absorbed)
        for ends in (self.first, self.second):
            np.copyto(ends, kept[:, None], where=ends == absorbed[:, None])
        self._renew_edges(kept)
        return kept % self.n_regions, absorbed % self.n_regions, cost

    def drop_deleted_edges(self) -> None:
        """Remove deleted edges from the arrays; the run with most edges sets their length."""
        deleted = self.first < 0
        most = int((~deleted).sum(axis=1).max())
        order = np.argsort(deleted, axis=1, kind="stable")[:, :most]
        left = order + deleted.shape[1] * self.runs[:, None]
        self.first, self.second = self.first.take(left), self.second.take(left)
        self.costs = self.costs.take(left)
        self.contacts = self.contacts.reshape(-1, self.contacts.shape[-1]).take(left, 0)

    def _pool(self, kept: np.ndarray, absorbed: np.ndarray) -> None:
        """Pool the statistics of two regions of each run into the one that is kept."""
        gained = self.sizes.take(absorbed)
        whole = self.sizes.take(kept) + gained
        self.sizes[kept] = whole
        share = (gained / whole)[:, None, None]
        for values in (self.moments, self.histograms):
            mine = values.take(kept, 0)
            change = values.take(absorbed, 0)
            change -= mine
            change *= share.astype(values.dtype)
            change += mine
            values[kept] = change
        self.colors[kept] = _mean_and_spread(self.moments.take(kept, 0))

    def _renew_edges(self, merged: np.ndarray) -> None:
        """Update the edges of the merged regions: join parallel ones, delete loops."""
        column = merged[:, None]
        touched = np.flatnonzero((self.first == column) | (self.second == column))
        here = merged.take(touched // self.first.shape[1])
        # edges are renewed in place, by their index in the flat arrays
        first, second, costs = (
            one.reshape(-1) for one in (self.first, self.second, self.costs)
        )
        contacts = self.contacts.reshape(-1, self.contacts.shape[-1])
        there = first.take(touched) + second.take(touched) - here  # the other end
        # parallel edges of one run have the same other end, and rows differ between runs
        order = there.argsort(kind="stable")
        ranked = there.take(order)
        is_start = np.ones(len(ranked), bool)
        np.not_equal(ranked[1:], ranked[:-1], out=is_start[1:])
        starts = np.flatnonzero(is_start)
        sums = np.add.reduceat(contacts.take(touched.take(order), 0), starts)
        # delete all of them, then put back the first of each group, with the sums of the group
        first[touched] = second[touched] = -1
        costs[touched] = np.inf
        one = order.take(starts)
        stays = here.take(one) != there.take(one)  # a loop joins the merged region to itself
        one, sums = one[stays], sums[stays]
        edges, here, there = touched.take(one), here.take(one), there.take(one)
        first[edges], second[edges] = here, there
        contacts[edges] = sums
        costs[edges] = self._cost(here, there, sums)

    def _cost(self, first: np.ndarray, second: np.ndarray, contacts: np.ndarray) -> np.ndarray:
        """Cost of merging pairs of regions, (n,), see Notes of `agglomerate`."""
        run = first // self.n_regions
        boundary = contacts[:, 1:] / contacts[:, :1]
        chi = _chi(self.histograms.take(first, 0), self.histograms.take(second, 0))
        gap = self.colors.take(first, 0) - self.colors.take(second, 0)
        terms = np.concatenate([boundary, chi, np.sqrt((gap * gap).sum(axis=-1))], axis=1)
        variants = self.variants
        share = np.minimum(self.sizes[first], self.sizes[second]) / self.n_pixels
        factor = (share / (share + variants.offsets[run])) ** variants.exponents[run]
        return np.asarray((terms * variants.weights.take(run, 0)).sum(axis=1) * factor)


def _chi(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Root of the chi-squared distance of histograms along the last axis.

    It is ``sqrt(1/2 sum((a - b)^2 / (a + b)))``; both arguments are overwritten.
    """
    gap = one - other
    gap *= gap
    one += other
    one += np.float32(TINY)
    gap /= one
    return np.asarray(np.sqrt(0.5 * gap.sum(axis=-1)))


def _mean_and_spread(moments: np.ndarray) -> np.ndarray:
    """Mean and standard deviation, (n, 2, C), from mean and mean square, (n, 2, C)."""
    mean, square = moments[:, 0], moments[:, 1]
    # rounding may make the variance of a constant region negative
    return np.stack([mean, np.sqrt(np.maximum(square - mean * mean, 0))], axis=1)
