"""Error map of two label images, by matching their segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.evaluation.contingency import check_label_images, contingency_table, overlaps
from napari_dsc.evaluation.terms import zero_of
from napari_dsc.labels.regions import compact_labels

if TYPE_CHECKING:
    from napari_dsc.evaluation.terms import Zero


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
