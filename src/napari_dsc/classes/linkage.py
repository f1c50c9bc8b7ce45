"""Hierarchical clustering of items that have weights, any pair of which may merge."""

from collections.abc import Callable

import numpy as np
from scipy.cluster.hierarchy import cophenet
from scipy.spatial.distance import cdist, squareform

Row = np.ndarray
# distances of a merged group: by those of its two parts, their sizes, the distance between
# them, and the sizes of the others
Update = Callable[[np.ndarray, np.ndarray, float, np.ndarray], Row]


def average_linkage(distances: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Merge items by the mean distance of their members, weighted on both sides.

    Parameters
    ----------
    distances : (N, N) float array
        Distance of each pair of items.
    weights : (N,) float array
        Weights of the items, above 0.

    Returns
    -------
    linkage : (N - 1, 4) float64 array
        As from `scipy.cluster.hierarchy.linkage`.
    """
    return _linkage(distances.astype(np.float64), weights, _average)


def ward_linkage(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Merge items so that the variance within groups grows least (Ward 1963).

    Parameters
    ----------
    points : (N, F) float array
        Coordinates of the items.
    weights : (N,) float array
        Weights of the items, above 0; an item of weight 2 counts as two items in one place.

    Returns
    -------
    linkage : (N - 1, 4) float64 array
        As from `scipy.cluster.hierarchy.linkage`; the height of a merge is the growth of the
        weighted sum of squared distances to the means.
    """
    reduced = np.multiply.outer(weights, weights) / np.add.outer(weights, weights)
    return _linkage(reduced * cdist(points, points, "sqeuclidean"), weights, _ward)


def ward_levels(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Level at which two items come together in their Ward tree.

    Parameters
    ----------
    points : (N, F) float array
        Coordinates of the items.
    weights : (N,) float array
        Weights of the items, above 0.

    Returns
    -------
    levels : (N, N) float64 array
        Symmetric, 0 on the diagonal: the square root of the height of the merge over the sum
        of all heights, divided so that the mean over pairs, weighted on both sides, is 1. All
        0 if all items are in one place.
    """
    linkage = ward_linkage(points, weights)
    total = linkage[:, 2].sum()
    if not total:
        return np.zeros((len(weights), len(weights)))
    linkage[:, 2] = np.sqrt(linkage[:, 2] / total)
    return unit_mean(squareform(cophenet(linkage)), weights)


def unit_mean(distances: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Distances divided by their mean over pairs of items, weighted on both sides.

    Parameters
    ----------
    distances : (N, N) float array
        Distance of each pair of items.
    weights : (N,) float array
        Weights of the items.

    Returns
    -------
    distances : (N, N) float array
        Unchanged if the mean is 0.
    """
    shares = weights / weights.sum()
    mean = shares @ distances @ shares
    return np.asarray(distances / mean) if mean else distances


def _average(pair: np.ndarray, sizes: np.ndarray, between: float, rest: np.ndarray) -> Row:
    return np.asarray(sizes @ pair / sizes.sum())


def _ward(pair: np.ndarray, sizes: np.ndarray, between: float, rest: np.ndarray) -> Row:
    weighted = ((sizes[:, None] + rest) * pair).sum(axis=0)
    return np.asarray((weighted - rest * between) / (sizes.sum() + rest))


def _linkage(distances: np.ndarray, weights: np.ndarray, update: Update) -> np.ndarray:
    """Nearest-neighbor chain, which merges as the greedy order does where linkage is reducible.

    SciPy's linkages know no weights. `distances` are overwritten.

    References
    ----------
    .. [1] F. Murtagh, "A survey of recent advances in hierarchical clustering algorithms",
       The Computer Journal 26(4), 1983: the chain, and the reducible linkages.
    .. [2] G. N. Lance and W. T. Williams, "A general theory of classificatory sorting
       strategies", The Computer Journal 9(4), 1967: the updates.
    """
    n, sizes = len(weights), weights.astype(np.float64)
    np.fill_diagonal(distances, np.inf)
    merges = np.empty((n - 1, 3))
    chain: list[int] = []
    alive, reached = np.ones(n, bool), np.zeros(n)
    for step in range(n - 1):
        if not chain:
            chain.append(int(alive.argmax()))
        while True:
            top = chain[-1]
            nearest = int(distances[top].argmin())
            # of equally near items the one before in the chain, so that it ends
            if len(chain) > 1 and distances[top, chain[-2]] <= distances[top, nearest]:
                break
            chain.append(nearest)
        other, top = sorted((chain.pop(), chain.pop()))
        height = distances[other, top]
        # rounding may put a merge a little below those that it joins
        reached[top] = max(height, reached[other], reached[top])
        merges[step] = other, top, reached[top]
        pair = [other, top]
        row = update(distances[pair], sizes[pair], height, sizes)
        row[~alive] = row[other] = row[top] = np.inf
        distances[top] = distances[:, top] = row
        distances[other] = distances[:, other] = np.inf
        sizes[top] += sizes[other]
        alive[other] = False
    return _sorted(merges, n)


def _sorted(merges: np.ndarray, n: int) -> np.ndarray:
    """Merges by height, in the numbering of SciPy."""
    order = np.argsort(merges[:, 2], kind="stable")
    linkage = np.empty((n - 1, 4))
    node, count = np.arange(n), np.ones(n)  # of the group that has its last item here
    for place, (one, other, height) in enumerate(merges[order]):
        first, second = int(one), int(other)
        ends = sorted((node[first], node[second]))
        count[second] += count[first]
        node[second] = n + place
        linkage[place] = *ends, height, count[second]
    return linkage
