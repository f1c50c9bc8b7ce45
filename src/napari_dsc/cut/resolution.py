"""Downsampling for the cut: the network sees fewer pixels, the superpixels keep theirs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from torch.nn import functional

from napari_dsc.labels.neighbors import region_centroids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

# least side of a downsampled plane: the network sees 16 pixels to each side of a pixel
SMALLEST_SIDE = 32


class CoarseSuperpixels(NamedTuple):
    """Superpixels at the resolution of the network.

    Attributes
    ----------
    labels : S' int64 array
        Coarse superpixels ``0 .. M' - 1``. A superpixel that is at no sampled pixel is
        missing.
    members : (M',) int64 array
        Superpixel of the full image for each coarse superpixel.
    rows : (M,) int64 array
        Coarse superpixel for each superpixel of the full image: its own, or the nearest by
        centroid if it is missing.
    """

    labels: np.ndarray
    members: np.ndarray
    rows: np.ndarray


def coarse_shape(
    shape: tuple[int, ...], resolution: float, megapixels: float
) -> tuple[int, ...]:
    """Shape of the downsampled image.

    Parameters
    ----------
    shape : tuple of int
        Shape of the image, without channels.
    resolution : float
        Side of the downsampled image relative to the image, in (0, 1].
    megapixels : float
        Largest number of pixels, in millions, of all planes of a stack together.

    Returns
    -------
    shape : tuple of int
        A stack keeps its number of planes. No side of a plane falls below 32 pixels, unless
        it is shorter already.

    Examples
    --------
    >>> coarse_shape((321, 40), 0.5, 1.0)
    (160, 32)
    >>> coarse_shape((4000, 1000), 0.5, 0.25)
    (1000, 250)
    >>> coarse_shape((10, 400, 400), 0.5, 0.1)
    (10, 100, 100)
    """
    largest = (megapixels * 1e6 / math.prod(shape)) ** (1 / 2)
    resolution = min(resolution, largest)
    sides = (max(round(side * resolution), min(side, SMALLEST_SIDE)) for side in shape[-2:])
    return (*shape[:-2], *sides)


def coarse_spacing(
    spacing: Sequence[float], shape: Sequence[int], coarse: Sequence[int]
) -> tuple[float, ...]:
    """Pixel size of a downsampled stack.

    Parameters
    ----------
    spacing : sequence of float
        Pixel size along the axes; empty for isotropic pixels.
    shape, coarse : sequence of int
        Shape of the image and of the downsampled image.

    Returns
    -------
    spacing : tuple of float
        Empty for a plane without spacing, whose two sides are downsampled alike.

    Examples
    --------
    >>> coarse_spacing((), (10, 400, 400), (10, 100, 100))
    (1.0, 4.0, 4.0)
    """
    if not len(spacing) and len(shape) == 2:
        return ()
    sizes = spacing if len(spacing) else [1.0] * len(shape)
    sides = zip(sizes, shape, coarse, strict=True)
    return tuple(size * many / few for size, many, few in sides)


def coarse_superpixels(superpixels: np.ndarray, shape: tuple[int, ...]) -> CoarseSuperpixels:
    """Sample superpixel labels at the center of each coarse pixel.

    Parameters
    ----------
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``.
    shape : tuple of int
        Shape ``S'`` of the downsampled image.

    Returns
    -------
    coarse : CoarseSuperpixels
        Coarse labels, and the correspondence of both sets of superpixels.

    Examples
    --------
    >>> coarse_superpixels(np.array([[0, 0, 0, 1, 2, 2, 2, 2]]), (1, 2)).rows
    array([0, 0, 1])
    """
    places = [
        ((np.arange(few) + 0.5) * many / few).astype(int)
        for few, many in zip(shape, superpixels.shape, strict=True)
    ]
    members, labels = np.unique(superpixels[np.ix_(*places)], return_inverse=True)
    centers = region_centroids(superpixels)
    _, rows = cKDTree(centers[members]).query(centers)
    # two superpixels may share a centroid; a sampled one always stands for itself
    rows[members] = np.arange(len(members))
    return CoarseSuperpixels(labels.reshape(shape).astype(np.int64), members, rows)


def coarse_image(image: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Downsample an image by averaging.

    Parameters
    ----------
    image : (P, C, Y, X) float tensor
        Planes of an image.
    shape : tuple of int
        Shape ``S'`` of the downsampled image, with P planes.

    Returns
    -------
    image : (P, C, Y', X') float tensor
        Each pixel is the mean of the pixels that it covers.
    """
    return functional.interpolate(image, shape[-2:], mode="area")
