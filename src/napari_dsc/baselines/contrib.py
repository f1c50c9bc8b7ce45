"""Superpixels by opencv-contrib, an optional package."""

from __future__ import annotations

import contextlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.baselines.classical import three_colors
from napari_dsc.errors import ComputationError, InvalidParameterError
from napari_dsc.labels.regions import connected_regions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

# sides of an image and of a superpixel below which SEEDS ends the process in some versions
LEAST_SIDE, LEAST_BLOCK = 32, 8
SEEDS_LEVELS, SEEDS_PRIOR, SEEDS_BINS = 2, 2, 5
LSC_RATIO = 0.075  # default of OpenCV
N_ITERATIONS = 10  # default of OpenCV for LSC


def has_contrib() -> bool:
    """Whether opencv-contrib is installed, found out without importing it.

    Returns
    -------
    answer : bool
        True if the package ``cv2`` has a module ``ximgproc``.
    """
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
