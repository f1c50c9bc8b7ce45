"""Centers of regions, and the pairs of regions that lie near each other."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree


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
    sums = [np.bincount(flat, np.broadcast_to(one, regions.shape).ravel()) for one in positions]
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
        As `neighbor_pairs` gives them.

    Examples
    --------
    >>> row = np.array([[[0, 1]]])
    >>> region_pairs(row, 1.5).shape, region_pairs(row, 1.5, (1.0, 1.0, 9.0)).shape
    ((2, 4), (2, 2))
    """
    sizes = np.array(spacing if len(spacing) else [1.0] * regions.ndim)
    centroids = region_centroids(regions) * sizes
    width = mean_width(regions.shape, len(centroids), sizes)
    return neighbor_pairs(centroids, radius_factor * width)


def neighbor_pairs(centroids: np.ndarray, radius: float) -> np.ndarray:
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
    >>> neighbor_pairs(np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 9.0]]), 2.0)
    array([[0, 1, 0, 1, 2],
           [1, 0, 0, 1, 2]])
    """
    tree = cKDTree(centroids)
    one_way = tree.query_pairs(np.nextafter(radius, 0), output_type="ndarray").T
    itself = np.arange(len(centroids))
    return np.concatenate([one_way, one_way[::-1], np.stack([itself, itself])], axis=1).astype(
        np.int64
    )
