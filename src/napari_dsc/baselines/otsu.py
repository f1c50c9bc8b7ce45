"""Multi-level Otsu thresholds of intensity."""

from __future__ import annotations

import numpy as np
from skimage.filters import threshold_multiotsu

from napari_dsc.errors import InvalidParameterError


def otsu_classes(pixels: np.ndarray, n_partitions: int) -> np.ndarray:
    """Classes of intensity between the thresholds of least variance, by scikit-image.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image in 0 to 1; of several channels the mean is taken.
    n_partitions : int
        Number of classes ``K``, at least 2; fewer where the image has fewer different
        values. The time grows steeply beyond 5.

    Returns
    -------
    classes : S int64 array
        Classes ``0 .. K - 1`` from dark to bright.

    Raises
    ------
    InvalidParameterError
        If less than two classes are asked for.

    References
    ----------
    .. [1] P.-S. Liao, T.-S. Chen and P.-C. Chung, "A fast algorithm for multilevel
       thresholding", Journal of Information Science and Engineering 17, 2001.

    Examples
    --------
    >>> otsu_classes(np.array([[[0.1, 0.2, 0.8, 0.9]]]), 2)
    array([[0, 0, 1, 1]])
    """
    if n_partitions < 2:  # scikit-image ends the process on 1
        raise InvalidParameterError(f"n_partitions={n_partitions}: expected at least 2")
    grey = np.rint(255 * pixels.mean(axis=0)).astype(np.uint8)
    values, ranks = np.unique(grey, return_inverse=True)
    if len(values) <= n_partitions:
        return ranks.reshape(grey.shape).astype(np.int64)
    thresholds = threshold_multiotsu(grey, n_partitions)
    classes: np.ndarray = np.digitize(grey, thresholds, right=True)
    return classes.astype(np.int64)
