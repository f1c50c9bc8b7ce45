"""Mean features of regions: each level of the encoder is pooled at its own resolution."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from napari_dsc.machine.device import reproducible
from napari_dsc.superae.blocks import LAYERS, pad_to_stride
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
    model: SuperAE,
    pixels: np.ndarray,
    partitions: Sequence[np.ndarray],
    valid: np.ndarray | None = None,
) -> list[PooledLevels]:
    """Mean features of each region of an image, equation 5.

    Parameters
    ----------
    model : SuperAE
        Trained network in evaluation mode. A network of two dimensions sees a stack plane by
        plane.
    pixels : (C, *S) float32 array
        Image in 0 to 1; C as for `as_many_channels`.
    partitions : sequence of S int array
        Regions ``0 .. M - 1`` each.
    valid : S bool array, optional
        Pixels that count; a region without one has the value 0. None: all count.

    Returns
    -------
    pooled : list of PooledLevels
        One for each partition. Enlarging and averaging are both linear, so one sparse matrix
        does them for each level, and nothing is enlarged. The image is seen tile by tile, with
        a margin wider than the receptive field; tiles leave no seams.
    """
    counted = [one if valid is None else np.where(valid, one, -1) for one in partitions]
    numbers = [int(one.max()) + 1 for one in partitions]
    sums = [np.zeros((2, n_regions, N_FEATURES)) for n_regions in numbers]
    device = next(model.parameters()).device
    many = as_many_channels(torch.from_numpy(pixels).to(device), model.n_channels)
    planes: Iterable[Any] = [(many, counted)]
    if many.ndim - 1 > model.ndim:
        planes = zip(many.unbind(1), zip(*counted, strict=True), strict=True)
    with torch.no_grad(), reproducible(device):
        for plane, of_plane in planes:
            for corner in itertools.product(*(range(0, n, TILE) for n in plane.shape[1:])):
                levels = _levels(model, plane, corner)
                for regions, total in zip(of_plane, sums, strict=True):
                    _add(levels, _inside(regions, corner), total)
    found = []
    for one, total, n_regions in zip(counted, sums, numbers, strict=True):
        sizes = np.bincount(one.ravel() + 1, minlength=n_regions + 1)[1:, None]
        found.append(PooledLevels(*(total / np.maximum(sizes, 1))))
    return found


class _Level(NamedTuple):
    """Values of a level of the encoder, a row for each place, its shape and its stride."""

    values: np.ndarray
    shape: Sequence[int]
    stride: int


def _window(corner: Sequence[int]) -> tuple[slice, ...]:
    """Pixels of a tile and of the margin around it."""
    return tuple(slice(max(0, start - MARGIN), start + TILE + MARGIN) for start in corner)


def _levels(model: SuperAE, pixels: Tensor, corner: Sequence[int]) -> list[_Level]:
    """Levels of the encoder for a tile."""
    padded = pad_to_stride(pixels[:, *_window(corner)].unsqueeze(0))
    seen = padded.contiguous(memory_format=LAYERS[model.ndim].layout)
    found = []
    for level in model.encoder(seen):
        rows = level[0].movedim(0, -1)  # without a copy, in the layout of the network
        shape = rows.shape[:-1]
        stride = padded.shape[2] // shape[0]
        found.append(_Level(rows.reshape(-1, rows.shape[-1]).cpu().numpy(), shape, stride))
    return found


def _inside(regions: np.ndarray, corner: Sequence[int]) -> np.ndarray:
    """Regions of a tile, -1 in the margin."""
    window = _window(corner)
    inside = np.full(regions[window].shape, -1)
    starts = [start - one.start for start, one in zip(corner, window, strict=True)]
    core = tuple(slice(start, start + TILE) for start in starts)
    inside[core] = regions[window][core]
    return inside


def _add(levels: Sequence[_Level], regions: np.ndarray, sums: np.ndarray) -> None:
    """Add values and squares of all channels to the sums over the regions of a tile."""
    numbers, compact = np.unique(regions, return_inverse=True)
    compact = compact.reshape(regions.shape) - (numbers[0] < 0)
    numbers = numbers[numbers >= 0]
    if not len(numbers):
        return
    start = 0
    for values, shape, stride in levels:
        pool = enlarging_pool(compact, shape, stride)
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
    entries = []
    for corner in itertools.product(*ends):
        place, weight = np.zeros((1,) * regions.ndim, np.int64), np.ones((1,) * regions.ndim)
        for axis, (index, share) in enumerate(corner):
            along = [-1 if other == axis else 1 for other in range(regions.ndim)]
            place = place * shape[axis] + index.reshape(along)
            weight = weight * share.reshape(along)
        entries.append((weight.astype(np.float32)[counted], place[counted]))
    weights, places = map(np.concatenate, zip(*entries, strict=True))
    every = np.tile(rows, len(entries))
    size = (int(regions.max()) + 1, int(np.prod(shape)))
    return csr_array((weights, (every, places)), shape=size)


def _ends(size: int, length: int, stride: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Both values that each pixel along an axis lies between, and their weights."""
    if stride == 1:
        return [(np.arange(size), np.ones(size))]
    place = np.maximum((np.arange(size) + 0.5) / stride - 0.5, 0)
    low = np.minimum(place.astype(np.int64), length - 1)
    return [(low, 1 - (place - low)), (np.minimum(low + 1, length - 1), place - low)]
