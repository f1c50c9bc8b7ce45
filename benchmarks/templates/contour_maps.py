"""The gPb-owt-ucm contour maps of BSDS500 in their 8-bit form, ``ucm2_png/SPLIT/*.png``.

Value v stands for the contour strength v / 255, rounded up, at double size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import imageio.v3 as iio

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


def read_contours(root: Path, split: str, name: str) -> np.ndarray:
    """Contour map of one image, (2Y + 1, 2X + 1) uint8."""
    contours: np.ndarray = iio.imread(root / "ucm2_png" / split / f"{name}.png")
    return contours
