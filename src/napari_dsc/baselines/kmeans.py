"""Clustering of superpixels by k-means."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.cluster.vq import kmeans2, vq


def kmeans(
    features: np.ndarray, n_partitions: int, seed: int, n_starts: int = 10
) -> np.ndarray:
    """Classes of least variance by Lloyd's algorithm, the best of several starts.

    Parameters
    ----------
    features : (M, D) float array
        One row per superpixel.
    n_partitions : int
        Number of classes ``K``; the result has at most as many as there are different rows.
    seed : int
        Seed of the initial centers.
    n_starts : int
        Number of starts.

    Returns
    -------
    classes : (M,) int64 array
        Class of each row, in ``0 .. K - 1``; a class may be empty.

    References
    ----------
    .. [1] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding",
       SODA, 2007: the initial centers.

    Examples
    --------
    >>> classes = kmeans(np.array([[0.0], [0.1], [0.9], [1.0]]), 2, seed=0)
    >>> classes[0] == classes[1] != classes[2] == classes[3]
    np.True_
    """
    rng = np.random.default_rng(seed)
    rows = np.asarray(features, np.float64)
    least, best = np.inf, np.zeros(len(rows), np.int64)
    for _ in range(n_starts):
        centers = _spread_rows(rows, n_partitions, rng)
        with warnings.catch_warnings():  # a cluster without rows keeps its center
            warnings.filterwarnings("ignore", "One of the clusters is empty")
            centers, _ = kmeans2(rows, centers, iter=100, minit="matrix")
        classes, distances = vq(rows, centers)
        spread = float(distances @ distances)
        if spread < least:
            least, best = spread, classes.astype(np.int64)
    return best


def _spread_rows(rows: np.ndarray, n_centers: int, rng: np.random.Generator) -> np.ndarray:
    """Initial centers of k-means++: rows drawn by their squared distance to the nearest one."""
    chosen = [int(rng.integers(len(rows)))]
    nearest = np.full(len(rows), np.inf)
    while len(chosen) < n_centers:
        step = rows - rows[chosen[-1]]
        nearest = np.minimum(nearest, np.einsum("md,md->m", step, step))
        total = nearest.sum()
        if total == 0:
            break
        chosen.append(int(rng.choice(len(rows), p=nearest / total)))
    return rows[chosen]
