"""Classical segmentations of single images, with the settings of benchmarks."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING

import numpy as np
from skimage import segmentation
from skimage.filters import threshold_multiotsu

from napari_dsc.errors import InvalidImageError, InvalidParameterError
from napari_dsc.images import color_features
from napari_dsc.superpixels.mean_shift import mean_shift_filter, merge_modes

if TYPE_CHECKING:
    from collections.abc import Callable

# of Felzenszwalb and Huttenlocher's algorithm
SMOOTHING = 0.8  # pixels; recommended by the authors
MIN_SIZE = 20  # pixels; default of scikit-image
# of mean shift
WINDOW_RADIUS = 7  # pixels
BANDWIDTH = 0.09  # CIELab / 100
# color distance of neighbors that are linked; the whole bandwidth would chain regions together
# across smooth shading
LINK = BANDWIDTH / 3


def three_colors(pixels: np.ndarray, method: str) -> np.ndarray:
    """Image with its colors last; a gray image gets three equal colors.

    Parameters
    ----------
    pixels : (C, Y, X) float array
        Image of one channel or three, in 0 to 1.
    method : str
        Name of the method, for the error message.

    Returns
    -------
    colors : (Y, X, 3) float array
        A view of `pixels`.

    Raises
    ------
    InvalidImageError
        If the number of channels is neither 1 nor 3.

    Examples
    --------
    >>> three_colors(np.full((1, 1, 1), 0.5), "ncut")
    array([[[0.5, 0.5, 0.5]]])
    """
    if len(pixels) not in (1, 3):
        raise InvalidImageError(
            f"image: got {len(pixels)} channels, expected 1 or 3 for {method}"
        )
    return np.moveaxis(np.broadcast_to(pixels, (3, *pixels.shape[1:])), 0, -1)


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


def mean_shift_regions(pixels: np.ndarray) -> Callable[[float], np.ndarray]:
    """Regions of mean shift over their least size; the image is filtered once.

    Parameters
    ----------
    pixels : (C, Y, X) float32 array
        Image in 0 to 1.

    Returns
    -------
    regions : function
        Takes the least size of a region in pixels; smaller regions are merged. Returns
        labels, (Y, X) int64: connected regions, from 0.

    Notes
    -----
    Window and bandwidth are those of the published sweep, in CIELab instead of CIELuv.

    References
    ----------
    .. [1] D. Comaniciu and P. Meer, "Mean shift: a robust approach toward feature space
       analysis", IEEE Transactions on Pattern Analysis and Machine Intelligence 24(5), 2002.

    Examples
    --------
    >>> halves = np.repeat(np.float32([0.1, 0.9]), 64).reshape(1, 16, 8)
    >>> [len(np.unique(labels)) for labels in map(mean_shift_regions(halves), (10, 100))]
    [2, 1]
    """
    filtered = mean_shift_filter(color_features(pixels), WINDOW_RADIUS, BANDWIDTH)
    return functools.partial(merge_modes, filtered, LINK)
