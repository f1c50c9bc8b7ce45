"""Mean shift segmentation (Comaniciu and Meer 2002): filter, link, merge small regions."""

import itertools
import math
from typing import NamedTuple, Self

import numpy as np

from napari_dsc.hierarchy.region_trees import grid_graph
from napari_dsc.labels.regions import components, relabel_in_order

# points moved at a time, so that their arrays fit into the processor's cache
BLOCK = 16_384
# color of the margin around the image: farther than any bandwidth, yet its square is finite in
# float32
FAR = 1e12


def mean_shift_filter(
    image: np.ndarray, radius: int, bandwidth: float, max_iterations: int = 5
) -> np.ndarray:
    """Replace each pixel by the color at which its mean shift ends.

    A point starts at each pixel's place and color. It moves to the mean place and mean
    color of the pixels that lie in the window around its place and within `bandwidth`
    of its color, until the window stays in place.

    Parameters
    ----------
    image : (C, *S) float array
        Image in two or three dimensions with any number of channels.
    radius : int
        The window reaches this many pixels to each side along every axis, at least 1.
    bandwidth : float
        Radius of the flat kernel in color space, in the unit of `image`.
    max_iterations : int
        Largest number of moves of a point; 5 as in OpenCV.

    Returns
    -------
    filtered : (C, *S) float32 array
        Final color of each pixel's point.

    Notes
    -----
    As in OpenCV's ``pyrMeanShiftFiltering`` without a pyramid, the window is square, places
    are rounded to pixels, and a point stops when its place no longer changes. OpenCV also
    rounds the colors to integer gray levels.

    References
    ----------
    .. [1] D. Comaniciu and P. Meer, "Mean shift: a robust approach toward feature space
       analysis", IEEE Transactions on Pattern Analysis and Machine Intelligence 24(5), 2002.

    Examples
    --------
    >>> step = np.array([[[0.0, 0.1, 0.9, 1.0]]])
    >>> mean_shift_filter(step, radius=1, bandwidth=0.2).round(2)
    array([[[0.05, 0.05, 0.95, 0.95]]], dtype=float32)
    """
    window = _Window.around(image, radius, bandwidth)
    places = window.centers(image.shape[1:])
    colors = image.reshape(len(image), -1).astype(np.float32)
    moving = np.arange(colors.shape[1])
    for _ in range(max_iterations):
        still_moving = [moving[:0]]
        for start in range(0, len(moving), BLOCK):
            block = moving[start : start + BLOCK]
            shift, colors[:, block] = window.move(places[block], colors[:, block])
            places[block] += window.strides @ shift
            still_moving.append(block[shift.any(axis=0)])
        moving = np.concatenate(still_moving)
    return colors.reshape(image.shape)


