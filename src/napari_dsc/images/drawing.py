"""Perceptual colors, and overlays of boundaries."""

from __future__ import annotations

import numpy as np
from skimage.color import rgb2lab
from skimage.segmentation import mark_boundaries


def color_features(pixels: np.ndarray) -> np.ndarray:
    """Colors in which distances are about those that people perceive.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Values in 0 to 1.

    Returns
    -------
    features : (C, *S) float32 array
        CIELab divided by 100 for three channels, else `pixels` as they are.
    """
    if len(pixels) != 3:
        return pixels
    return np.asarray((rgb2lab(pixels, channel_axis=0) / 100).astype(np.float32))


def draw_boundaries(pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Draw the boundaries of regions onto an image.

    Parameters
    ----------
    pixels : (C, Y, X) float32 array
        Image in 0 to 1; channels other than one or three are averaged.
    labels : (Y, X) int array
        Labels of the regions.

    Returns
    -------
    overlay : (Y, X, 3) uint8 array
        The image with yellow boundaries two pixels wide.
    """
    if len(pixels) not in (1, 3):
        pixels = pixels.mean(0, keepdims=True)
    canvas = np.moveaxis(np.broadcast_to(pixels, (3, *pixels.shape[1:])), 0, -1)
    marked = mark_boundaries(canvas, labels, color=(1, 1, 0), mode="thick")
    return np.asarray(np.rint(np.clip(marked, 0, 1) * 255).astype(np.uint8))
