"""Efficient graph-based segmentation with the settings of its authors and of benchmarks."""

from __future__ import annotations

import warnings

import numpy as np
from skimage import segmentation

from napari_dsc.images import color_features

SMOOTHING = 0.8  # pixels; recommended by the authors
MIN_SIZE = 20  # pixels; default of scikit-image


def egb_regions(pixels: np.ndarray, scale: float) -> np.ndarray:
    """Regions of Felzenszwalb and Huttenlocher's algorithm, by scikit-image.

    Parameters
    ----------
    pixels : (C, Y, X) float32 array
        Image in 0 to 1.
    scale : float
        Constant ``k`` of the predicate for colors of 0 to 255, above 0; a larger one gives
        larger regions.

    Returns
    -------
    labels : (Y, X) int64 array
        Regions of at least 20 pixels, connected through edges or corners of pixels, labels
        from 0. Colors are CIELab / 100, smoothed by a Gaussian of 0.8 pixels.

    References
    ----------
    .. [1] P. F. Felzenszwalb and D. P. Huttenlocher, "Efficient graph-based image
       segmentation", International Journal of Computer Vision 59(2), 2004.

    Examples
    --------
    >>> halves = np.repeat(np.float32([0.1, 0.9]), 64).reshape(1, 16, 8)
    >>> np.unique(egb_regions(halves, 100.0)[:, 0])
    array([0, 1])
    """
    channels_last = np.moveaxis(color_features(pixels), 0, -1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Got image with third dimension")
        labels: np.ndarray = segmentation.felzenszwalb(
            channels_last, scale=scale, sigma=SMOOTHING, min_size=MIN_SIZE
        )
    return labels.astype(np.int64)
