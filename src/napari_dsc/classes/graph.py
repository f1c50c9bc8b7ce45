"""Normalized cut over all pairs of nodes."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

NEIGHBORS = 0.04  # the scale of a node is its distance to the nearest 4 %: 20 of 500
# least scale, in units of the mean distance: that of half the nodes of micrographs. Parts that
# are exactly alike would have ties to nothing else
LEAST_SCALE = 0.25
NEAR = 0.35  # altitude, in units of the mean, at which a near pair has the weight 1/e
N_EIGENVECTORS = 16
LEAST_GAP = 1e-3  # of an eigenvalue to 1
OUTSTANDING = 0.9  # eigenvalue of a class that stands out


class Spectrum(NamedTuple):
    """Coordinates of the normalized cut, and its largest eigenvalues.

    Attributes
    ----------
    coordinates : (N, E) float64 array
        Eigenvectors, each times ``sqrt(lambda / (1 - lambda))``.
    eigenvalues : (E + 1,) float64 array
        From the largest, which is 1.
    """

    coordinates: np.ndarray
    eigenvalues: np.ndarray

    @property
    def n_outstanding(self) -> int:
        """Number of classes that stand out: eigenvalues above 0.9."""
        return int((self.eigenvalues > OUTSTANDING).sum())


def affinities(consensus: np.ndarray, altitudes: np.ndarray) -> np.ndarray:
    """Affinity of each pair of nodes: of like nodes anywhere, and of near ones.

    Parameters
    ----------
    consensus : (N, N) float array
        Distance of each pair by its features, in units of the mean.
    altitudes : (N, N) float array
        Altitude at which each pair meets in the merge tree, in units of the mean.

    Returns
    -------
    affinities : (N, N) float64 array
        Far and near affinities have the same mean. Every pair has some, so that parts of one
        class find each other however far apart they are.
    """
    place = max(1, round(NEIGHBORS * len(consensus)))
    scale = np.maximum(np.partition(consensus, place, axis=1)[:, place], LEAST_SCALE)
    far = np.exp(-np.square(consensus) / np.multiply.outer(scale, scale))
    near = np.exp(-np.square(altitudes / NEAR))
    return np.asarray(far + near * (far.mean() / near.mean()))


def normalized_cut(affinity: np.ndarray, weights: np.ndarray) -> Spectrum:
    """Coordinates of nodes by the normalized cut, each node counting by its area.

    Parameters
    ----------
    affinity : (N, N) float array
        Affinity of each pair.
    weights : (N,) float array
        Area of each node.

    Returns
    -------
    spectrum : Spectrum
        At most 16 coordinates.

    References
    ----------
    .. [1] J. Shi and J. Malik, "Normalized cuts and image segmentation", IEEE TPAMI 22(8),
       2000.
    """
    weighted = affinity * np.multiply.outer(weights, weights)
    root = np.sqrt(weighted.sum(axis=1))
    n = len(root)
    scaled = weighted / np.multiply.outer(root, root)
    first = max(0, n - N_EIGENVECTORS - 1)
    values, vectors = eigh(scaled, subset_by_index=(first, n - 1))
    values, vectors = values[::-1], vectors[:, ::-1]
    inner = np.clip(values[1:], 0, 1 - LEAST_GAP)
    coordinates = vectors[:, 1:] / root[:, None] * np.sqrt(inner / (1 - inner))
    return Spectrum(coordinates, values)
