"""Multi-level Otsu thresholds of intensity."""

from __future__ import annotations

import numpy as np
from skimage.filters import threshold_multiotsu

from napari_dsc.errors import InvalidParameterError


def otsu_classes(pixels: np.ndarray, n_partitions: int) -> np.ndarray:
    """Classes of intensity, by scikit-image's thresholds of least variance within classes.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image in 0 to 1; channels are averaged.
    n_partitions : int
        Number of classes ``K``, at least 2. An image of fewer different values gives fewer
        classes. The time grows steeply above 5.

    Returns
    -------
    classes : S int64 array
        Classes ``0 .. K - 1`` from dark to bright.

    Raises
    ------
    InvalidParameterError
        If ``n_partitions`` is below 2.

    References
    ----------
    .. [1] P.-S. Liao, T.-S. Chen and P.-C. Chung, "A fast algorithm for multilevel
       thresholding", Journal of Information Science and Engineering 17, 2001.

    Examples
    --------
    >>> otsu_classes(np.array([[[0.1, 0.2, 0.8, 0.9]]]), 2)
    array([[0, 0, 1, 1]])
    """
    if n_partitions < 2:  # with 1, scikit-image would end the process
        raise InvalidParameterError(f"n_partitions={n_partitions}: expected at least 2")
    gray = np.rint(255 * pixels.mean(axis=0)).astype(np.uint8)
    values, ranks = np.unique(gray, return_inverse=True)
    if len(values) <= n_partitions:
        return ranks.reshape(gray.shape).astype(np.int64)
    thresholds = threshold_multiotsu(gray, n_partitions)
    classes: np.ndarray = np.digitize(gray, thresholds, right=True)
    return classes.astype(np.int64)
