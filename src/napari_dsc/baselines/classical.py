"""Methods of scikit-image and OpenCV, and mean shift, which other methods are compared with."""

import contextlib
import functools
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
from skimage.filters import threshold_multiotsu

from napari_dsc.errors import ComputationError, InvalidImageError, InvalidParameterError
from napari_dsc.images import color_features
from napari_dsc.labels.regions import connected_regions
from napari_dsc.superpixels.mean_shift import mean_shift_filter, merge_modes
from napari_dsc.superpixels.methods import egb_plane

MIN_SIZE = 20  # pixels, of Felzenszwalb and Huttenlocher's algorithm; default of scikit-image
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
    return egb_plane(color_features(pixels), scale, MIN_SIZE)


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


# sides of an image and of a superpixel below which SEEDS ends the process in some versions
LEAST_SIDE, LEAST_BLOCK = 32, 8
SEEDS_LEVELS, SEEDS_PRIOR, SEEDS_BINS = 2, 2, 5
LSC_RATIO = 0.075  # default of OpenCV
N_ITERATIONS = 10  # default of OpenCV for LSC


def has_contrib() -> bool:
    """Whether opencv-contrib, a package cv2 with ximgproc, is installed; it is not loaded."""
    found = importlib.util.find_spec("cv2")
    places = found.submodule_search_locations if found else None
    return any((Path(place) / "ximgproc").is_dir() for place in places or ())


def lsc_superpixels(pixels: np.ndarray, n_superpixels: int) -> np.ndarray:
    """Superpixels by linear spectral clustering, by opencv-contrib.

    Parameters
    ----------
    pixels : (C, Y, X) float32 array
        Image in 0 to 1 with one channel or three.
    n_superpixels : int
        Requested number of superpixels; the result may have another.

    Returns
    -------
    superpixels : (Y, X) int64 array
        Connected superpixels, labels from 0.

    Raises
    ------
    InvalidParameterError
        If the image or the mean superpixel is too small for OpenCV.
    ComputationError
        If opencv-contrib is missing or fails.

    References
    ----------
    .. [1] Z. Li and J. Chen, "Superpixel segmentation using linear spectral clustering", CVPR,
       2015.
    """
    width = _mean_width(pixels, n_superpixels)
    with _opencv("LSC") as module:
        algorithm = module.createSuperpixelLSC(_to_bytes(pixels), round(width), LSC_RATIO)
        algorithm.iterate(N_ITERATIONS)
        algorithm.enforceLabelConnectivity()
        return connected_regions(algorithm.getLabels())


def seeds_superpixels(pixels: np.ndarray, n_superpixels: int) -> np.ndarray:
    """Superpixels by energy-driven sampling (SEEDS), by opencv-contrib.

    Parameters
    ----------
    pixels : (C, Y, X) float32 array
        Image in 0 to 1 with one channel or three.
    n_superpixels : int
        Requested number of superpixels; the result may have another, because SEEDS starts
        from a grid of blocks.

    Returns
    -------
    superpixels : (Y, X) int64 array
        Connected superpixels, labels from 0.

    Raises
    ------
    InvalidParameterError
        If the image or the mean superpixel is too small for OpenCV.
    ComputationError
        If opencv-contrib is missing or fails.

    References
    ----------
    .. [1] M. Van den Bergh et al., "SEEDS: superpixels extracted via energy-driven sampling",
       International Journal of Computer Vision 111, 2015.
    """
    _mean_width(pixels, n_superpixels)
    image = _to_bytes(pixels)
    height, width, n_channels = image.shape
    with _opencv("SEEDS") as module:
        algorithm = module.createSuperpixelSEEDS(
            width, height, n_channels, n_superpixels, SEEDS_LEVELS, SEEDS_PRIOR, SEEDS_BINS
        )
        algorithm.iterate(image, N_ITERATIONS)
        return connected_regions(algorithm.getLabels())


@contextlib.contextmanager
def _opencv(name: str) -> Iterator[ModuleType]:
    if not has_contrib():
        raise ComputationError(
            "LSC and SEEDS need the package opencv-contrib, which is not installed; run: pip "
            "install opencv-contrib-python-headless"
        )
    try:
        yield importlib.import_module("cv2.ximgproc")
    except Exception as error:  # cv2.error is known only where OpenCV is
        raise ComputationError(f"{name}: OpenCV failed ({error})") from error


def _mean_width(pixels: np.ndarray, n_superpixels: int) -> float:
    """Width of the mean superpixel; sizes that OpenCV does not handle are refused."""
    height, width = pixels.shape[1:]
    mean_width = float(np.sqrt(height * width / n_superpixels))
    if min(height, width) < LEAST_SIDE or mean_width < LEAST_BLOCK:
        raise InvalidParameterError(
            f"n_superpixels={n_superpixels}: superpixels are {mean_width:.1f} pixels wide in "
            f"an image of {height} x {width}, expected at least {LEAST_BLOCK} pixels in an "
            f"image of at least {LEAST_SIDE} x {LEAST_SIDE}"
        )
    return mean_width


def _to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Image in the form of OpenCV: (Y, X, 3) uint8, contiguous, blue first."""
    clipped = np.clip(three_colors(pixels, "lsc and seeds")[..., ::-1], 0, 1)
    return np.ascontiguousarray(np.rint(255 * clipped).astype(np.uint8))