class _Window(NamedTuple):
    """The joint kernel: a cube of pixels times a ball of colors.

    `planes` (C, P) is the flat image with a margin of color `FAR`. `offsets` (W, D) are the
    pixels of the window, and `strides` (D,) the distances of neighbors along each axis in
    `planes`.
    """

    planes: np.ndarray
    offsets: np.ndarray
    strides: np.ndarray
    bandwidth: float

    @classmethod
    def around(cls, image: np.ndarray, radius: int, bandwidth: float) -> Self:
        n_axes = image.ndim - 1
        margins = [(0, 0)] + [(radius, radius)] * n_axes
        padded = np.pad(image.astype(np.float32), margins, constant_values=FAR)
        reach = range(-radius, radius + 1)
        offsets = np.array(list(itertools.product(reach, repeat=n_axes)))
        strides = np.array([math.prod(padded.shape[axis + 2 :]) for axis in range(n_axes)])
        return cls(padded.reshape(len(image), -1), offsets, strides, bandwidth)

    def centers(self, shape: tuple[int, ...]) -> np.ndarray:
        """Index of each pixel of the image in `planes`, (N,)."""
        radius = self.offsets[-1, 0]
        places = np.indices(shape).reshape(len(shape), -1) + radius
        return np.asarray(self.strides @ places)

    def move(self, places: np.ndarray, colors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Move n points to the mean of their window.

        Parameters
        ----------
        places : (n,) int64 array
            Index of each point in `planes`.
        colors : (C, n) float32 array
            Color of each point.

        Returns
        -------
        shift : (D, n) int64 array
            Rounded step along each axis.
        colors : (C, n) float32 array
            New colors; a point with no pixel within the bandwidth keeps its color.
        """
        count = np.zeros(len(places), np.float32)
        shift = np.zeros((len(self.strides), len(places)), np.float32)
        total = np.zeros_like(colors)
        limit = np.float32(self.bandwidth**2)
        for offset in self.offsets:
            index = places + offset @ self.strides
            # the margin keeps every index valid; "clip" is merely the fastest mode
            neighbors = [plane.take(index, mode="clip") for plane in self.planes]
            distance = np.zeros_like(count)
            for neighbor, color in zip(neighbors, colors, strict=True):
                difference = neighbor - color
                distance += difference * difference
            inside = (distance <= limit).astype(np.float32)
            count += inside
            for neighbor, channel in zip(neighbors, total, strict=True):
                channel += neighbor * inside
            for along, step in zip(shift, offset, strict=True):
                along += np.float32(step) * inside
        found = np.maximum(count, 1)
        colors = np.where(count > 0, total / found, colors)
        return np.rint(shift / found).astype(np.int64), colors


def merge_modes(filtered: np.ndarray, bandwidth: float, min_size: float) -> np.ndarray:
    """Link neighboring pixels of similar color, then merge the small regions.

    Parameters
    ----------
    filtered : (C, *S) float array
        Image after `mean_shift_filter`.
    bandwidth : float
        Pixels that share a face belong to one region if their colors are at most this far
        apart.
    min_size : float
        Least size in pixels; a smaller region joins the neighbor of nearest mean color.

    Returns
    -------
    labels : S int64 array
        Connected regions, numbered ``0 .. M - 1`` in the order of their first pixel.

    Examples
    --------
    >>> merge_modes(np.array([[[0.0, 0.1, 0.5, 1.0, 1.0]]]), 0.2, min_size=1)
    array([[0, 0, 1, 2, 2]])
    >>> merge_modes(np.array([[[0.0, 0.1, 0.5, 1.0, 1.0]]]), 0.2, min_size=2)
    array([[0, 0, 0, 1, 1]])
    """
    colors = filtered.reshape(len(filtered), -1).astype(np.float64)
    pixel_pairs = np.stack(grid_graph(filtered.shape[1:]).edge_list()[:2])
    distance = _distances(colors, pixel_pairs)
    regions = components(pixel_pairs[:, distance <= bandwidth], colors.shape[1])
    while True:
        sizes = np.bincount(regions)
        small = sizes < min_size
        if len(sizes) == 1 or not small.any():
            return relabel_in_order(regions.reshape(filtered.shape[1:]))
        means = np.stack([np.bincount(regions, channel) for channel in colors]) / sizes
        joins = _nearest_neighbors(_region_pairs(regions, pixel_pairs), means)
        regions = components(joins[:, small], len(sizes))[regions]


def _region_pairs(regions: np.ndarray, pixel_pairs: np.ndarray) -> np.ndarray:
    """Pairs of adjacent regions, each in both orders, sorted by the first, (2, E)."""
    pairs = regions[pixel_pairs]
    pairs = pairs[:, pairs[0] != pairs[1]]
    first, second = np.concatenate([pairs, pairs[::-1]], axis=1)
    n_regions = int(regions.max()) + 1
    keys = np.unique(first * n_regions + second)  # one number for each pair
    return np.stack(np.divmod(keys, n_regions))


def _nearest_neighbors(pairs: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Each region, and its neighbor of nearest mean color, (2, M)."""
    order = np.lexsort((_distances(means, pairs), pairs[0]))
    regions, first = np.unique(pairs[0][order], return_index=True)
    return np.stack([regions, pairs[1][order][first]])


def _distances(colors: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Euclidean distance between pairs of columns of `colors`, (E,)."""
    first, second = pairs
    return np.asarray(np.linalg.norm(colors[:, first] - colors[:, second], axis=0))
