"""Maps of boundary strength."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from napari_dsc.hierarchy.spectral import spectral_boundaries

# scales in pixels, each with the strength of a common boundary in Lab units
GRADIENTS = ((1.0, 8.0), (2.0, 6.0))


class BoundaryMaps(NamedTuple):
    """Boundary strength of each pixel.

    Attributes
    ----------
    local : S float32 array
        Color gradient, about 1 at a common boundary.
    spectral : S float32 array
        Boundaries of the image's main parts.
    """

    local: np.ndarray
    spectral: np.ndarray


def boundary_maps(colors: np.ndarray, seed: int) -> BoundaryMaps:
    """Find the boundaries in an image.

    Parameters
    ----------
    colors : (C, *S) float32 array
        Lightness and hues in the units of CIELab; one, two or three channels.
    seed : int
        Seed of the spectral step.

    Returns
    -------
    maps : BoundaryMaps
        Of a volume the spectral map is that of each plane by itself.
    """
    gradients = [color_gradient(colors, scale) / unit for scale, unit in GRADIENTS]
    local = np.mean(gradients, axis=0, dtype=np.float32)
    shape = colors.shape[1:]
    planes = colors.reshape(len(colors), -1, *shape[-2:]).swapaxes(0, 1)
    spectral = np.stack([spectral_boundaries(plane, seed) for plane in planes])
    return BoundaryMaps(local, spectral.reshape(shape))


def color_gradient(colors: np.ndarray, scale: float) -> np.ndarray:
    """Largest rate of change over the channels, of a blurred image.

    Parameters
    ----------
    colors : (C, *S) float array
        Image.
    scale : float
        Standard deviation of the Gaussian in pixels.

    Returns
    -------
    gradient : S float32 array
        Root of the largest eigenvalue of the sum over channels of the outer product of the
        gradient, times the root of `scale`; slopes are Sobel's over 8.

    References
    ----------
    .. [1] S. Di Zenzo, "A note on the gradient of a multi-image", Computer Vision, Graphics,
       and Image Processing 33(1), 1986.
    """
    n_axes = colors.ndim - 1
    tensor = np.zeros((*colors.shape[1:], n_axes, n_axes), np.float32)
    for channel in colors:
        blurred = ndimage.gaussian_filter(channel, scale, mode="mirror")
        slopes = [_slope(blurred, axis) for axis in range(n_axes)]
        for row in range(n_axes):
            for column in range(row + 1):
                tensor[..., row, column] += slopes[row] * slopes[column]
    gradient: np.ndarray = np.sqrt(np.maximum(_largest_eigenvalue(tensor), 0) * scale)
    return gradient


def _slope(image: np.ndarray, axis: int) -> np.ndarray:
    """Sobel's derivative over 8: the change from pixel to pixel, smoothed along the others."""
    slope = ndimage.correlate1d(image, np.array([-0.5, 0, 0.5]), axis, mode="mirror")
    for other in set(range(image.ndim)) - {axis}:
        slope = ndimage.correlate1d(slope, np.array([0.25, 0.5, 0.25]), other, mode="mirror")
    return slope


def _largest_eigenvalue(tensor: np.ndarray) -> np.ndarray:
    """Of symmetric matrices, of which the lower triangle is given."""
    if tensor.shape[-1] != 2:
        largest: np.ndarray = np.linalg.eigvalsh(tensor)[..., -1]
        return largest
    first, second, mixed = tensor[..., 0, 0], tensor[..., 1, 1], tensor[..., 1, 0]
    middle, half = (first + second) / 2, (first - second) / 2
    return np.asarray(middle + np.sqrt(half * half + mixed * mixed))
