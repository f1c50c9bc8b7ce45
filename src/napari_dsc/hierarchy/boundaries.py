"""Maps of boundary strength, and the superpixels that they bound."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from napari_dsc.hierarchy.region_trees import (
    boundary_tree,
    gradient_magnitude,
    horizontal_cut,
)
from napari_dsc.hierarchy.spectral import spectral_boundaries

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
    gradients = [gradient_magnitude(colors, scale) / unit for scale, unit in GRADIENTS]
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
    if strength.size == 1:  # higra takes no graph without edges
        return np.zeros(strength.shape, np.int64)
    hierarchy = boundary_tree(strength.astype(np.float64))
    return horizontal_cut(hierarchy, n_superpixels, FLOOR_FACTOR, by_rank=False)
