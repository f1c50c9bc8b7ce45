"""Overlaps of the regions of two label images, and matches by overlap."""

import numpy as np
from scipy.sparse import csr_array

from napari_dsc.errors import InvalidImageError
from napari_dsc.evaluation.terms import Zero, zero_of
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


def error_map(labels: np.ndarray, truth: np.ndarray, zero: Zero = "region") -> np.ndarray:
    """Pixels where the best-matching segments of two label images disagree.

    A segment and an annotated region match if each has its largest intersection over union
    with the other. A pixel is correct if its segment and its region match. So of the segments
    within one region only the best is correct, and of the regions within one segment as well.

    Parameters
    ----------
    labels, truth : S int array
        Label images of one shape; every value is a label.
    zero : str
        Meaning of the label 0 of the truth. Pixels that are ``unlabeled`` are not matched,
        and are never errors; otherwise 0 is a label like the others.

    Returns
    -------
    errors : S bool array
        True at incorrect pixels.

    Raises
    ------
    InvalidImageError
        If the shapes differ, there are no pixels, or the values are not integers.

    Examples
    --------
    >>> error_map(np.array([[1, 1, 1, 2]]), np.array([[5, 5, 6, 6]])).astype(int)
    array([[0, 0, 1, 0]])
    """
    check_label_images(labels, truth)
    errors: np.ndarray
    if zero_of(zero) == "unlabeled":
        errors = truth != 0
        if errors.any():
            errors[errors] = error_map(labels[errors], truth[errors])
        return errors
    rows, columns = (compact_labels(one)[1] for one in (labels, truth))
    table = contingency_table(rows, columns)
    row, column, shares = overlaps(table)
    partner_of_row = _best_partner(row, column, shares)
    partner_of_column = _best_partner(column, row, shares)
    agree = (partner_of_row[rows] == columns) & (partner_of_column[columns] == rows)
    errors = ~agree
    return errors


def _best_partner(own: np.ndarray, other: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """For each number in `own`, that of `other` with the largest share; the first of equals."""
    order = np.lexsort((-other, shares, own))
    partner = np.zeros(int(own.max()) + 1, np.int64)
    partner[own[order]] = other[order]  # of repeated indices NumPy assigns the last value
    return partner


def best_union(segmentation: np.ndarray, foreground: np.ndarray) -> np.ndarray:
    """Pixels of the union of labels that fits the foreground best.

    Parameters
    ----------
    segmentation : S int array
        Label image; every value, 0 too, is a label.
    foreground : S bool array
        Pixels of the annotated objects.

    Returns
    -------
    union : S bool array
        The union of labels with the largest `foreground_dice`.

    Notes
    -----
    A union with h pixels of the foreground has the coefficient ``2 h / (area + foreground)``.
    Adding a label raises it if and only if the foreground's share of the label exceeds half of
    the coefficient. So the best union consists of the labels with the largest shares, and
    trying each number of them finds it.

    Examples
    --------
    >>> foreground = np.array([[True, True, True, False, False]])
    >>> best_union(np.array([[3, 3, 7, 7, 0]]), foreground).astype(int)  # 6/7 against 4/5
    array([[1, 1, 1, 1, 0]])
    """
    labels, flat = compact_labels(segmentation.ravel())
    areas = np.bincount(flat)
    inside = np.bincount(flat, foreground.ravel())
    order = np.argsort(-inside / areas, kind="stable")
    sizes = np.concatenate([[0], np.cumsum(areas[order])]) + np.count_nonzero(foreground)
    hits = np.concatenate([[0], np.cumsum(inside[order])])
    n_taken = int(np.argmax(2 * hits / np.maximum(sizes, 1)))
    is_taken = np.zeros(len(labels), bool)
    is_taken[order[:n_taken]] = True
    return np.asarray(is_taken[flat].reshape(segmentation.shape))


def foreground_dice(found: np.ndarray, foreground: np.ndarray) -> float:
    """Dice coefficient of two sets of pixels.

    Parameters
    ----------
    found, foreground : S bool array
        Pixels of the segmentation, for example from `best_union`, and of the objects.

    Returns
    -------
    coefficient : float
        Twice the number of common pixels over the sum of both; in [0, 1], 1 if both are empty.

    Examples
    --------
    >>> foreground_dice(np.array([True, True, False]), np.array([True, False, False]))
    0.6666666666666666
    """
    total = np.count_nonzero(found) + np.count_nonzero(foreground)
    return float(2 * np.count_nonzero(found & foreground) / total) if total else 1.0


def average_precision(
    found: np.ndarray, annotation: np.ndarray, threshold: float = 0.5
) -> float:
    """Average precision: share of objects that match one to one.

    Parameters
    ----------
    found, annotation : S int array
        Label images of objects; 0 is background.
    threshold : float
        Two objects match if their intersection over union exceeds this. It should be at least
        0.5, at which no object can match two others; 0.5 gives AP50.

    Returns
    -------
    precision : float
        Matches over the sum of matches, false alarms and misses; in [0, 1], 1 if both images
        have no objects.

    References
    ----------
    Caicedo et al.: Nucleus Segmentation across Imaging Experiments: the 2018 Data Science
    Bowl, Nature Methods 16 (2019).

    Examples
    --------
    >>> average_precision(np.array([[1, 1, 0, 2]]), np.array([[1, 1, 1, 0]]))  # 2/3, a miss
    0.5
    """
    values, rows = compact_labels(found)
    others, columns = compact_labels(annotation)
    table = contingency_table(rows, columns)
    row, column, shares = overlaps(table)
    are_objects = (values[row] != 0) & (others[column] != 0)
    n_matches = int(np.count_nonzero(are_objects & (shares > threshold)))
    n_objects = int(np.count_nonzero(values) + np.count_nonzero(others)) - n_matches
    return n_matches / n_objects if n_objects else 1.0
