"""Normalized cuts of a graph of superpixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import ArpackError, eigsh
from skimage import graph

from napari_dsc.baselines.colors import three_colors
from napari_dsc.baselines.kmeans import kmeans
from napari_dsc.errors import ComputationError
from napari_dsc.labels.neighbors import region_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_dsc.params import ClusterParams

# largest number of superpixels for the dense solver, which always converges
DENSE = 1500


def affinity_graph(
    features: np.ndarray, superpixels: np.ndarray, params: ClusterParams
) -> sparse.csr_array:
    """Affinity of neighboring superpixels from their features.

    Parameters
    ----------
    features : (M, D) float array
        Mean color or mean features of each superpixel.
    superpixels : S int array
        Superpixels ``0 .. M - 1``.
    params : ClusterParams
        Radius and scale.

    Returns
    -------
    affinity : (M, M) sparse float array
        Symmetric matrix by equation 7 of the DSC paper, with a scale relative to the root
        mean square distance of neighbors.
    """
    first, second = pairs = region_pairs(superpixels, params.radius_factor)
    distances = np.square(features[first] - features[second]).sum(axis=1)
    of_neighbors = distances[first != second]  # a superpixel is its own neighbor as well
    scale = params.affinity_factor**2 * of_neighbors.mean() if of_neighbors.any() else 1.0
    return sparse.csr_array(
        (np.exp(-distances / scale), pairs), shape=(len(features), len(features))
    )


def normalized_cut(
    affinity: sparse.csr_array, n_partitions: int, params: ClusterParams
) -> np.ndarray:
    """Classes of the K-way normalized cut.

    Parameters
    ----------
    affinity : (M, M) sparse float array
        Symmetric matrix without negative values, with a positive diagonal.
    n_partitions : int
        Number of classes ``K``.
    params : ClusterParams
        Seed and number of starts of k-means.

    Returns
    -------
    classes : (M,) int64 array
        Classes in ``0 .. K - 1``.

    Raises
    ------
    ComputationError
        If the eigenvectors of a large graph do not converge.

    Notes
    -----
    k-means on the first K generalized eigenvectors: the simultaneous K-way cut of section 3
    of [1]_. The alternative there, recursive two-way cuts, is `iter_recursive_cuts`.

    References
    ----------
    .. [1] J. Shi and J. Malik, "Normalized cuts and image segmentation", IEEE Transactions on
       Pattern Analysis and Machine Intelligence 22(8), 2000.

    Examples
    --------
    >>> from napari_dsc.params import ClusterParams
    >>> two_pairs = sparse.csr_array(np.kron(np.eye(2), np.ones((2, 2))))
    >>> classes = normalized_cut(two_pairs, 2, ClusterParams())
    >>> classes[0] == classes[1] != classes[2] == classes[3]
    np.True_
    """
    n_vectors = min(n_partitions, affinity.shape[0])
    root_degrees = np.sqrt(affinity.sum(axis=1))
    inverse = sparse.diags_array(1 / root_degrees)
    normalized = (inverse @ affinity @ inverse).tocsr()
    vectors = _leading_vectors(normalized, n_vectors, params.seed)
    return kmeans(vectors / root_degrees[:, None], n_vectors, params.seed, params.n_starts)


def _leading_vectors(matrix: sparse.csr_array, n_vectors: int, seed: int) -> np.ndarray:
    """Eigenvectors of the largest eigenvalues, (M, n)."""
    n = matrix.shape[0]
    if n <= DENSE:
        found: np.ndarray = linalg.eigh(
            matrix.toarray(), subset_by_index=(n - n_vectors, n - 1)
        )[1]
        return found
    start = np.random.default_rng(seed).random(n)
    try:
        vectors: np.ndarray = eigsh(matrix, k=n_vectors, which="LA", v0=start)[1]
    except ArpackError as error:
        raise ComputationError(f"normalized cut: no eigenvectors found ({error})") from error
    return vectors


def iter_recursive_cuts(
    pixels: np.ndarray, superpixels: np.ndarray, thresholds: Sequence[float], seed: int
) -> Iterator[np.ndarray]:
    """Recursive two-way normalized cuts of superpixels, by scikit-image.

    Parameters
    ----------
    pixels : (C, Y, X) float array
        Image in 0 to 1.
    superpixels : (Y, X) int array
        Superpixels ``0 .. M - 1``.
    thresholds : sequence of float
        Largest cost of a normalized cut, in 0 to 2; a region is divided only at a lower cost.
    seed : int
        Seed of the solver's start vector.

    Yields
    ------
    labels : (Y, X) int64 array
        One label image per threshold.

    Raises
    ------
    ComputationError
        If the solver of scikit-image fails.
    InvalidImageError
        If the image has neither one channel nor three.

    References
    ----------
    .. [1] J. Shi and J. Malik, "Normalized cuts and image segmentation", IEEE Transactions on
       Pattern Analysis and Machine Intelligence 22(8), 2000.
    """
    colors = 255 * three_colors(pixels, "ncut")
    neighbors = graph.rag_mean_color(colors, superpixels, mode="similarity")
    for threshold in thresholds:
        rng = np.random.default_rng(seed)
        try:
            labels: np.ndarray = graph.cut_normalized(
                superpixels, neighbors, thresh=threshold, in_place=False, rng=rng
            )
        except (ArpackError, ValueError) as error:
            raise ComputationError(f"normalized cut: scikit-image failed ({error})") from error
        yield labels.astype(np.int64)
