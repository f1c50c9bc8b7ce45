"""Superpixels for editing: their pixels, neighbors, colors and probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from napari_dsc.errors import InvalidParameterError


@dataclass(frozen=True, eq=False)
class Parts:
    """The superpixels of a segmentation, which edits move between segments.

    Parameters
    ----------
    superpixels : S int array
        Superpixels, from 1; 0 is no superpixel.
    colors : (M, C) float array
        Mean intensities of each superpixel, in [0, 1].
    probabilities : (M, K) float array
        Probability of each superpixel for each class; K is 0 if they are unknown.

    Raises
    ------
    InvalidParameterError
        If the arrays have rows for different numbers of superpixels.
    """

    superpixels: np.ndarray
    colors: np.ndarray
    probabilities: np.ndarray

    def __post_init__(self) -> None:
        highest = int(self.superpixels.max(initial=0))
        rows = {len(self.colors), len(self.probabilities)}
        if len(rows) != 1 or highest > len(self.colors) or self.superpixels.min(initial=0) < 0:
            raise InvalidParameterError(
                f"superpixels: got numbers up to {highest}, {len(self.colors)} colors and "
                f"{len(self.probabilities)} rows of probabilities, expected one of each for "
                "each superpixel"
            )

    @cached_property
    def sizes(self) -> np.ndarray:
        """Number of pixels of each superpixel, (M,)."""
        flat = self.superpixels.ravel()
        return np.bincount(flat, minlength=len(self.colors) + 1)[1:]

    @cached_property
    def _order(self) -> np.ndarray:
        """Flat indices of all pixels, sorted by superpixel."""
        return np.argsort(self.superpixels.ravel(), kind="stable")

    @cached_property
    def _ends(self) -> np.ndarray:
        """End of each superpixel in `_order`, (M,); pixels outside of all come first."""
        n_outside = self.superpixels.size - int(self.sizes.sum())
        return n_outside + np.cumsum(self.sizes)

    def pixels_of(self, parts: np.ndarray) -> np.ndarray:
        """Flat indices of the pixels of superpixels, superpixel by superpixel.

        Parameters
        ----------
        parts : (P,) int array
            Superpixels, counted from 0.

        Returns
        -------
        pixels : (N,) int array
            Flat indices; N is the sum of the sizes.
        """
        sizes, ends = self.sizes[parts], self._ends[parts]
        # 0, 1, ... within each superpixel: a range of slices without a loop
        within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return np.asarray(self._order[np.repeat(ends - sizes, sizes) + within])

    def labels_of(self, labels: np.ndarray) -> np.ndarray:
        """Label of each superpixel, read at its middle pixel in C order.

        Parameters
        ----------
        labels : S int array
            Segmentation; 0 is no segment.

        Returns
        -------
        labels : (M,) int64 array
            Label of each superpixel; 0 for superpixels without a pixel.
        """
        middles = self._order[np.maximum(self._ends - 1 - self.sizes // 2, 0)]
        found = labels.ravel()[middles].astype(np.int64)
        return np.where(self.sizes > 0, found, 0)

    @cached_property
    def pairs(self) -> np.ndarray:
        """Pairs of superpixels that share a pixel face, each pair once, (2, E) from 0."""
        shape, n = self.superpixels.shape, len(self.colors) + 1
        keys = []
        for axis in range(len(shape)):
            one = np.delete(np.arange(shape[axis]), -1)
            first = self.superpixels.take(one, axis).ravel().astype(np.int64)
            second = self.superpixels.take(one + 1, axis).ravel().astype(np.int64)
            meets = (first != second) & (first > 0) & (second > 0)
            low = np.minimum(first[meets], second[meets])
            keys.append(np.unique(low * n + np.maximum(first[meets], second[meets])))
        return np.stack(np.divmod(np.unique(np.concatenate(keys)), n)) - 1

    @cached_property
    def margins(self) -> np.ndarray:
        """Probability of the best class minus that of the second best, (M,); 1 if unknown."""
        if self.probabilities.shape[1] < 2:
            return np.ones(len(self.probabilities))
        best = np.sort(self.probabilities, axis=1)[:, -2:]
        return np.asarray(best[:, 1] - best[:, 0])

    def center(self, part: int) -> tuple[int, ...]:
        """Pixel of a superpixel that is nearest to its centroid.

        Parameters
        ----------
        part : int
            Superpixel, counted from 0.

        Returns
        -------
        position : tuple of int
            Index along each axis.
        """
        positions = np.stack(
            np.unravel_index(self.pixels_of(np.array([part])), self.superpixels.shape), axis=1
        )
        away = ((positions - positions.mean(0)) ** 2).sum(1)
        return tuple(int(one) for one in positions[away.argmin()])


def parts_of(superpixels: np.ndarray, pixels: np.ndarray, probabilities: np.ndarray) -> Parts:
    """Superpixels for editing, with mean colors from an image.

    Parameters
    ----------
    superpixels : S int array
        Superpixels, from 1; 0 is no superpixel.
    pixels : (C, *S) array
        Intensities in any unit; the smallest becomes 0, the largest 1.
    probabilities : (M, K) float array
        Probability of each superpixel for each class; K may be 0.

    Returns
    -------
    parts : Parts
        The superpixels.
    """
    low, high = float(np.nanmin(pixels)), float(np.nanmax(pixels))
    scaled = (pixels.astype(np.float32) - low) / (high - low or 1.0)
    colors = mean_colors(scaled, superpixels)
    n_gone = len(probabilities) - len(colors)  # the last have no pixel with a value
    return Parts(superpixels, np.pad(colors, ((0, n_gone), (0, 0))), probabilities)


def mean_colors(pixels: np.ndarray, superpixels: np.ndarray) -> np.ndarray:
    """Mean intensities of each superpixel.

    Parameters
    ----------
    pixels : (C, *S) float array
        Intensities in [0, 1].
    superpixels : S int array
        Superpixels, from 1; 0 is no superpixel.

    Returns
    -------
    colors : (M, C) float32 array
        Mean intensities; 0 for superpixels without a pixel.

    Examples
    --------
    >>> mean_colors(np.array([[0.0, 0.5, 1.0]]), np.array([1, 1, 2]))
    array([[0.25],
           [1.  ]], dtype=float32)
    """
    flat = superpixels.ravel()
    sizes = np.maximum(np.bincount(flat)[1:], 1)
    sums = [np.bincount(flat, channel.ravel())[1:] for channel in pixels]
    return np.stack([one / sizes for one in sums], axis=1).astype(np.float32)
