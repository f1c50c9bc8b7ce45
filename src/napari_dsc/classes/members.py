"""The cut loss of a linear head in closed form: coordinates in which classes are compact."""

import numpy as np
from scipy.linalg import eigh

SHRINKAGE = 0.1  # share of the mean variance that is added to each direction
N_AXES = 12


def cut_coordinates(
    features: np.ndarray, between: np.ndarray, within: np.ndarray
) -> np.ndarray:
    """Coordinates of the largest spread for a given scatter within classes.

    Parameters
    ----------
    features : (M, F) float array
        Features of the superpixels.
    between : (F, F) float array
        Scatter of the features over the whole image.
    within : (F, F) float array
        Scatter that should be small: between superpixels that belong together.

    Returns
    -------
    coordinates : (M, A) float64 array
        The first A = 12 axes, or as many as there are features. A linear embedding ``V`` of
        least ``trace(V' W V)`` for ``V' B V = 1`` solves ``B v = lambda W v``.
    """
    n = len(between)
    if not n:
        return np.zeros((len(features), 0))
    shrunk = within + SHRINKAGE * np.trace(between) / n * np.eye(n)
    first = max(0, n - N_AXES)
    _, axes = eigh(between, shrunk, subset_by_index=(first, n - 1))
    return np.asarray(features @ axes[:, ::-1])


def total_scatter(features: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Covariance of features, weighted by area, (F, F)."""
    centered = features - shares @ features
    return np.asarray(centered.T @ (shares[:, None] * centered))


def region_scatter(features: np.ndarray, shares: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Covariance of features about the means of their regions, weighted by area, (F, F)."""
    n = int(regions.max()) + 1
    weights = np.bincount(regions, shares, n)
    means = np.zeros((n, features.shape[1]))
    np.add.at(means, regions, shares[:, None] * features)
    apart = features - (means / weights[:, None])[regions]
    return np.asarray(apart.T @ (shares[:, None] * apart))


def contact_scatter(features: np.ndarray, pairs: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Half the mean squared difference across contacts, weighted by their length, (F, F)."""
    if not len(lengths):
        return np.zeros((features.shape[1],) * 2)
    apart = features[pairs[0]] - features[pairs[1]]
    return np.asarray(apart.T @ ((lengths / (2 * lengths.sum()))[:, None] * apart))
