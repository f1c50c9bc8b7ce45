"""An image as it is stored in a file."""

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
        One letter of ``TZCYX`` for each axis; empty if unknown.
    spacing : tuple of float
        Pixel size along the spatial axes, in their order (Y and X if `axes` is empty); empty
        if unknown.
    unit : str
        Unit of the spacing; empty if unknown.
    has_alpha : bool
        Whether the last channel is opacity according to the file.
    notes : tuple of str
        Changes during reading, as text for the user.
    origin : str
        Source of the axes, as text for the user.
    """

    pixels: np.ndarray
    axes: str = ""
    spacing: tuple[float, ...] = ()
    unit: str = ""
    has_alpha: bool = False
    notes: tuple[str, ...] = ()
    origin: str = "the file"
