"""Consensus of an ensemble of agglomerations: average linkage of their mean altitudes."""

import numpy as np

from napari_dsc.hierarchy.agglomeration import Merges, Variants, agglomerate
from napari_dsc.hierarchy.descriptors import Descriptors
from napari_dsc.hierarchy.tree import MergeTree

# distance of two superpixels in a run: 0.65 times the altitude of their merge, and 0.35 times
# the logarithm of superpixels a region, which 0.15 brings to the scale of altitudes
ALTITUDE_WEIGHT = 0.65
COUNT_WEIGHT = 0.35 * 0.15

# round weights, chosen on training and validation images of BSDS500, each over the mean of its
# term between adjacent superpixels of these images, so that the terms are comparable
BOUNDARY_WEIGHTS = (0.5 / 0.995, 0.5 / 2.66)  # local map, spectral map
HISTOGRAM_WEIGHTS = (0.5 / 0.716, 0.5 / 0.607)  # color, texture
MOMENT_WEIGHTS = (0.1 / 2.19, 0.15 / 0.441)  # mean color, standard deviation of color
# exponent and offset of the size factor, see `Variants`
SIZE_FACTORS = ((0.3, 0.003), (0.5, 0.003), (0.3, 0.01), (0.5, 0.01), (0.3, 0.03))
SPREAD = 0.25  # standard deviation of the logarithm of a weight between runs


def draw_variants(n_runs: int, seed: int) -> Variants:
    """Random weights and size factors of each run of the ensemble.

    Parameters
    ----------
    n_runs : int
        Number of runs ``R``.
    seed : int
        Seed of weights and size factors.

    Returns
    -------
    variants : Variants
        Log-normal weights around their means, and size factors drawn from five pairs. The
        first run is not random: it has the mean weights, the exponent 0.5 and the offset
        0.003.
    """
    rng = np.random.default_rng(seed)
    means = np.array([*BOUNDARY_WEIGHTS, *HISTOGRAM_WEIGHTS, *MOMENT_WEIGHTS])
    changes = np.exp(rng.normal(0, SPREAD, (n_runs, len(means))))
    sizes = rng.integers(len(SIZE_FACTORS), size=n_runs)
    changes[0], sizes[0] = 1, 1
    exponents, offsets = np.array(SIZE_FACTORS)[sizes].T
    return Variants(means * changes, exponents, offsets)


def merge_by_consensus(descriptors: Descriptors, n_runs: int, seed: int) -> Merges:
    """Merge superpixels by the consensus of an ensemble of agglomerations.

    Parameters
    ----------
    descriptors : Descriptors
        Statistics of the superpixels.
    n_runs : int
        Number of agglomerations in the ensemble.
    seed : int
        Seed of their weights and size factors.

    Returns
    -------
    merges : Merges
        The merges of the consensus, as those of one run.
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
        Symmetric, 0 on the diagonal. In one run, the level of two superpixels is that of the
        merge that joins their regions: 0.65 times its altitude plus 0.0525 times
        ``log(M / n)``, where ``n`` is the number of regions before the merge.
    """
    n_runs, n_merges = merges.altitudes.shape
    n = n_merges + 1
    counts = np.log(n / np.arange(n, 1, -1))
    levels = ALTITUDE_WEIGHT * merges.altitudes + COUNT_WEIGHT * counts
    order, gaps = _leaf_order(merges, levels)
    total = np.zeros((n, n))
    for run in range(n_runs):
        # The superpixels of every region are contiguous in the order of leaves. So the merge
        # that joins two leaves is the highest of those between neighbors from one leaf to the
        # other: a running maximum of the gaps, row by row.
        between = np.triu(np.broadcast_to(gaps[run], (n, n)), 1)
        np.maximum.accumulate(between, axis=1, out=between)
        place = np.argsort(order[run])
        total += between[place][:, place]
    return np.asarray((total + total.T) / n_runs)


def average_linkage(levels: np.ndarray, pairs: np.ndarray, sizes: np.ndarray) -> Merges:
    """Merge adjacent regions by average linkage, the nearest pair first.

    Parameters
    ----------
    levels : (M, M) float array
        Distance of each pair of superpixels.
    pairs : (2, E) int array
        Adjacent superpixels; the graph of these pairs is connected.
    sizes : (M,) float array
        Number of pixels of each superpixel.

    Returns
    -------
    merges : Merges
        The merges of one run. The distance of two regions is the mean over all pairs of a
        pixel of one and a pixel of the other, whether their superpixels are adjacent or not.
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
        # update of Lance and Williams (1967): the distance of the merged region to any other
        # is the mean of both distances, weighted by area
        sizes[kept] += sizes[absorbed]
        share = sizes[absorbed] / sizes[kept]
        row = levels[kept] + share * (levels[absorbed] - levels[kept])
        levels[kept] = levels[:, kept] = row
        first[first == absorbed] = kept
        second[second == absorbed] = kept
        touched = np.flatnonzero((first == kept) | (second == kept))
        others = first[touched] + second[touched] - kept
        # an edge within the merged region is never cheapest again
        costs[touched] = np.where(others == kept, np.inf, row[others])
    # only adjacent regions merge, so a later merge may be cheaper; altitudes never fall
    return Merges(numbers[0], numbers[1], np.maximum.accumulate(altitudes, axis=1))


def leaf_altitudes(tree: MergeTree) -> np.ndarray:
    """Altitude at which each pair of superpixels merges.

    Parameters
    ----------
    tree : MergeTree
        Tree of M superpixels.

    Returns
    -------
    altitudes : (M, M) float32 array
        An ultrametric: symmetric, 0 on the diagonal.
    """
    n = tree.n_superpixels
    altitudes = np.zeros((n, n), np.float32)
    # superpixels of each node: a merge sets the altitude of all pairs across its children
    members = [np.array([leaf]) for leaf in range(n)]
    for altitude, (one, other) in zip(tree.altitudes[n:], tree.children(), strict=True):
        altitudes[np.ix_(members[one], members[other])] = altitude
        members.append(np.concatenate([members[one], members[other]]))
    return np.maximum(altitudes, altitudes.T)


def _leaf_order(merges: Merges, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leaves of each tree from left to right, and the level between neighbors, (R, M) each.

    The superpixels of every region are contiguous in this order. The gap of a leaf is the
    level of the merge that joins it to the leaf before it; the gap of the first leaf is 0.
    Each region is a linked list of its superpixels, and a merge appends one list to another.
    """
    n_runs, n_merges = levels.shape
    runs = np.arange(n_runs)
    after = np.full((n_runs, n_merges + 1), -1)  # next superpixel of each; -1 at the end
    last = np.tile(np.arange(n_merges + 1), (n_runs, 1))  # end of the list that starts here
    gap = np.zeros((n_runs, n_merges + 1))  # level between each superpixel and the one before
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
