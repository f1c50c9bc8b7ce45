"""The gPb-owt-ucm contour maps of BSDS500 in their 8-bit form, ``ucm2_png/SPLIT/*.png``.

Value v stands for the contour strength v / 255, rounded up, at double size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import imageio.v3 as iio
import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from pathlib import Path


def read_contours(root: Path, split: str, name: str) -> np.ndarray:
    """Contour map of one image, (2Y + 1, 2X + 1) uint8."""
    contours: np.ndarray = iio.imread(root / "ucm2_png" / split / f"{name}.png")
    return contours


def regions_at(contours: np.ndarray, strength: float) -> np.ndarray:
    """Regions that contours stronger than a threshold in [0, 1] separate, (Y, X) int32."""
    pieces, _ = ndimage.label(contours <= 255 * strength, structure=np.ones((3, 3)))
    regions: np.ndarray = pieces[1::2, 1::2]
    return regions
