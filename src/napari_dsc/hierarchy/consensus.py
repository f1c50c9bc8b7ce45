"""Many agglomerations made one: where they agree on average, by average linkage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.hierarchy.agglomeration import Merges, Variants, agglomerate

if TYPE_CHECKING:
    from napari_dsc.hierarchy.descriptors import Descriptors

ALTITUDE_WEIGHT = 0.65
COUNT_WEIGHT = 0.35 * 0.15  # of the logarithm of superpixels a region

# what a term weighs, over its mean between adjacent superpixels of BSDS500 images
BOUNDARY_WEIGHTS = (0.5 / 0.995, 0.5 / 2.66)
HISTOGRAM_WEIGHTS = (0.5 / 0.716, 0.5 / 0.607)
MOMENT_WEIGHTS = (0.1 / 2.19, 0.15 / 0.441)
SIZE_FACTORS = ((0.3, 0.003), (0.5, 0.003), (0.3, 0.01), (0.5, 0.01), (0.3, 0.03))
SPREAD = 0.25  # of the logarithms of weights, from run to run


def draw_variants(n_runs: int, seed: int) -> Variants:
    """What the runs of a bag differ in.

    Parameters
    ----------
    n_runs : int
        Number of runs ``R``.
    seed : int
        Seed of what is drawn.

    Returns
    -------
    variants : Variants
        Weights around their means, and factors of size at random. The first run has the mean
        weights, the exponent 0.5 and the offset 0.003.
    """
    rng = np.random.default_rng(seed)
    means = np.array([*BOUNDARY_WEIGHTS, *HISTOGRAM_WEIGHTS, *MOMENT_WEIGHTS])
    changes = np.exp(rng.normal(0, SPREAD, (n_runs, len(means))))
    sizes = rng.integers(len(SIZE_FACTORS), size=n_runs)
    changes[0], sizes[0] = 1, 1
    exponents, offsets = np.array(SIZE_FACTORS)[sizes].T
    return Variants(means * changes, exponents, offsets)


def merge_by_consensus(descriptors: Descriptors, n_runs: int, seed: int) -> Merges:
    """Merge superpixels in the order in which a bag of runs agrees on average.

    Parameters
    ----------
    descriptors : Descriptors
        Statistics of the superpixels.
    n_runs : int
        Number of runs.
    seed : int
        Seed of what they differ in.

    Returns
    -------
    merges : Merges
        Of one run.
    """
    merges = agglomerate(descriptors, draw_variants(n_runs, seed))
    return average_linkage(mean_altitudes(merges), descriptors.pairs, descriptors.sizes)


def mean_altitudes(merges: Merges) -> np.ndarray:
    """Level at which two superpixels come together, averaged over runs.

    Parameters
    ----------
    merges : Merges
        R runs over M superpixels.

    Returns
    -------
    levels : (M, M) float64 array
        Symmetric, 0 on the diagonal: of the merge that first has both superpixels in one
        region, 0.65 times the altitude and 0.0525 times ``log(M / n)``, where ``n`` regions
        were left before it.
    """
    n_runs, n_merges = merges.altitudes.shape
    n = n_merges + 1
    counts = np.log(n / np.arange(n, 1, -1))
    levels = ALTITUDE_WEIGHT * merges.altitudes + COUNT_WEIGHT * counts
    order, gaps = _leaf_order(merges, levels)
    total = np.zeros((n, n))
    for run in range(n_runs):
        # in the order of leaves, the level of a pair is the highest gap between the two
        between = np.triu(np.broadcast_to(gaps[run], (n, n)), 1)
        np.maximum.accumulate(between, axis=1, out=between)
        place = np.argsort(order[run])
        total += between[place][:, place]
    mean: np.ndarray = (total + total.T) / n_runs
    return mean


def average_linkage(levels: np.ndarray, pairs: np.ndarray, sizes: np.ndarray) -> Merges:
    """Merge the adjacent regions whose superpixels are nearest on average.

    Parameters
    ----------
    levels : (M, M) float array
        Distance of each two superpixels.
    pairs : (2, E) int array
        Adjacent superpixels; they connect all.
    sizes : (M,) float array
        Pixels of each superpixel.

    Returns
    -------
    merges : Merges
        Of one run. The distance of two regions is the mean over all pairs of a pixel of one
        and a pixel of the other, adjacent or not.
    """
    levels, sizes = levels.copy(), sizes.astype(np.float64)
    first, second = pairs.copy()
    costs = levels[first, second]
    numbers = np.empty((2, 1, len(sizes) - 1), np.int64)
    altitudes = np.empty((1, len(sizes) - 1))
    for step in range(len(sizes) - 1):
        cheapest = costs.argmin()
        kept, absorbed = first[cheapest], second[cheapest]
        numbers[:, 0, step] = kept, absorbed
        altitudes[0, step] = costs[cheapest]
        sizes[kept] += sizes[absorbed]
        share = sizes[absorbed] / sizes[kept]
        row = levels[kept] + share * (levels[absorbed] - levels[kept])
        levels[kept] = levels[:, kept] = row
        first[first == absorbed] = kept
        second[second == absorbed] = kept
        touched = np.flatnonzero((first == kept) | (second == kept))
        others = first[touched] + second[touched] - kept
        costs[touched] = np.where(others == kept, np.inf, row[others])
    return Merges(numbers[0], numbers[1], np.maximum.accumulate(altitudes, axis=1))


def _leaf_order(merges: Merges, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Superpixels with those of every region side by side, and the level between neighbors.

    Both are (R, M); the first gap is 0.
    """
    n_runs, n_merges = levels.shape
    runs = np.arange(n_runs)
    after = np.full((n_runs, n_merges + 1), -1)
    last = np.tile(np.arange(n_merges + 1), (n_runs, 1))
    gap = np.zeros((n_runs, n_merges + 1))
    for step in range(n_merges):
        kept, absorbed = merges.kept[:, step], merges.absorbed[:, step]
        end = last[runs, kept]
        after[runs, end] = absorbed
        gap[runs, absorbed] = levels[:, step]
        last[runs, kept] = last[runs, absorbed]
    order = np.empty((n_runs, n_merges + 1), np.int64)
    here = merges.kept[:, -1] if n_merges else np.zeros(n_runs, np.int64)
    for place in range(n_merges + 1):
        order[:, place] = here
        here = after[runs, here]
    return order, np.take_along_axis(gap, order, axis=1)
