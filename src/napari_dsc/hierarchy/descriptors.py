"""Descriptors of superpixels for the merge tree: histograms, moments, common boundaries."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from napari_dsc.hierarchy.samples import Samples, fit_words, histograms_of

MOMENT_SCALE = 10.0  # Lab units that are one unit of the moments


class Descriptors(NamedTuple):
    """Statistics of M superpixels and of E pairs of adjacent superpixels.

    Attributes
    ----------
    sizes : (M,) float64 array
        Number of pixels of each superpixel.
    moments : (M, 2, C) float64 array
        Mean and mean square of each color channel, in tens of Lab units.
    histograms : (M, 2, W) float32 array
        Histograms of the words of color and of texture; each sums to 1.
    pairs : (2, E) int64 array
        Superpixels that share pixel faces, the lower number first.
    lengths : (E,) float64 array
        Number of pixel faces that each pair shares.
    boundaries : (E, B) float64 array
        Mean of each boundary map over these faces.
    """

    sizes: np.ndarray
    moments: np.ndarray
    histograms: np.ndarray
    pairs: np.ndarray
    lengths: np.ndarray
    boundaries: np.ndarray


def describe(
    samples: Samples,
    maps: Sequence[np.ndarray],
    superpixels: np.ndarray,
    seed: int,
    valid: np.ndarray | None = None,
) -> Descriptors:
    """Describe superpixels by color, texture and boundaries.

    Parameters
    ----------
    samples : Samples
        Color and texture of the superpixels.
    maps : sequence of B S float arrays
        Boundary maps.
    superpixels : S int array
        Superpixels ``0 .. M - 1``.
    seed : int
        Seed of the codebooks.
    valid : S bool array, optional
        Pixels that count; each superpixel has one. None: all count.

    Returns
    -------
    descriptors : Descriptors
        With histograms of words that are fitted to these samples.
    """
    scaled = samples.colors / MOMENT_SCALE
    moments = np.stack([samples.pool @ scaled, samples.pool @ np.square(scaled)])
    histograms = histograms_of(samples, fit_words([samples], seed))
    pairs, lengths, boundaries = contacts(superpixels, maps)
    counted = superpixels if valid is None else superpixels[valid]
    sizes = np.bincount(counted.ravel()).astype(np.float64)
    return Descriptors(
        sizes, moments.transpose(1, 0, 2), histograms, pairs, lengths, boundaries
    )


def contacts(
    superpixels: np.ndarray, maps: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of adjacent superpixels, and the boundary maps between them.

    Parameters
    ----------
    superpixels : S int array
        Superpixels ``0 .. M - 1``.
    maps : sequence of B S float arrays
        Boundary maps; the value at a pixel face is the mean of its two pixels.

    Returns
    -------
    pairs : (2, E) int64 array
        Adjacent superpixels, the lower number first, in lexical order.
    lengths : (E,) float64 array
        Number of pixel faces that each pair shares.
    boundaries : (E, B) float64 array
        Mean of each map over these faces.

    Examples
    --------
    >>> contacts(np.array([[0, 0, 1], [0, 2, 2]]), [np.array([[0, 1, 2], [3, 4, 6]])])
    (array([[0, 0, 1],
           [1, 2, 2]]), array([1., 2., 1.]), array([[1.5],
           [3. ],
           [4. ]]))
    """
    keys, strengths = [], []
    n = int(superpixels.max()) + 1
    for axis in range(superpixels.ndim):
        before = (slice(None),) * axis + (slice(None, -1),)
        after = (slice(None),) * axis + (slice(1, None),)
        one, other = superpixels[before], superpixels[after]
        face = one != other
        ends = np.sort([one[face], other[face]], axis=0)
        keys.append(ends[0] * n + ends[1])  # one number for each pair, undone by divmod
        strengths.append([(values[before][face] + values[after][face]) / 2 for values in maps])
    pairs, which, counts = np.unique(
        np.concatenate(keys), return_inverse=True, return_counts=True
    )
    sums = [np.bincount(which, row) for row in np.concatenate(strengths, axis=1)]
    lengths = counts.astype(np.float64)
    boundaries = np.stack(sums, axis=1) / lengths[:, None]
    return np.stack(np.divmod(pairs, n)), lengths, boundaries
