"""Sample images: packaged files, and what napari shows under File > Open Sample."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import imageio.v3 as iio
import numpy as np
from skimage import data

LayerData: TypeAlias = tuple[np.ndarray, dict[str, object], str]


def sample_path(name: str = "tissue") -> Path:
    """Path of an image inside the package.

    Parameters
    ----------
    name : str
        ``tissue`` (8-bit RGB, 256 x 320 pixels), ``nuclei`` (8-bit gray, 360 x 360) or
        ``neuropil`` (8-bit gray, 250 x 250).

    Returns
    -------
    path : Path
        A PNG; its source and license stand in the ``README.md`` beside it.

    Examples
    --------
    >>> sample_path().name
    'tissue.png'
    """
    return Path(__file__).with_name("data") / f"{name}.png"


def tissue() -> list[LayerData]:
    """Tissue stained with hematoxylin and eosin, as a layer for napari.

    Returns
    -------
    layers : list of tuple
        One RGB image layer: a (256, 320, 3) uint8 array, its options, and ``"image"``.
    """
    return _layer(iio.imread(sample_path()), "tissue", "CC0 1.0, BBBC038v1")


def nuclei() -> list[LayerData]:
    """Fluorescent nuclei, as a layer for napari.

    Returns
    -------
    layers : list of tuple
        One gray image layer: a (360, 360) uint8 array, its options, and ``"image"``.
    """
    return _layer(iio.imread(sample_path("nuclei")), "nuclei", "CC0 1.0, BBBC038v1")


def neuropil() -> list[LayerData]:
    """Neuropil of a fly's medulla under the electron microscope, as a layer for napari.

    Returns
    -------
    layers : list of tuple
        One gray image layer: a (250, 250) uint8 array, its options, and ``"image"``.
    """
    license_ = "CC BY 3.0, FlyEM / HHMI Janelia, NeuroProof examples"
    return _layer(iio.imread(sample_path("neuropil")), "neuropil", license_)


def cell() -> list[LayerData]:
    """Quantitative phase of a cell that comes with scikit-image, as a layer for napari.

    Returns
    -------
    layers : list of tuple
        One gray image layer: a (660, 550) uint8 array, its options with the pixel size of
        0.107 micrometers, and ``"image"``.
    """
    place = {"scale": (0.107, 0.107), "units": ("um", "um")}
    return _layer(data.cell(), "cell", "CC0 1.0, scikit-image", **place)


def photo() -> list[LayerData]:
    """Photo of a coffee cup that comes with scikit-image, as a layer for napari.

    Returns
    -------
    layers : list of tuple
        One RGB image layer: a (400, 600, 3) uint8 array, its options, and ``"image"``.
    """
    return _layer(data.coffee(), "coffee", "CC0 1.0, scikit-image")


def _layer(pixels: np.ndarray, name: str, license_: str, **place: object) -> list[LayerData]:
    options: dict[str, object] = place | {
        "name": name,
        "rgb": pixels.ndim == 3,
        "axis_labels": ("y", "x"),
        "metadata": {"license": license_},
    }
    return [(pixels, options, "image")]
