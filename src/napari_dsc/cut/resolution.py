"""The cut on a smaller image: superpixels keep their pixels, the network sees fewer."""

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

SMALLEST_SIDE = 32


class CoarseSuperpixels(NamedTuple):
    """Superpixels at the resolution of the network.

    Attributes
    ----------
    labels : S' int64 array
        Superpixels ``0 .. M' - 1``; those too small to be hit are not among them.
    members : (M',) int64 array
        Which superpixel of the full image each one is.
    rows : (M,) int64 array
        For each superpixel of the full image the coarse one that stands for it: itself, or
        the nearest where it was not hit.
    """

    labels: np.ndarray
    members: np.ndarray
    rows: np.ndarray


def coarse_shape(
    shape: tuple[int, ...], resolution: float, megapixels: float
) -> tuple[int, ...]:
    """Shape of the smaller image.

    Parameters
    ----------
    shape : tuple of int
        Shape of the image, without channels.
    resolution : float
        Its size relative to the image, in (0, 1].
    megapixels : float
        Most pixels it may have, in millions; those of all planes of a stack together.

    Returns
    -------
    shape : tuple of int
        The planes of a stack stay as many; no side of a plane falls below 32 pixels, unless
        it is smaller already.

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
    """Pixel size of a smaller stack.

    Parameters
    ----------
    spacing : sequence of float
        Pixel size along the axes; empty stands for equal sides.
    shape, coarse : sequence of int
        Shape of the image and of the smaller one.

    Returns
    -------
    spacing : tuple of float
        Empty for a plane without spacing, whose sides shrink alike.

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
    """Take superpixels at the pixel amid each pixel of a smaller image.

    Parameters
    ----------
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``.
    shape : tuple of int
        Shape ``S'`` of the smaller image.

    Returns
    -------
    coarse : CoarseSuperpixels
        Labels, and which superpixel is which.

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
    rows[members] = np.arange(len(members))
    return CoarseSuperpixels(labels.reshape(shape).astype(np.int64), members, rows)


def coarse_image(image: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Average an image down.

    Parameters
    ----------
    image : (P, C, Y, X) float tensor
        Planes of an image.
    shape : tuple of int
        Shape ``S'``, which has as many planes.

    Returns
    -------
    image : (P, C, Y', X') float tensor
        Each pixel is the mean of those that it covers.
    """
    return functional.interpolate(image, shape[-2:], mode="area")
