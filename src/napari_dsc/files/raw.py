"""An image as it is stored in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import psutil

from napari_dsc.errors import ComputationError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

_LONGEST_REASON = 200  # signs; damaged bytes lead to messages that list them


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


def check_memory(path: Path, n_bytes: int) -> None:
    """Refuse to read what memory does not hold, since the system may end a process that does.

    Parameters
    ----------
    path : Path
        File, for the message.
    n_bytes : int
        Size of its pixels.

    Raises
    ------
    ComputationError
        If less memory is free.
    """
    free = psutil.virtual_memory().available
    if n_bytes > free:
        raise ComputationError(
            f"{path}: its pixels take {n_bytes / 2**30:.1f} GiB of memory, {free / 2**30:.1f} "
            "GiB are free; crop the image, or segment it in tiles (--tile)"
        )


def reason_of(error: Exception) -> str:
    """Message of a library's error in a few printable words, without the path."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = text.strip().splitlines()
    first = lines[0].rstrip(".") if lines else type(error).__name__
    printable = "".join(sign if sign.isprintable() else "?" for sign in first)
    return printable if len(printable) <= _LONGEST_REASON else type(error).__name__
