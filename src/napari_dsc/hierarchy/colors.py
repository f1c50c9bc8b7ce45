"""Colors in the units that the merge tree is tuned in."""

from __future__ import annotations

import numpy as np

from napari_dsc.images import color_features

CHROMA = 20.0  # spread of a hue channel that stands for Lab's a or b
TINY = 1e-6


def perceptual(pixels: np.ndarray) -> np.ndarray:
    """Lightness and hues of an image, in the ranges of CIELab.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image in 0 to 1.

    Returns
    -------
    colors : (C', *S) float32 array
        Three channels: CIELab. One: lightness, 0 to 100. Other numbers: the first three
        principal components of the channels, each channel scaled by its own spread; the
        first one from 0 to 100, the other two with the spread of a photograph's hues.
    """
    if len(pixels) == 3:
        return color_features(pixels) * np.float32(100)
    if len(pixels) == 1:
        return pixels * np.float32(100)
    flat = pixels.reshape(len(pixels), -1).astype(np.float64)
    flat = flat - flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(flat.std(axis=1, keepdims=True), TINY)
    _, directions = np.linalg.eigh(flat @ flat.T)
    main = directions[:, ::-1][:, :3].T
    main *= np.sign(main.sum(axis=1, keepdims=True) + TINY)  # eigh leaves the sign open
    components: np.ndarray = main @ flat
    low, high = np.percentile(components[0], (0.1, 99.9))
    components[0] = np.clip((components[0] - low) / max(high - low, TINY), 0, 1) * 100
    components[1:] *= CHROMA / np.maximum(components[1].std(), TINY)
    return components.reshape(-1, *pixels.shape[1:]).astype(np.float32)
