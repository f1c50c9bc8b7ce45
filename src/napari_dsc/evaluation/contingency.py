"""Contingency table of two label images, from which all scores of regions are computed."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from napari_dsc.errors import InvalidImageError
from napari_dsc.labels.regions import compact_labels

# largest number of possible pairs, relative to the pixels, for counting in an array
BINS_PER_PIXEL = 8


def contingency_table(first: np.ndarray, second: np.ndarray) -> csr_array:
    """Count the pixels that each pair of regions shares.

    Parameters
    ----------
    first, second : S int array
        Two label images of the same shape; every value, 0 too, is a label. For scores, the
        segmentation comes first and the annotation second.

    Returns
    -------
    table : (n, m) sparse int64 array
        A row for each label of `first` and a column for each label of `second`, from the
        smallest label up. A label without a pixel may have an empty row or column.

    Raises
    ------
    InvalidImageError
        If the shapes differ, there are no pixels, or the values are not integers.

    Examples
    --------
    >>> contingency_table(np.array([[1, 1, 2, 2]]), np.array([[5, 5, 5, 6]])).toarray()
    array([[2, 0],
           [1, 1]])
    """
    check_label_images(first, second)
    rows, columns = (compact_labels(labels.ravel())[1] for labels in (first, second))
    n_rows, n_columns = int(rows.max()) + 1, int(columns.max()) + 1
    keys, counts = _count(rows * n_columns + columns, n_rows * n_columns)
    return csr_array((counts, np.divmod(keys, n_columns)), shape=(n_rows, n_columns))


def overlaps(table: csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Intersection over union of each pair of regions that share a pixel.

    Parameters
    ----------
    table : (n, m) sparse int array
        Contingency table.

    Returns
    -------
    rows, columns : (P,) int array
        Row and column of each pair.
    overlaps : (P,) float64 array
        Intersection over union of each pair, in (0, 1].

    Examples
    --------
    >>> table = contingency_table(np.array([1, 1, 2, 2]), np.array([5, 5, 5, 6]))
    >>> overlaps(table)[2].round(2)
    array([0.67, 0.25, 0.5 ])
    """
    pairs = table.tocoo()
    rows, columns = pairs.coords
    unions = table.sum(axis=1)[rows] + table.sum(axis=0)[columns] - pairs.data
    return rows, columns, pairs.data / unions


def check_label_images(first: np.ndarray, second: np.ndarray) -> None:
    """Check that two arrays are label images of one shape.

    Parameters
    ----------
    first, second : S int array
        Label images.

    Raises
    ------
    InvalidImageError
        If the shapes differ, there are no pixels, or the values are not integers.
    """
    for name, labels in (("first", first), ("second", second)):
        if not np.issubdtype(labels.dtype, np.integer):
            raise InvalidImageError(
                f"{name}: got values of type {labels.dtype}, expected integers"
            )
        if labels.size == 0:
            raise InvalidImageError(
                f"{name}: got shape {labels.shape}, expected at least one pixel"
            )
    if first.shape != second.shape:
        raise InvalidImageError(
            f"second: got shape {second.shape}, expected {first.shape} like the first label "
            "image"
        )


def _count(keys: np.ndarray, n_keys: int) -> tuple[np.ndarray, np.ndarray]:
    """Keys that occur, and their counts; by an array of bins if small, else by sorting."""
    if n_keys > BINS_PER_PIXEL * keys.size:
        return np.unique(keys, return_counts=True)
    counts = np.bincount(keys, minlength=n_keys)
    present = np.flatnonzero(counts)
    return present, counts[present]
