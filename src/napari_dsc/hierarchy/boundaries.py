"""Maps of boundary strength: a color gradient and a spectral map."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from napari_dsc.hierarchy.region_trees import gradient_magnitude
from napari_dsc.hierarchy.spectral import spectral_boundaries

# scale of a gradient in pixels, and its unit: the strength of a clear boundary, in Lab units
GRADIENTS = ((1.0, 8.0), (2.0, 8.5))
# unit of the spectral map: its mean between adjacent superpixels of BSDS500 images
SPECTRAL_UNIT = 2.66


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
    local: np.ndarray = np.mean(gradients, axis=0).astype(np.float32)
    return local
