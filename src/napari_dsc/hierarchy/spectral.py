"""Boundaries of an image's main parts: spectral clustering by mutual information."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import eigsh
from skimage.transform import resize

from napari_dsc.hierarchy.codebooks import fit_codebook, hard_words

# These values lie on a plateau: on images of BSDS500 half or twice of each changes covering by
# at most 0.01. The exponent is that of Isola et al. (2014).
REDUCTION = 3  # side of a pixel of the spectral step, in pixels of the image
MOST_PIXELS = 24_000  # of the spectral step
COLOR_UNITS = (20.0, 8.0, 8.0)  # Lab units that are one color unit: L, a, b
N_WORDS, N_SAMPLES = 96, 6000  # codebook size, and samples to which it is fitted
NEAREST, FARTHEST = 2.0, 6.0  # distances of the pairs of pixels that are counted
REACH = 3.0  # standard deviation of the weight of a pair by its distance, in pixels
KERNEL = 0.25  # standard deviation of the density estimate, in color units
EXPONENT = 1.25  # of the joint probability
LOWEST, HIGHEST = -12.0, 8.0  # limits of the mutual information
RADIUS = 5.0  # largest distance of two pixels with an affinity
N_VECTORS = 12  # eigenvectors
BLUR = 1.5  # standard deviation of the Gaussian that smooths an eigenvector, in pixels
TINY = 1e-9  # avoids a logarithm of zero, and a division by zero
LOOP = 1e-3  # affinity of a pixel with itself, so that no degree is zero
LEAST_GAP = 1e-6  # least eigenvalue: its root divides the strength


def spectral_boundaries(colors: np.ndarray, seed: int) -> np.ndarray:
    """Strength of the boundaries of the image's main parts.

    Parameters
    ----------
    colors : (C, Y, X) float32 array
        Lightness and hues in the units of CIELab.
    seed : int
        Seed of the codebook.

    Returns
    -------
    strength : (Y, X) float32 array
        Sum over eigenvectors of their gradient over the root of their eigenvalue, from 0 up.

    Notes
    -----
    Colors that occur side by side more often than by chance belong together: the logarithm of
    the affinity of two pixels is the pointwise mutual information of their colors at nearby
    pixels. Isola et al. estimate it for each pair of pixels; here it is a table over a
    codebook of 96 colors of the image, whose joint density is smoothed by a Gaussian. The
    step works on an image of a third of the size, with at most 24 000 pixels.

    References
    ----------
    .. [1] P. Isola, D. Zoran, D. Krishnan and E. H. Adelson, "Crisp boundary detection using
       pointwise mutual information", ECCV, 2014.
    """
    shape = colors.shape[1:]
    small = reduced(colors, REDUCTION, MOST_PIXELS)
    # too few pixels for the eigensolver, or a constant image
    if small[0].size <= 4 * N_VECTORS or not np.ptp(small, axis=(1, 2)).any():
        return np.zeros(shape, np.float32)
    units = np.array(COLOR_UNITS[: len(small)])[:, None, None]
    features = small / units
    samples = features.reshape(len(features), -1).T
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(samples))[:N_SAMPLES]
    words = fit_codebook(samples[chosen], N_WORDS, rng)
    codes = hard_words(samples, words).reshape(small.shape[1:])
    information = mutual_information(codes, words)
    values, vectors = slow_vectors(pixel_affinity(codes, information), N_VECTORS)
    strength = np.zeros(codes.shape)
    for value, vector in zip(values, vectors.T, strict=True):
        image = vector.reshape(codes.shape)
        span = max(float(np.ptp(image)), TINY)
        blurred = ndimage.gaussian_filter((image - image.min()) / span, BLUR)
        slopes = [ndimage.sobel(blurred, axis) / 8 for axis in range(2)]  # derivatives
        # weight of Arbelaez et al. (2011): smooth vectors separate larger parts, and weigh more
        strength += np.hypot(*slopes) / np.sqrt(value)
    enlarged: np.ndarray = resize(strength, shape, order=1, mode="edge", anti_aliasing=False)
    return enlarged.astype(np.float32)


def n_spectral_pixels(n_pixels: float) -> float:
    """Number of pixels of the reduced image on which the spectral step works.

    Parameters
    ----------
    n_pixels : float
        Number of pixels of the plane.

    Returns
    -------
    n_seen : float
        A ninth of `n_pixels`, at most 24 000.
    """
    return min(n_pixels / REDUCTION**2, MOST_PIXELS)


def reduced(colors: np.ndarray, reduction: int, most_pixels: int) -> np.ndarray:
    """Downsample an image by averaging.

    Parameters
    ----------
    colors : (C, Y, X) float array
        Image.
    reduction : int
        Least factor by which the sides become shorter.
    most_pixels : int
        Largest number of pixels of the result.

    Returns
    -------
    small : (C, y, x) float64 array
        Each pixel is the mean of the pixels that it covers; no side falls below 1.
    """
    height, width = colors.shape[1:]
    factor = max(reduction, np.sqrt(height * width / most_pixels))
    rows, columns = (max(1, round(side / factor)) for side in (height, width))
    by_rows = np.stack([_means(plane, rows) for plane in colors.astype(np.float64)])
    return np.stack([_means(plane.T, columns).T for plane in by_rows])


def _means(plane: np.ndarray, n_rows: int) -> np.ndarray:
    """Means over `n_rows` groups of successive rows."""
    starts = np.arange(n_rows) * len(plane) // n_rows
    counts = np.diff(np.append(starts, len(plane)))
    return np.asarray(np.add.reduceat(plane, starts, axis=0) / counts[:, None])


def mutual_information(codes: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Pointwise mutual information of the colors of nearby pixels.

    Parameters
    ----------
    codes : (Y, X) int array
        Word of each pixel, ``0 .. W - 1``.
    words : (W, C) float array
        Codebook, in color units.

    Returns
    -------
    information : (W, W) float64 array
        ``log(P(a, b) ** 1.25 / (P(a) P(b)))``, symmetric, clipped to -12 to 8.
    """
    n_words = len(words)
    joint = np.zeros((n_words, n_words))
    for offset in half_disk(FARTHEST):
        distance = float(np.hypot(*offset))
        if distance < NEAREST:
            continue
        here, there = windows(offset, codes.shape)
        keys = codes[here].ravel() * n_words + codes[there].ravel()
        counts = np.bincount(keys, minlength=n_words**2).reshape(n_words, n_words)
        joint += np.exp(-0.5 * (distance / REACH) ** 2) * counts
    joint += joint.T  # the half disk gave each pair of pixels in one order only
    # kernel density estimate over words: spread each count over the words of similar color
    gaps = ((words[:, None] - words[None]) ** 2).sum(axis=-1)
    kernel = np.exp(-0.5 * gaps / KERNEL**2)
    kernel /= kernel.sum(axis=0)
    density = kernel @ joint @ kernel.T
    density = density / max(density.sum(), TINY) + TINY
    share = density.sum(axis=1)
    information = EXPONENT * np.log(density) - np.log(share)[:, None] - np.log(share)
    return np.asarray(np.clip(information, LOWEST, HIGHEST))


