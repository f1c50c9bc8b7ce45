"""What the merge tree knows of each superpixel: histograms, means, common boundaries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage
from scipy.sparse import csr_array

from napari_dsc.hierarchy.codebooks import fit_codebook, hard_words, soft_words
from napari_dsc.hierarchy.filters import filter_responses

if TYPE_CHECKING:
    from collections.abc import Sequence

N_SAMPLES = 40_000  # pixels that are described, on a grid
N_TRAINED = 8_000  # samples that codebooks are fitted to
LIGHTNESS_SCALE, COLOR_SCALE = 14.0, 7.0  # Lab units
MOMENT_SCALE = 10.0  # Lab units
ENERGY_BLUR = 1.5  # grid steps
TEXTURE_SHARE = 0.7  # of the spread of texture, in that of color, where both are one vector


class Descriptors(NamedTuple):
    """Statistics of M superpixels and of the E pairs of them that touch.

    Attributes
    ----------
    sizes : (M,) float64 array
        Pixels of each superpixel.
    moments : (M, 2, C) float64 array
        Mean and mean square of each color channel, in tens of Lab units.
    histograms : tuple of (M, W) float32 arrays
        Shares of the words of several codebooks, each row with the sum 1.
    pairs : (2, E) int64 array
        Superpixels that share pixel faces, the lower number first.
    lengths : (E,) float64 array
        Number of these faces.
    boundaries : (E, B) float64 array
        Mean of each boundary map along them.
    """

    sizes: np.ndarray
    moments: np.ndarray
    histograms: tuple[np.ndarray, ...]
    pairs: np.ndarray
    lengths: np.ndarray
    boundaries: np.ndarray


def describe(
    features: np.ndarray, maps: Sequence[np.ndarray], superpixels: np.ndarray, seed: int
) -> Descriptors:
    """Describe superpixels by color, texture and boundaries.

    Parameters
    ----------
    features : (C, *S) float array
        Color in Lab units, lightness first.
    maps : sequence of B S float arrays
        Boundary maps.
    superpixels : S int array
        Superpixels ``0 .. M - 1``.
    seed : int
        Seed of the codebooks.

    Returns
    -------
    descriptors : Descriptors
        Histograms in the order of `codebook_histograms`. Colors and textures are those of a
        grid of about 40 000 pixels, and of one pixel of each superpixel that it misses.
    """
    places, step = sample_places(superpixels)
    pool = pooling(superpixels.ravel()[places])
    colors = features.reshape(len(features), -1)[:, places].T.astype(np.float64)
    moments = np.stack(
        [pool @ (colors / MOMENT_SCALE), pool @ np.square(colors / MOMENT_SCALE)]
    )
    responses = filter_responses(features[0])
    textures = responses.reshape(len(responses), -1)[:, places].T
    energies = _energies(responses, step, places)
    histograms = codebook_histograms(colors, textures, energies, pool, seed)
    pairs, lengths, boundaries = contacts(superpixels, maps)
    sizes = np.bincount(superpixels.ravel()).astype(np.float64)
    return Descriptors(
        sizes, moments.transpose(1, 0, 2), histograms, pairs, lengths, boundaries
    )


def sample_places(superpixels: np.ndarray) -> tuple[np.ndarray, int]:
    """Pixels of a grid, and one of each superpixel that the grid misses.

    Parameters
    ----------
    superpixels : S int array
        Superpixels ``0 .. M - 1``.

    Returns
    -------
    places : (N,) int64 array
        Flat indices.
    step : int
        Pixels between two lines of the grid.
    """
    step = max(1, round((superpixels.size / N_SAMPLES) ** (1 / superpixels.ndim)))
    chosen = np.zeros(superpixels.shape, bool)
    chosen[(slice(None, None, step),) * superpixels.ndim] = True
    seen = np.zeros(int(superpixels.max()) + 1, bool)
    seen[superpixels[chosen]] = True
    missed = np.flatnonzero(~seen[superpixels.ravel()])
    _, first = np.unique(superpixels.ravel()[missed], return_index=True)
    chosen.ravel()[missed[first]] = True
    return np.flatnonzero(chosen), step


def pooling(regions: np.ndarray) -> csr_array:
    """Matrix that takes the mean of each region.

    Parameters
    ----------
    regions : (N,) int array
        Region of each sample, ``0 .. M - 1``, each present.

    Returns
    -------
    pool : (M, N) sparse float array
        Rows with the sum 1.
    """
    counts = np.bincount(regions)
    values = (1 / counts)[regions]
    return csr_array((values, (regions, np.arange(len(regions)))))


def codebook_histograms(
    colors: np.ndarray, textures: np.ndarray, energies: np.ndarray, pool: csr_array, seed: int
) -> tuple[np.ndarray, ...]:
    """Histograms of the words of six codebooks that are fitted to the image.

    Parameters
    ----------
    colors : (N, C) float array
        Color of each sample in Lab units, lightness first.
    textures, energies : (N, F) float array
        Filter responses, and their blurred magnitudes.
    pool : (M, N) sparse array
        Takes the mean over each superpixel.
    seed : int
        Seed of the codebooks.

    Returns
    -------
    histograms : tuple of (M, W) float32 arrays
        Of color: 32 and 64 words, 16 hard ones; of texture: 32 of energies, 64 of color and
        texture together, 64 of responses.
    """
    rng = np.random.default_rng(seed)
    trained = rng.permutation(len(colors))[:N_TRAINED]
    scaled = colors / np.append(LIGHTNESS_SCALE, np.full(colors.shape[1] - 1, COLOR_SCALE))
    ratio = scaled.var(axis=0).sum() / max(textures.var(axis=0).sum(), 1e-12)
    joined = np.concatenate([scaled, textures * (TEXTURE_SHARE * math.sqrt(ratio))], axis=1)
    histograms = []
    for samples, n_words in (
        (scaled, 32),
        (scaled, 64),
        (scaled, 16),
        (energies, 32),
        (joined, 64),
        (textures, 64),
    ):
        words = fit_codebook(samples[trained], n_words, rng)
        if n_words == 16:
            shares = np.eye(len(words), dtype=np.float32)[hard_words(samples, words)]
        else:
            shares = soft_words(samples, words)
        histograms.append((pool @ shares).astype(np.float32))
    return tuple(histograms)


def contacts(
    superpixels: np.ndarray, maps: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Superpixels that touch, and the boundary maps between them.

    Parameters
    ----------
    superpixels : S int array
        Superpixels ``0 .. M - 1``.
    maps : sequence of B S float arrays
        Boundary maps; a pixel face has the mean of its two pixels.

    Returns
    -------
    pairs : (2, E) int64 array
        The lower number first, in lexical order.
    lengths : (E,) float64 array
        Number of pixel faces.
    boundaries : (E, B) float64 array
        Mean over these faces.

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
        keys.append(ends[0] * n + ends[1])
        strengths.append([(values[before][face] + values[after][face]) / 2 for values in maps])
    pairs, which, counts = np.unique(
        np.concatenate(keys), return_inverse=True, return_counts=True
    )
    sums = [np.bincount(which, row) for row in np.concatenate(strengths, axis=1)]
    lengths = counts.astype(np.float64)
    boundaries = np.stack(sums, axis=1) / lengths[:, None]
    return np.stack(np.divmod(pairs, n)), lengths, boundaries


def _energies(responses: np.ndarray, step: int, places: np.ndarray) -> np.ndarray:
    """Magnitudes of filter responses around each place, (N, F)."""
    shape = responses.shape[1:]
    grid = (slice(None, None, step),) * len(shape)
    near = tuple(np.array(np.unravel_index(places, shape)) // step)
    energies = [
        ndimage.gaussian_filter(np.abs(response[grid]), ENERGY_BLUR)[near]
        for response in responses
    ]
    return np.stack(energies, axis=1)
