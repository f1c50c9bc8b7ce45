"""Maps of boundary strength."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from napari_dsc.hierarchy.region_trees import gradient_magnitude
from napari_dsc.hierarchy.spectral import spectral_boundaries

# scales in pixels, each with the strength of a clear boundary in Lab units
GRADIENTS = ((1.0, 8.0), (2.0, 8.5))
SPECTRAL_UNIT = 2.66  # mean of the spectral map between superpixels


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

    @property
    def strength(self) -> np.ndarray:
        """Both maps together, S float32; each counts alike at a common boundary."""
        return self.local + self.spectral / np.float32(SPECTRAL_UNIT)


def boundary_maps(colors: np.ndarray, seed: int) -> BoundaryMaps:
    """Find the boundaries in an image.

    Parameters
    ----------
    colors : (C, *S) float32 array
        Lightness and hues in the units of CIELab; one to three channels.
    seed : int
        Seed of the spectral step.

    Returns
    -------
    maps : BoundaryMaps
        Of a volume the spectral map is that of each plane by itself.
    """
    shape = colors.shape[1:]
    planes = colors.reshape(len(colors), -1, *shape[-2:]).swapaxes(0, 1)
    spectral = np.stack([spectral_boundaries(plane, seed) for plane in planes])
    return BoundaryMaps(local_boundaries(colors), spectral.reshape(shape))


def local_boundaries(colors: np.ndarray) -> np.ndarray:
    """Find the boundaries in an image that its colors show nearby.

    Parameters
    ----------
    colors : (C, *S) float32 array
        As `boundary_maps` takes them.

    Returns
    -------
    local : S float32 array
        Color gradient, about 1 at a common boundary.
    """
    gradients = [gradient_magnitude(colors, scale) / unit for scale, unit in GRADIENTS]
    local: np.ndarray = np.mean(gradients, axis=0).astype(np.float32)
    return local
