"""Input of the merge tree: perceptual colors, and maps of boundary strength."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from napari_dsc.hierarchy import region_trees
from napari_dsc.hierarchy.spectral import spectral_boundaries
from napari_dsc.images import color_features

CHROMA = 20.0  # standard deviation of the second component, like that of Lab's a in photographs
TINY = 1e-6  # avoids a division by zero in constant channels


def perceptual(pixels: np.ndarray) -> np.ndarray:
    """Lightness and hues of an image, in the ranges of CIELab.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image in 0 to 1.

    Returns
    -------
    colors : (C', *S) float32 array
        Of three channels: CIELab. Of one channel: lightness, 0 to 100. Of any other number:
        the first three principal components of the standardized channels (all, if there are
        fewer); the first is stretched to 0 to 100 like lightness, the others are scaled
        together so that the second has the standard deviation of a hue in photographs.
    """
    if len(pixels) == 3:
        return color_features(pixels) * np.float32(100)
    if len(pixels) == 1:
        return pixels * np.float32(100)
    flat = pixels.reshape(len(pixels), -1).astype(np.float64)
    flat = flat - flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(flat.std(axis=1, keepdims=True), TINY)
    _, directions = np.linalg.eigh(flat @ flat.T)
    main = directions[:, ::-1][:, :3].T  # eigh sorts by rising eigenvalue
    # the sign of an eigenvector is arbitrary; a positive sum makes brighter channels lighter
    main *= np.sign(main.sum(axis=1, keepdims=True) + TINY)
    components: np.ndarray = main @ flat
    low, high = np.percentile(components[0], (0.1, 99.9))  # not the extremes: outliers
    components[0] = np.clip((components[0] - low) / max(high - low, TINY), 0, 1) * 100
    components[1:] *= CHROMA / np.maximum(components[1].std(), TINY)
    return components.reshape(-1, *pixels.shape[1:]).astype(np.float32)


# scale of a gradient in pixels, and its unit: the strength of a clear boundary, in Lab units
GRADIENTS = ((1.0, 8.0), (2.0, 8.5))
# unit of the spectral map: its mean between adjacent superpixels of BSDS500 images
SPECTRAL_UNIT = 2.66
# the least size of a superpixel is the mean size over this: 31 pixels for 700 superpixels of
# an image of BSDS500
FLOOR_FACTOR = 7


class BoundaryMaps(NamedTuple):
    """Boundary strength of each pixel.

    Attributes
    ----------
    local : S float32 array
        Color gradient, about 1 at a typical boundary.
    spectral : S float32 array
        Spectral map, see `spectral_boundaries`, about 2.66 at a typical boundary.
    """

    local: np.ndarray
    spectral: np.ndarray

    @property
    def strength(self) -> np.ndarray:
        """Sum of both maps, S float32, each divided by its value at a typical boundary."""
        return self.local + self.spectral / np.float32(SPECTRAL_UNIT)


def boundary_maps(colors: np.ndarray, seed: int) -> BoundaryMaps:
    """Boundary maps of an image.

    Parameters
    ----------
    colors : (C, *S) float32 array
        Lightness and hues in the units of CIELab; one to three channels.
    seed : int
        Seed of the spectral step.

    Returns
    -------
    maps : BoundaryMaps
        Both maps. The spectral map of a volume is computed plane by plane.
    """
    shape = colors.shape[1:]
    planes = colors.reshape(len(colors), -1, *shape[-2:]).swapaxes(0, 1)
    spectral = np.stack([spectral_boundaries(plane, seed) for plane in planes])
    return BoundaryMaps(local_boundaries(colors), spectral.reshape(shape))


def local_boundaries(colors: np.ndarray) -> np.ndarray:
    """Color gradient of an image, averaged over two scales.

    Parameters
    ----------
    colors : (C, *S) float32 array
        Lightness and hues in the units of CIELab; one to three channels.

    Returns
    -------
    local : S float32 array
        Boundary strength, about 1 at a typical boundary.
    """
    gradients = [
        region_trees.gradient_magnitude(colors, scale) / unit for scale, unit in GRADIENTS
    ]
    return np.asarray(np.mean(gradients, axis=0).astype(np.float32))


def fine_partition(strength: np.ndarray, n_superpixels: int) -> np.ndarray:
    """Divide an image into superpixels along its boundaries.

    Parameters
    ----------
    strength : S float array
        Boundary strength of each pixel.
    n_superpixels : int
        Number of superpixels.

    Returns
    -------
    superpixels : S int64 array
        Connected superpixels ``0 .. M - 1`` in the order of their first pixel; fewer than
        ``n_superpixels`` if the image has fewer watershed basins of the least size.

    References
    ----------
    .. [1] P. Arbelaez, M. Maire, C. Fowlkes and J. Malik, "Contour detection and hierarchical
       image segmentation", IEEE Transactions on Pattern Analysis and Machine Intelligence
       33(5), 2011: watershed basins, merged by the mean strength of their boundary.
    """
    [superpixels] = fine_partitions(strength, (n_superpixels,))
    return superpixels


def fine_partitions(strength: np.ndarray, numbers: Sequence[int]) -> list[np.ndarray]:
    """Divide an image into several numbers of superpixels; see `fine_partition`.

    Parameters
    ----------
    strength : S float array
        Boundary strength of each pixel.
    numbers : sequence of int
        Numbers of superpixels.

    Returns
    -------
    partitions : list of S int64 array
        One for each number.
    """
    if strength.size == 1:  # higra takes no graph without edges
        return [np.zeros(strength.shape, np.int64) for _ in numbers]
    hierarchy = region_trees.boundary_tree(strength.astype(np.float64))
    return [
        region_trees.horizontal_cut(hierarchy, number, FLOOR_FACTOR, by_rank=False)
        for number in numbers
    ]
