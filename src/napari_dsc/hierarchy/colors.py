"""Colors of any image in the ranges of CIELab, for which the merge tree is tuned."""

from __future__ import annotations

import numpy as np

from napari_dsc.images import color_features

CHROMA = 20.0  # standard deviation of the second component, like that of Lab's a in photographs
TINY = 1e-6  # avoids a division by zero in constant channels


def perceptual(pixels: np.ndarray) -> np.ndarray:
    """Lightness and hues of an image, in the ranges of CIELab.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image in 0 to 1.

    Returns
    -------
    colors : (C', *S) float32 array
        Of three channels: CIELab. Of one channel: lightness, 0 to 100. Of any other number:
        the first three principal components of the standardized channels (all, if there are
        fewer); the first is stretched to 0 to 100 like lightness, the others are scaled
        together so that the second has the standard deviation of a hue in photographs.
    """
    if len(pixels) == 3:
        return color_features(pixels) * np.float32(100)
    if len(pixels) == 1:
        return pixels * np.float32(100)
    flat = pixels.reshape(len(pixels), -1).astype(np.float64)
    flat = flat - flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(flat.std(axis=1, keepdims=True), TINY)
    _, directions = np.linalg.eigh(flat @ flat.T)
    main = directions[:, ::-1][:, :3].T  # eigh sorts by rising eigenvalue
    # the sign of an eigenvector is arbitrary; a positive sum makes brighter channels lighter
    main *= np.sign(main.sum(axis=1, keepdims=True) + TINY)
    components: np.ndarray = main @ flat
    low, high = np.percentile(components[0], (0.1, 99.9))  # not the extremes: outliers
    components[0] = np.clip((components[0] - low) / max(high - low, TINY), 0, 1) * 100
    components[1:] *= CHROMA / np.maximum(components[1].std(), TINY)
    return components.reshape(-1, *pixels.shape[1:]).astype(np.float32)
