"""Mean features of regions: each level of the encoder is pooled at its own resolution."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from napari_dsc.machine.device import reproducible
from napari_dsc.superae.blocks import pad_to_stride
from napari_dsc.superae.model import MARGIN, TILE, WIDTHS, SuperAE, as_many_channels

N_FEATURES = sum(WIDTHS)


class PooledLevels(NamedTuple):
    """Mean and mean square of the encoder's channels over each region.

    Attributes
    ----------
    means, squares : (M, 448) float64 array
        The three levels side by side. Means are those of the levels enlarged linearly to the
        size of the image; squares are taken of the values of a level itself.
    """

    means: np.ndarray
    squares: np.ndarray


def pool_levels(
    model: SuperAE, pixels: Tensor, regions: np.ndarray, valid: np.ndarray | None = None
) -> PooledLevels:
    """Mean features of each region of an image, equation 5.

    Parameters
    ----------
    model : SuperAE
        Trained network in evaluation mode. A network of two dimensions sees a stack plane by
        plane.
    pixels : (C, *S) float tensor
        Image in 0 to 1, on the device of the network; C as for `as_many_channels`.
    regions : S int array
        Regions ``0 .. M - 1``.
    valid : S bool array, optional
        Pixels that count; each region has one. None: all count.

    Returns
    -------
    pooled : PooledLevels
        Enlarging and averaging are both linear, so one sparse matrix does them for each
        level, and nothing is enlarged. The image is seen tile by tile, with a margin wider
        than the receptive field; tiles leave no seams.
    """
    counted = regions if valid is None else np.where(valid, regions, -1)
    n_regions = int(regions.max()) + 1
    sums = np.zeros((2, n_regions, N_FEATURES))
    many = as_many_channels(pixels, model.n_channels)
    if many.ndim - 1 == model.ndim:
        parts = [(many, counted)]
    else:
        parts = [(many[:, number], plane) for number, plane in enumerate(counted)]
    with torch.no_grad(), reproducible(pixels.device):
        for part, of_part in parts:
            for seen, inside in _tiles(part, of_part):
                _add(model, seen, inside, sums)
    sizes = np.bincount(counted.ravel() + 1, minlength=n_regions + 1)[1:, None]
    return PooledLevels(*(sums / sizes))


def _tiles(pixels: Tensor, regions: np.ndarray) -> list[tuple[Tensor, np.ndarray]]:
    """Tiles with a margin, and their regions, -1 in the margin."""
    found = []
    for corner in itertools.product(*(range(0, size, TILE) for size in regions.shape)):
        wide = tuple(slice(max(0, start - MARGIN), start + TILE + MARGIN) for start in corner)
        inside = np.full(regions[wide].shape, -1)
        core = tuple(
            slice(start - one.start, start - one.start + TILE)
            for start, one in zip(corner, wide, strict=True)
        )
        inside[core] = regions[wide][core]
        found.append((pixels[:, *wide], inside))
    return found


def _add(model: SuperAE, pixels: Tensor, regions: np.ndarray, sums: np.ndarray) -> None:
    """Add values and squares of all channels to the sums over the regions of a tile."""
    numbers, compact = np.unique(regions, return_inverse=True)
    compact = compact.reshape(regions.shape) - (numbers[0] < 0)
    numbers = numbers[numbers >= 0]
    if not len(numbers):
        return
    padded = pad_to_stride(pixels.unsqueeze(0))
    start = 0
    for level in model.encoder(padded):
        shape = level.shape[2:]
        values = level[0].flatten(1).T.cpu().numpy()
        pool = enlarging_pool(compact, shape, padded.shape[2] // shape[0])
        stop = start + values.shape[1]
        sums[0, numbers, start:stop] += pool @ values
        sums[1, numbers, start:stop] += pool @ np.square(values)
        start = stop


def enlarging_pool(regions: np.ndarray, shape: Sequence[int], stride: int) -> csr_array:
    """Matrix that enlarges a level linearly, then sums it over regions.

    Parameters
    ----------
    regions : S int array
        Regions ``0 .. M - 1`` of an image; pixels of -1 do not count.
    shape : sequence of int
        Shape of the level.
    stride : int
        Pixels of the image for each value of the level, along each axis.

    Returns
    -------
    pool : (M, n) sparse float32 array
        Centers lie at half a pixel, as in `torch.nn.functional.interpolate` without aligned
        corners.

    Examples
    --------
    >>> enlarging_pool(np.array([[0, 0, 1, 1]]), (1, 2), 2).toarray()
    array([[1.75, 0.25],
           [0.25, 1.75]], dtype=float32)
    """
    ends = [_ends(*sizes, stride) for sizes in zip(regions.shape, shape, strict=True)]
    counted = regions >= 0
    rows = regions[counted]
    pool = csr_array((int(regions.max()) + 1, int(np.prod(shape))), dtype=np.float32)
    for corner in itertools.product(*ends):
        place, weight = np.zeros((1,) * regions.ndim, np.int64), np.ones((1,) * regions.ndim)
        for axis, (index, share) in enumerate(corner):
            along = [-1 if other == axis else 1 for other in range(regions.ndim)]
            place = place * shape[axis] + index.reshape(along)
            weight = weight * share.reshape(along)
        entries = (weight.astype(np.float32)[counted], (rows, place[counted]))
        pool = pool + csr_array(entries, shape=pool.shape)
    return pool


def _ends(size: int, length: int, stride: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Both values that each pixel along an axis lies between, and their weights."""
    if stride == 1:
        return [(np.arange(size), np.ones(size))]
    place = np.maximum((np.arange(size) + 0.5) / stride - 0.5, 0)
    low = np.minimum(place.astype(np.int64), length - 1)
    return [(low, 1 - (place - low)), (np.minimum(low + 1, length - 1), place - low)]