def pixel_affinity(codes: np.ndarray, information: np.ndarray) -> csr_array:
    """Affinity of each pixel with the pixels within five pixels.

    Parameters
    ----------
    codes : (Y, X) int array
        Word of each pixel.
    information : (W, W) float array
        Logarithm of the affinity of two words.

    Returns
    -------
    affinity : (N, N) sparse float64 array
        Symmetric matrix with a positive diagonal.
    """
    n = codes.size
    table = np.exp(information)
    numbers = np.arange(n).reshape(codes.shape)
    rows, columns, values = [], [], []
    for offset in half_disk(RADIUS):
        here, there = windows(offset, codes.shape)
        rows.append(numbers[here].ravel())
        columns.append(numbers[there].ravel())
        values.append(table[codes[here].ravel(), codes[there].ravel()])
    ends = (np.concatenate(rows), np.concatenate(columns))
    half = csr_array((np.concatenate(values), ends), shape=(n, n))
    return csr_array(half + half.T + diags_array(np.full(n, LOOP)))


def slow_vectors(affinity: csr_array, n_vectors: int) -> tuple[np.ndarray, np.ndarray]:
    """Smoothest vectors on a graph: the generalized eigenvectors of the normalized cut.

    Parameters
    ----------
    affinity : (N, N) sparse float array
        Symmetric matrix without negative values.
    n_vectors : int
        Number of vectors.

    Returns
    -------
    values : (n_vectors,) float64 array
        Smallest eigenvalues of the normalized Laplacian but the very first, ascending.
    vectors : (N, n_vectors) float64 array
        Eigenvectors, divided by the root of the degrees.

    References
    ----------
    .. [1] J. Shi and J. Malik, "Normalized cuts and image segmentation", IEEE Transactions on
       Pattern Analysis and Machine Intelligence 22(8), 2000.
    """
    degrees = np.asarray(affinity.sum(axis=1)).ravel()
    roots = np.sqrt(degrees)
    scale = diags_array(1 / roots)
    # the Laplacian is L = I - D^(-1/2) W D^(-1/2): its smallest eigenvalues are one minus the
    # largest of this matrix, which Lanczos iteration finds faster. The first, 1, belongs to
    # the start vector D^(1/2), which is constant after the division and shows no boundary.
    normal = csr_array(scale @ affinity @ scale)
    largest, vectors = eigsh(
        normal, n_vectors + 1, which="LA", v0=roots, tol=1e-3, ncv=4 * n_vectors
    )
    order = np.argsort(-largest, kind="stable")[1:]
    values = np.maximum(1 - largest[order], LEAST_GAP)
    return values, vectors[:, order] / roots[:, None]


def half_disk(radius: float) -> list[tuple[int, int]]:
    """Offsets to the pixels within a radius, without the opposite of each.

    Parameters
    ----------
    radius : float
        Radius in pixels.

    Returns
    -------
    offsets : list of (int, int)
        Rows and columns of each offset.

    Examples
    --------
    >>> half_disk(1)
    [(0, 1), (1, 0)]
    """
    reach = range(-int(radius), int(radius) + 1)
    offsets = itertools.product(reach, reach)
    return [one for one in offsets if one > (0, 0) and np.hypot(*one) <= radius]


def windows(offset: tuple[int, int], shape: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """Index of the pixels that have a neighbor at an offset, then that of these neighbors."""
    for sign in (-1, 1):
        steps = zip((sign * step for step in offset), shape[-2:], strict=True)
        yield ..., *(slice(max(0, i), max(0, size + min(0, i))) for i, size in steps)
