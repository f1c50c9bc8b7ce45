"""Color and texture at some pixels of an image, and their words."""

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
ENERGY_BLUR = 1.5  # standard deviation of the texture energies' blur, in grid steps


class Samples(NamedTuple):
    """Color and texture at some pixels of an image.

    Attributes
    ----------
    colors : (N, C) float64 array
        Color in Lab units, lightness first.
    energies : (N, F) float array
        Blurred magnitudes of filter responses.
    pool : (M, N) sparse array
        Matrix that averages over each superpixel.
    """

    colors: np.ndarray
    energies: np.ndarray
    pool: csr_array


Words = tuple[np.ndarray, np.ndarray]


def sample(
    features: np.ndarray, superpixels: np.ndarray, valid: np.ndarray | None = None
) -> Samples:
    """Sample color and texture on a grid of about 40 000 pixels.

    Parameters
    ----------
    features : (C, *S) float array
        Color in Lab units, lightness first.
    superpixels : S int array
        Superpixels ``0 .. M - 1``.
    valid : S bool array, optional
        Pixels that count; each superpixel has one. None: all count.

    Returns
    -------
    samples : Samples
        And one pixel of each superpixel that contains no grid point.
    """
    places, step = sample_places(superpixels, valid)
    colors = features.reshape(len(features), -1)[:, places].T.astype(np.float64)
    energies = _energies(filter_responses(features[0]), step, places)
    return Samples(colors, energies, pooling(superpixels.ravel()[places]))


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


def fit_words(images: Sequence[Samples], seed: int) -> Words:
    """Fit codebooks of color and of texture to images.

    Parameters
    ----------
    images : sequence of Samples
        One for each image; they have the same number of colors.
    seed : int
        Seed of the codebooks.

    Returns
    -------
    words : pair of (W, C) and (W, F) array
        Words of color and of texture; W is 32, or the number of samples if that is smaller.
    """
    rng = np.random.default_rng(seed)
    colors = np.concatenate([_color_units(one.colors) for one in images])
    energies = np.concatenate([one.energies for one in images])
    trained = rng.permutation(len(colors))[:N_TRAINED]
    found = [fit_codebook(one[trained], N_WORDS, rng) for one in (colors, energies)]
    return found[0], found[1]


def histograms_of(samples: Samples, words: Words) -> np.ndarray:
    """Histograms of color words and of texture words.

    Parameters
    ----------
    samples : Samples
        Of an image.
    words : pair of array
        From `fit_words`.

    Returns
    -------
    histograms : (M, 2, W) float32 array
        Each sums to 1.
    """
    values = (_color_units(samples.colors), samples.energies)
    histograms = [
        samples.pool @ soft_words(one, codebook)
        for one, codebook in zip(values, words, strict=True)
    ]
    return np.stack(histograms, axis=1).astype(np.float32)


def _color_units(colors: np.ndarray) -> np.ndarray:
    units = np.append(LIGHTNESS_SCALE, np.full(colors.shape[1] - 1, COLOR_SCALE))
    return np.asarray(colors / units)


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
