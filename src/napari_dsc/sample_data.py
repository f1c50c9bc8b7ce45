"""Sample images: a packaged file, and what napari shows under File > Open Sample."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import imageio.v3 as iio
import numpy as np
from skimage import data

LayerData: TypeAlias = tuple[np.ndarray, dict[str, object], str]


def sample_path() -> Path:
    """Path of the image inside the package.

    Returns
    -------
    path : Path
        An 8-bit RGB PNG of stained tissue, 256 x 320 pixels, in the public domain; its source
        stands in the ``README.md`` beside it.

    Examples
    --------
    >>> sample_path().name
    'tissue.png'
    """
    return Path(__file__).with_name("data") / "tissue.png"


def tissue() -> list[LayerData]:
    """Tissue stained with hematoxylin and eosin, as a layer for napari.

    Returns
    -------
    layers : list of tuple
        One RGB image layer: a (256, 320, 3) uint8 array, its options, and ``"image"``.
    """
    return [_rgb_layer(iio.imread(sample_path()), "tissue")]


def photo() -> list[LayerData]:
    """Photo of a coffee cup that comes with scikit-image (CC0), as a layer for napari.

    Returns
    -------
    layers : list of tuple
        One RGB image layer: a (400, 600, 3) uint8 array, its options, and ``"image"``.
    """
    return [_rgb_layer(data.coffee(), "coffee")]


def _rgb_layer(pixels: np.ndarray, name: str) -> LayerData:
    return pixels, {"name": name, "rgb": True}, "image"
