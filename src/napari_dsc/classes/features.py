"""Features of superpixels: color, texture and deep features, in blocks of equal variance."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh
from scipy.spatial.distance import cdist

from napari_dsc.hierarchy.descriptors import Descriptors
from napari_dsc.labels.neighbors import region_centroids

# principal components that are kept of the deep means, and of the deep deviations
N_COMPONENTS = 24
LEAST_DEVIATION = 1e-4  # of a deep channel; flatter ones are left out
TEXTURE_SIDES = 16  # a texture is averaged over the side of the image over this
TINY = 1e-12  # variance of a block below which it is constant


class Pooled(NamedTuple):
    """Channels of an image averaged over each of its M superpixels.

    Attributes
    ----------
    colors : (M, C) float64 array
        Mean of each channel of the image.
    means, squares : (M, D) float64 array
        Mean, and mean square, of each channel of the encoder; D is 0 without an encoder.
    """

    colors: np.ndarray
    means: np.ndarray
    squares: np.ndarray


def channel_means(
    pixels: np.ndarray, regions: np.ndarray, valid: np.ndarray | None = None
) -> np.ndarray:
    """Mean of each channel of an image over each region.

    Parameters
    ----------
    pixels : (C, *S) float array
        Image.
    regions : S int array
        Regions ``0 .. M - 1``.
    valid : S bool array, optional
        Pixels that count; a region without one has the value 0. None: all count.

    Returns
    -------
    means : (M, C) float64 array
        One row for each region.
    """
    counted = np.ones(regions.shape, bool) if valid is None else valid
    numbers = regions[counted]
    n_regions = int(regions.max()) + 1
    sums = [np.bincount(numbers, channel[counted], n_regions) for channel in pixels]
    sizes = np.bincount(numbers, minlength=n_regions)[:, None]
    return np.asarray(np.stack(sums, axis=1) / np.maximum(sizes, 1))


class Features(NamedTuple):
    """Features of M superpixels.

    Attributes
    ----------
    shares : (M,) float64 array
        Share of each superpixel in the area of the image; they sum to 1.
    colors : (M, C) float64 array
        Block of the mean channels alone.
    blocks : (M, F) float64 array
        All blocks side by side.
    """

    shares: np.ndarray
    colors: np.ndarray
    blocks: np.ndarray


def features_of(
    pooled: Pooled, descriptors: Descriptors | None, shares: np.ndarray
) -> Features:
    """Features of superpixels in blocks, each of mean 0 and of total variance 1/2.

    Parameters
    ----------
    pooled : Pooled
        Means over each superpixel.
    descriptors : Descriptors or None
        Statistics of the same superpixels; None leaves their blocks out.
    shares : (M,) float array
        Share of each superpixel in the area.

    Returns
    -------
    features : Features
        Blocks: channels; mean and standard deviation of the color in Lab units; square roots
        of the histograms of color and of texture, whose Euclidean distance is that of
        Hellinger; the first principal components of deep means and of deep deviations. A
        constant block is left out.
    """
    raw = _deep(pooled, shares)
    if descriptors is not None:
        mean, square = descriptors.moments[:, 0], descriptors.moments[:, 1]
        spread = np.sqrt(np.maximum(square - mean * mean, 0))
        histograms = np.sqrt(descriptors.histograms.astype(np.float64))
        raw = [mean, spread, histograms[:, 0], histograms[:, 1], *raw]
    colors = unit_block(pooled.colors, shares)
    blocks = [colors, *(unit_block(one, shares) for one in raw)]
    return Features(shares, colors, np.concatenate(blocks, axis=1))


def averaged(values: np.ndarray, shares: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Mean of the values of each group, weighted by area.

    Parameters
    ----------
    values : (M, F) float array
        Values of each superpixel.
    shares : (M,) float array
        Share of each superpixel in the area.
    groups : (M,) int array
        Group of each superpixel, ``0 .. N - 1``.

    Returns
    -------
    means : (N, F) float64 array
        One row for each group.
    """
    sums = np.zeros((int(groups.max()) + 1, values.shape[1]))
    np.add.at(sums, groups, shares[:, None] * values)
    return np.asarray(sums / np.bincount(groups, shares)[:, None])


def averaged_nearby(
    values: np.ndarray, shares: np.ndarray, superpixels: np.ndarray, spacing: tuple[float, ...]
) -> np.ndarray:
    """Values averaged over the neighborhood that makes a texture, by a Gaussian.

    Parameters
    ----------
    values : (M, F) float array
        Values of each superpixel.
    shares : (M,) float array
        Share of each superpixel in the area.
    superpixels : S int array
        Superpixels ``0 .. M - 1``.
    spacing : tuple of float
        Pixel size along each axis; empty: 1.

    Returns
    -------
    averaged : (M, F) float64 array
        The standard deviation is a sixteenth of the side of the image.
    """
    size = np.array(spacing or (1.0,) * superpixels.ndim)
    centers = region_centroids(superpixels) * size
    sides = np.array(superpixels.shape) * size
    reach = float(np.prod(sides[-2:])) ** 0.5 / TEXTURE_SIDES
    near = np.exp(-cdist(centers, centers, "sqeuclidean") / (2 * reach**2)) * shares
    return np.asarray(near @ values / near.sum(axis=1, keepdims=True))


def unit_block(values: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Values with mean 0, scaled together to a total variance of 1/2.

    The mean squared distance of two random pixels is then 1.

    Parameters
    ----------
    values : (M, F) float array
        Values of each superpixel.
    shares : (M,) float array
        Share of each superpixel in the area.

    Returns
    -------
    block : (M, F) float64 array
        Without columns if all superpixels have the same values.
    """
    centered = values - shares @ values
    variance = float(shares @ np.square(centered).sum(axis=1))
    if variance <= TINY * max(1.0, float(np.square(values).max(initial=0))):
        return np.zeros((len(values), 0))
    return np.asarray(centered / np.sqrt(2 * variance))


def _deep(pooled: Pooled, shares: np.ndarray) -> list[np.ndarray]:
    """Principal components of deep means and of deep deviations, both in units of a channel."""
    mean = shares @ pooled.means
    deviation = np.sqrt(np.maximum(shares @ pooled.squares - mean * mean, 0))
    used = deviation > LEAST_DEVIATION
    if not used.any():
        return []
    means, unit = pooled.means[:, used], deviation[used]
    within = np.sqrt(np.maximum(pooled.squares[:, used] - means * means, 0))
    scaled = ((means - mean[used]) / unit, within / unit)
    centered = [one - shares @ one for one in scaled]
    return [one @ component_axes(one, shares, N_COMPONENTS) for one in centered]


def component_axes(values: np.ndarray, shares: np.ndarray, n: int) -> np.ndarray:
    """First principal axes, each superpixel weighted by its share.

    Parameters
    ----------
    values : (M, F) float array
        Values of each superpixel; their mean, weighted by area, is 0.
    shares : (M,) float array
        Share of each superpixel in the area.
    n : int
        Number of axes.

    Returns
    -------
    axes : (F, min(n, F)) float64 array
        Columns, the largest variance first; their signs are arbitrary.
    """
    n_features = values.shape[1]
    if not n_features:
        return np.zeros((0, 0))
    first = max(0, n_features - n)
    scatter = values.T @ (shares[:, None] * values)
    _, axes = eigh(scatter, subset_by_index=(first, n_features - 1))
    return np.asarray(axes[:, ::-1])
