"""Boundary recall: the share of annotated boundaries that a segmentation finds."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.segmentation import find_boundaries


def boundary_pixels(labels: np.ndarray) -> np.ndarray:
    """Pixels that share a face with a pixel of another label.

    Parameters
    ----------
    labels : S int array
        Label image; every value, 0 too, is a label.

    Returns
    -------
    boundary : S bool array
        Pixels on both sides of each boundary.

    Examples
    --------
    >>> boundary_pixels(np.array([[1, 1, 1, 2]])).astype(int)
    array([[0, 0, 1, 1]])
    """
    boundary: np.ndarray = find_boundaries(labels, mode="thick")
    return boundary


def near(boundary: np.ndarray, tolerance: int) -> np.ndarray:
    """Pixels within a distance of a boundary along each axis.

    Parameters
    ----------
    boundary : S bool array
        Result of `boundary_pixels`.
    tolerance : int
        Largest distance in pixels, from 0.

    Returns
    -------
    zone : S bool array
        The widened boundary.

    Examples
    --------
    >>> near(np.array([[False, False, False, True]]), 2).astype(int)
    array([[0, 1, 1, 1]])
    """
    zone: np.ndarray = ndimage.maximum_filter(boundary, 2 * tolerance + 1)
    return zone


def boundary_recall(zone: np.ndarray, annotated: np.ndarray) -> float:
    """Share of the annotated boundary near a boundary of the segmentation.

    Parameters
    ----------
    zone : S bool array
        Pixels near a boundary of the segmentation, from `near`.
    annotated : S bool array
        Boundary of the annotation, from `boundary_pixels`.

    Returns
    -------
    recall : float
        In [0, 1]; 1 if the annotation has no boundary.

    References
    ----------
    Stutz, Hermans, Leibe: Superpixels: An Evaluation of the State-of-the-Art, Computer
    Vision and Image Understanding 166 (2018), section 5.1.

    Examples
    --------
    >>> found, annotated = np.array([[1, 1, 1, 2]]), np.array([[1, 2, 2, 2]])
    >>> zone = near(boundary_pixels(found), 1)
    >>> boundary_recall(zone, boundary_pixels(annotated))
    0.5
    """
    n_annotated = int(np.count_nonzero(annotated))
    return float(np.count_nonzero(zone & annotated) / n_annotated) if n_annotated else 1.0
