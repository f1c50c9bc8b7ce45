"""Words: a few typical feature vectors of one image, and which of them a pixel shows."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.cluster.vq import kmeans2

N_ROUNDS = 15
SOFTNESS = 0.5  # of the median squared distance to the nearest word
TINY = 1e-12


def fit_codebook(samples: np.ndarray, n_words: int, rng: np.random.Generator) -> np.ndarray:
    """Words of an image by k-means.

    Parameters
    ----------
    samples : (N, D) float array
        Feature vectors.
    n_words : int
        Number of words.
    rng : numpy Generator
        Draws the samples to start from.

    Returns
    -------
    words : (W, D) float32 array
        As many as asked for, unless there are fewer samples. Equal samples may give equal
        words.
    """
    samples = np.ascontiguousarray(samples, np.float32)
    start = samples[rng.permutation(len(samples))[:n_words]]
    with warnings.catch_warnings():  # a word without samples stays where it is
        warnings.filterwarnings("ignore", "One of the clusters is empty")
        words: np.ndarray = kmeans2(samples, start, iter=N_ROUNDS, minit="matrix")[0]
    return words


def squared_distances(samples: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Distance of each sample to each word.

    Parameters
    ----------
    samples : (N, D) float array
        Feature vectors.
    words : (W, D) float array
        Words.

    Returns
    -------
    distances : (N, W) float32 array
        Squared Euclidean distances.
    """
    samples, words = samples.astype(np.float32), words.astype(np.float32)
    distances: np.ndarray = samples @ (-2 * words.T)
    distances += (words * words).sum(axis=1)
    distances += (samples * samples).sum(axis=1)[:, None]
    np.maximum(distances, 0, out=distances)
    return distances


def hard_words(samples: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Nearest word of each sample.

    Parameters
    ----------
    samples : (N, D) float array
        Feature vectors.
    words : (W, D) float array
        Words.

    Returns
    -------
    nearest : (N,) int64 array
        In ``0 .. W - 1``; of equally near ones the first.
    """
    nearest: np.ndarray = squared_distances(samples, words).argmin(axis=1)
    return nearest


def soft_words(samples: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Shares of the words in each sample, the more the nearer.

    Parameters
    ----------
    samples : (N, D) float array
        Feature vectors.
    words : (W, D) float array
        Words.

    Returns
    -------
    shares : (N, W) float32 array
        Rows sum to one: ``exp(-d / h)`` of the squared distances, where ``h`` is half of the
        median distance to the nearest word.
    """
    distances = squared_distances(samples, words)
    nearest = distances.min(axis=1, keepdims=True)
    distances -= nearest
    distances /= -max(SOFTNESS * float(np.median(nearest)), TINY)
    shares: np.ndarray = np.exp(distances, out=distances)
    shares /= shares.sum(axis=1, keepdims=True)
    return shares
