"""An image as a file holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class RawImage(NamedTuple):
    """An image as it is stored in a file.

    Parameters
    ----------
    pixels : np.ndarray
        Values in the shape and type of the file.
    axes : str
        One letter of ``TZCYX`` for each axis; empty if the file does not say.
    spacing : tuple of float
        Pixel size along the spatial axes, in their order (Y and X where `axes` is empty);
        empty if the file does not say.
    unit : str
        Unit of the spacing; empty if the file does not say.
    has_alpha : bool
        True if the file says that the last channel is opacity.
    notes : tuple of str
        What was changed while reading, for people.
    origin : str
        Who names the axes, for people.
    """

    pixels: np.ndarray
    axes: str = ""
    spacing: tuple[float, ...] = ()
    unit: str = ""
    has_alpha: bool = False
    notes: tuple[str, ...] = ()
    origin: str = "the file"
