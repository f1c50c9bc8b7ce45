"""Per-pixel tensors to one row per region, and the geometry of label images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def region_mean(values: Tensor, regions: Tensor, n_regions: int) -> Tensor:
    """Average per-pixel values over each region.

    Equations 2, 5 and 6 of the paper are this one operation, applied to colors, features
    and probabilities.

    Parameters
    ----------
    values : (N, C) float tensor
        One row per pixel.
    regions : (N,) int64 tensor
        Region of each pixel, in ``0 .. n_regions - 1``, on the device of `values`.
    n_regions : int
        Number of regions ``M``; every region must own at least one pixel.

    Returns
    -------
    means : (M, C) float tensor
        One row per region, with the device and dtype of `values`; differentiable.

    Examples
    --------
    >>> import torch
    >>> region_mean(torch.tensor([[1.0], [3.0], [10.0]]), torch.tensor([0, 0, 1]), 2)
    tensor([[ 2.],
            [10.]])
    """
    sums = values.new_zeros(n_regions, values.shape[1]).index_add(0, regions, values)
    sizes = torch.bincount(regions, minlength=n_regions)
    return sums / sizes.unsqueeze(1)


def region_majority(labels: Tensor, regions: Tensor, n_regions: int, n_labels: int) -> Tensor:
    """Most frequent label in each region, the smallest one where several tie.

    Parameters
    ----------
    labels : (N,) int64 tensor
        Label of each pixel, in ``0 .. n_labels - 1``.
    regions : (N,) int64 tensor
        Region of each pixel, in ``0 .. n_regions - 1``.
    n_regions : int
        Number of regions ``M``.
    n_labels : int
        Number of labels ``K``.

    Returns
    -------
    majority : (M,) int64 tensor
        The second line of equation 4.

    Examples
    --------
    >>> import torch
    >>> region_majority(torch.tensor([1, 1, 0, 2]), torch.tensor([0, 0, 0, 1]), 2, 3)
    tensor([1, 2])
    """
    votes = torch.bincount(regions * n_labels + labels, minlength=n_regions * n_labels)
    return votes.view(n_regions, n_labels).argmax(1)


def region_centroids(regions: np.ndarray) -> np.ndarray:
    """Center of mass of each region.

    Parameters
    ----------
    regions : S int array
        Label image with labels ``0 .. M - 1``, each present.

    Returns
    -------
    centroids : (M, len(S)) float64 array
        Positions in pixels.

    Examples
    --------
    >>> region_centroids(np.array([[0, 0, 1]]))
    array([[0. , 0.5],
           [0. , 2. ]])
    """
    flat = regions.ravel()
    sizes = np.bincount(flat)
    positions: tuple[np.ndarray, ...] = np.indices(regions.shape, sparse=True)
    sums = [
        np.bincount(flat, np.broadcast_to(axis, regions.shape).ravel()) for axis in positions
    ]
    return np.stack(sums, axis=1) / sizes[:, None]


def mean_width(shape: Sequence[int], n_regions: float, spacing: np.ndarray) -> float:
    """Side of a cube as large as a region on average.

    Parameters
    ----------
    shape : sequence of int
        Spatial shape S.
    n_regions : float
        Number of regions ``M``.
    spacing : (len(S),) float array
        Pixel size along each axis.

    Returns
    -------
    width : float
        ``(N / M) ** (1 / len(S))`` in the unit of `spacing`.

    Examples
    --------
    >>> mean_width((8, 6), 4, np.array([1.0, 3.0]))
    6.0
    """
    volume = math.prod(shape) * float(np.prod(spacing))
    return float((volume / n_regions) ** (1 / len(shape)))


def region_pairs(
    regions: np.ndarray, radius_factor: float, spacing: Sequence[float] = ()
) -> np.ndarray:
    """Ordered pairs of regions whose centers lie near each other in space.

    Parameters
    ----------
    regions : S int array
        Label image with labels ``0 .. M - 1``, each present.
    radius_factor : float
        Radius in mean region widths, see `mean_width`.
    spacing : sequence of float
        Pixel size along S in any unit; empty stands for pixels of equal sides.

    Returns
    -------
    pairs : (2, E) int64 array
        As `neighbour_pairs` gives them.

    Examples
    --------
    >>> row = np.array([[[0, 1]]])
    >>> region_pairs(row, 1.5).shape, region_pairs(row, 1.5, (1.0, 1.0, 9.0)).shape
    ((2, 4), (2, 2))
    """
    sizes = np.array(spacing if len(spacing) else [1.0] * regions.ndim)
    centroids = region_centroids(regions) * sizes
    width = mean_width(regions.shape, len(centroids), sizes)
    return neighbour_pairs(centroids, radius_factor * width)


def neighbour_pairs(centroids: np.ndarray, radius: float) -> np.ndarray:
    """Ordered pairs of regions whose centers are closer than a radius.

    Parameters
    ----------
    centroids : (M, D) float array
        Positions, in pixels or any unit of length.
    radius : float
        The distance ``d`` of equation 7, in the same unit; a pair at exactly this distance is
        no pair.

    Returns
    -------
    pairs : (2, E) int64 array
        Both orders of each pair, and each region with itself: the places where the W of
        equation 7 is not zero.

    Examples
    --------
    >>> neighbour_pairs(np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 9.0]]), 2.0)
    array([[0, 1, 0, 1, 2],
           [1, 0, 0, 1, 2]])
    """
    tree = cKDTree(centroids)
    one_way = tree.query_pairs(np.nextafter(radius, 0), output_type="ndarray").T
    itself = np.arange(len(centroids))
    pairs: np.ndarray = np.concatenate(
        [one_way, one_way[::-1], np.stack([itself, itself])], axis=1
    ).astype(np.int64)
    return pairs


def connected_regions(labels: np.ndarray) -> np.ndarray:
    """Number the connected pieces of each label.

    Parameters
    ----------
    labels : S int array
        Label image; every value, 0 too, is a label.

    Returns
    -------
    regions : S int64 array
        Pieces connected through pixel faces, numbered ``0 .. R - 1`` in the order of
        their first pixel.

    Examples
    --------
    >>> connected_regions(np.array([[5, 5, 2, 5]]))
    array([[0, 0, 1, 2]])
    """
    labels = labels.astype(np.int64)  # the largest value of a small type has no next one
    pieces = np.zeros(labels.shape, np.int64)
    n_pieces = 0
    boxes = ndimage.find_objects(labels - labels.min() + 1)
    for value, box in enumerate(boxes, start=int(labels.min())):
        if box is None:
            continue
        mask = labels[box] == value
        found, n_found = ndimage.label(mask)
        pieces[box][mask] = found[mask] + n_pieces
        n_pieces += n_found
    return relabel_in_order(pieces)


def relabel_in_order(labels: np.ndarray) -> np.ndarray:
    """Renumber labels ``0 .. M - 1`` in the order of their first pixel.

    Parameters
    ----------
    labels : S int array
        Label image with any values.

    Returns
    -------
    relabeled : S int64 array
        The same partition.

    Examples
    --------
    >>> relabel_in_order(np.array([[7, 7, 3]]))
    array([[0, 0, 1]])
    """
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    relabeled: np.ndarray = rank[inverse.reshape(labels.shape)]
    return relabeled


def numbered_on(parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Number the labels of several images on, so that no two images share one.

    Parameters
    ----------
    parts : sequence of int array
        Labels from 0 of each image.

    Returns
    -------
    numbered : list of unsigned int array
        Labels of each, above those of all before, in the smallest type that holds all.
    """
    counts = [int(part.max()) + 1 for part in parts]
    starts = np.cumsum([0, *counts])
    kind = np.min_scalar_type(int(starts[-1]))
    return [
        part.astype(kind) + kind.type(start)
        for part, start in zip(parts, starts[:-1], strict=True)
    ]
