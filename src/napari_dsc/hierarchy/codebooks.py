"""Codebooks: the typical feature vectors (words) of one image, found by k-means."""

import warnings

import numpy as np
from scipy.cluster.vq import kmeans2

N_ROUNDS = 15  # most iterations of k-means
SOFTNESS = 0.5  # width of the soft assignment, see `soft_words`
TINY = 1e-12  # avoids a division by zero where every sample is a word


def fit_codebook(samples: np.ndarray, n_words: int, rng: np.random.Generator) -> np.ndarray:
    """Fit a codebook to samples by k-means.

    Parameters
    ----------
    samples : (N, D) float array
        Feature vectors.
    n_words : int
        Number of words.
    rng : numpy Generator
        Draws the samples that k-means starts from.

    Returns
    -------
    words : (W, D) float32 array
        ``n_words`` cluster centers, or N if there are fewer samples. Equal samples may give
        equal words.
    """
    samples = np.ascontiguousarray(samples, np.float32)
    words: np.ndarray = samples[rng.permutation(len(samples))[:n_words]]
    with warnings.catch_warnings():  # a cluster without samples keeps its center
        warnings.filterwarnings("ignore", "One of the clusters is empty")
        for _ in range(N_ROUNDS):
            before = words
            words = kmeans2(samples, before, iter=1, minit="matrix")[0]
            if np.array_equal(words, before):  # and would stay so
                break
    return words


def squared_distances(samples: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Squared distance of each sample to each word.

    Parameters
    ----------
    samples : (N, D) float array
        Feature vectors.
    words : (W, D) float array
        Codebook.

    Returns
    -------
    distances : (N, W) float32 array
        Squared Euclidean distances.
    """
    # |s - w|^2 = |s|^2 - 2 s.w + |w|^2: one matrix product, no (N, W, D) array of differences;
    # rounding may make small distances negative
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
        Codebook.

    Returns
    -------
    nearest : (N,) int64 array
        Index of a word, ``0 .. W - 1``; the first of equally near ones.
    """
    return np.asarray(squared_distances(samples, words).argmin(axis=1))


def soft_words(samples: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Soft assignment of each sample to the words.

    Parameters
    ----------
    samples : (N, D) float array
        Feature vectors.
    words : (W, D) float array
        Codebook.

    Returns
    -------
    shares : (N, W) float32 array
        Rows sum to one. A share is proportional to ``exp(-d / h)``, where ``d`` is the squared
        distance to the word and ``h`` half of the median squared distance to the nearest word.
    """
    distances = squared_distances(samples, words)
    nearest = distances.min(axis=1, keepdims=True)
    # a common factor of a row drops out of its shares, and exp(0) = 1 keeps their sum above 0
    distances -= nearest
    distances /= -max(SOFTNESS * float(np.median(nearest)), TINY)
    shares: np.ndarray = np.exp(distances, out=distances)
    shares /= shares.sum(axis=1, keepdims=True)
    return shares
