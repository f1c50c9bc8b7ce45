"""Descriptors of superpixels for the merge tree: histograms, moments, common boundaries."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.sparse import csr_array

from napari_dsc.hierarchy.codebooks import fit_codebook, soft_words
from napari_dsc.hierarchy.filters import filter_responses

N_SAMPLES = 40_000  # sampled pixels, on a grid: every second row and column of a BSDS500 image
N_WORDS = 32  # of each codebook; 16 to 64 words of color score alike on BSDS500
N_TRAINED = 8_000  # samples to which the codebooks are fitted
LIGHTNESS_SCALE, COLOR_SCALE = 14.0, 7.0  # Lab units that are one unit of the color codebook
MOMENT_SCALE = 10.0  # Lab units that are one unit of the moments
ENERGY_BLUR = 1.5  # standard deviation of the texture energies' blur, in grid steps


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
    features: np.ndarray,
    maps: Sequence[np.ndarray],
    superpixels: np.ndarray,
    seed: int,
    valid: np.ndarray | None = None,
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
    valid : S bool array, optional
        Pixels that count; each superpixel has one. None: all count.

    Returns
    -------
    descriptors : Descriptors
        Color and texture are sampled on a grid of about 40 000 pixels, and at one pixel of
        each superpixel that contains no grid point.
    """
    places, step = sample_places(superpixels, valid)
    pool = pooling(superpixels.ravel()[places])
    colors = features.reshape(len(features), -1)[:, places].T.astype(np.float64)
    scaled = colors / MOMENT_SCALE
    moments = np.stack([pool @ scaled, pool @ np.square(scaled)])
    energies = _energies(filter_responses(features[0]), step, places)
    histograms = codebook_histograms(colors, energies, pool, seed)
    pairs, lengths, boundaries = contacts(superpixels, maps)
    counted = superpixels if valid is None else superpixels[valid]
    sizes = np.bincount(counted.ravel()).astype(np.float64)
    return Descriptors(
        sizes, moments.transpose(1, 0, 2), histograms, pairs, lengths, boundaries
    )


def sample_places(
    superpixels: np.ndarray, valid: np.ndarray | None = None
) -> tuple[np.ndarray, int]:
    """Pixels of a grid, and one pixel of each superpixel that contains no grid point.

    Parameters
    ----------
    superpixels : S int array
        Superpixels ``0 .. M - 1``.
    valid : S bool array, optional
        Pixels that may be taken; each superpixel has one. None: all may.

    Returns
    -------
    places : (N,) int64 array
        Flat indices of the pixels, ascending.
    step : int
        Distance between grid points along each axis, in pixels.
    """
    step = max(1, round((superpixels.size / N_SAMPLES) ** (1 / superpixels.ndim)))
    chosen = np.zeros(superpixels.shape, bool)
    chosen[(slice(None, None, step),) * superpixels.ndim] = True
    free = np.ones(superpixels.shape, bool) if valid is None else valid
    chosen &= free
    seen = np.zeros(int(superpixels.max()) + 1, bool)
    seen[superpixels[chosen]] = True
    missed = np.flatnonzero(~seen[superpixels.ravel()] & free.ravel())
    _, first = np.unique(superpixels.ravel()[missed], return_index=True)
    chosen.ravel()[missed[first]] = True
    return np.flatnonzero(chosen), step


def pooling(regions: np.ndarray) -> csr_array:
    """Matrix that averages samples over each region.

    Parameters
    ----------
    regions : (N,) int array
        Region of each sample, ``0 .. M - 1``; each region has a sample.

    Returns
    -------
    pool : (M, N) sparse float array
        Rows sum to 1.
    """
    counts = np.bincount(regions)
    values = (1 / counts)[regions]
    return csr_array((values, (regions, np.arange(len(regions)))))


def codebook_histograms(
    colors: np.ndarray, energies: np.ndarray, pool: csr_array, seed: int
) -> np.ndarray:
    """Histograms of color words and of texture words, with codebooks fitted to the image.

    Parameters
    ----------
    colors : (N, C) float array
        Color of each sample in Lab units, lightness first.
    energies : (N, F) float array
        Blurred magnitudes of filter responses.
    pool : (M, N) sparse array
        Matrix that averages over each superpixel.
    seed : int
        Seed of the codebooks.

    Returns
    -------
    histograms : (M, 2, W) float32 array
        Histograms of color words and of texture words; W is 32, or the number of samples if
        that is smaller.
    """
    rng = np.random.default_rng(seed)
    trained = rng.permutation(len(colors))[:N_TRAINED]
    units = np.append(LIGHTNESS_SCALE, np.full(colors.shape[1] - 1, COLOR_SCALE))
    histograms = []
    for samples in (colors / units, energies):
        words = fit_codebook(samples[trained], N_WORDS, rng)
        histograms.append(pool @ soft_words(samples, words))
    return np.stack(histograms, axis=1).astype(np.float32)


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


def _energies(responses: np.ndarray, step: int, places: np.ndarray) -> np.ndarray:
    """Blurred magnitudes of filter responses at each place, (N, F).

    They are blurred on the sampling grid, which costs less than at full resolution; a place
    off the grid takes the value of the grid point before it.
    """
    shape = responses.shape[1:]
    grid = (slice(None, None, step),) * len(shape)
    near = tuple(np.array(np.unravel_index(places, shape)) // step)
    thinned = (np.abs(response[grid]) for response in responses)
    energies = [ndimage.gaussian_filter(one, ENERGY_BLUR)[near] for one in thinned]
    return np.stack(energies, axis=1)
