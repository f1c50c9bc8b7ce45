"""Superpixels clustered by k-means, and by normalized cuts of a graph of them."""

import warnings
from collections.abc import Callable

import numpy as np
from scipy import linalg, sparse
from scipy.cluster.vq import kmeans2, vq
from scipy.sparse.linalg import ArpackError, eigsh
from skimage import graph

from napari_dsc.baselines.classical import three_colors
from napari_dsc.errors import ComputationError
from napari_dsc.labels.neighbors import region_pairs
from napari_dsc.params import ClusterParams

# largest number of superpixels for the dense solver, which always converges
DENSE = 1500


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
    of [1]_. The alternative there, recursive two-way cuts, is `recursive_cuts`.

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
    vectors: np.ndarray
    if n <= DENSE:
        _, vectors = linalg.eigh(matrix.toarray(), subset_by_index=(n - n_vectors, n - 1))
        return vectors
    start = np.random.default_rng(seed).random(n)
    try:
        _, vectors = eigsh(matrix, k=n_vectors, which="LA", v0=start)
    except ArpackError as error:
        raise ComputationError(f"normalized cut: no eigenvectors found ({error})") from error
    return vectors


def recursive_cuts(
    pixels: np.ndarray, superpixels: np.ndarray, seed: int
) -> Callable[[float], np.ndarray]:
    """Recursive two-way normalized cuts of superpixels, by scikit-image.

    Parameters
    ----------
    pixels : (C, Y, X) float array
        Image in 0 to 1.
    superpixels : (Y, X) int array
        Superpixels ``0 .. M - 1``.
    seed : int
        Seed of the solver's start vector.

    Returns
    -------
    cut : function
        Takes the largest cost of a normalized cut, in 0 to 2; a region is divided only at a
        lower cost. Returns labels, (Y, X) int64, and raises `ComputationError` if the solver
        of scikit-image fails.

    Raises
    ------
    InvalidImageError
        If the image has neither one channel nor three.

    References
    ----------
    .. [1] J. Shi and J. Malik, "Normalized cuts and image segmentation", IEEE Transactions on
       Pattern Analysis and Machine Intelligence 22(8), 2000.
    """
    colors = 255 * three_colors(pixels, "ncut")
    neighbors = graph.rag_mean_color(colors, superpixels, mode="similarity")

    def cut(threshold: float) -> np.ndarray:
        try:
            labels: np.ndarray = graph.cut_normalized(
                superpixels, neighbors, thresh=threshold, in_place=False, rng=seed
            )
        except (ArpackError, ValueError) as error:
            raise ComputationError(f"normalized cut: scikit-image failed ({error})") from error
        return labels.astype(np.int64)

    return cut
