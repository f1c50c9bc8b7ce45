"""Conversion of images for libraries that take three colors only."""

from __future__ import annotations

import numpy as np

from napari_dsc.errors import InvalidImageError


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
