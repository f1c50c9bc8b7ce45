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
        Pixel size along the spatial axes, in their order (Y and X if `axes` is empty), 0 where
        unknown; empty if all are unknown.
    unit : str
        Unit of spacing and translation; empty if unknown.
    has_alpha : bool or None
        Whether the last channel is opacity according to the file; None if it does not say.
    notes : tuple of str
        Changes during reading, as text for the user.
    origin : str
        Source of the axes, as text for the user.
    translation : tuple of float
        Position of the center of the first pixel along the spatial axes; empty if unknown.
    nodata : float or None
        Value of pixels without data according to the file.
    """

    pixels: np.ndarray
    axes: str = ""
    spacing: tuple[float, ...] = ()
    unit: str = ""
    has_alpha: bool | None = None
    notes: tuple[str, ...] = ()
    origin: str = "the file"
    translation: tuple[float, ...] = ()
    nodata: float | None = None
