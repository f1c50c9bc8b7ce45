"""Which axis of an image is which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dsc.errors import InvalidImageError, InvalidParameterError

if TYPE_CHECKING:
    import numpy as np


def check_axes(axes: str, pixels: np.ndarray) -> str:
    """Check the axes that a caller names.

    Parameters
    ----------
    axes : str
        One letter of ``TZCYX`` for each axis, or empty.
    pixels : array
        Image as stored.

    Returns
    -------
    axes : str
        In capitals.

    Raises
    ------
    InvalidParameterError
        If letters are unknown, repeated, or too many or too few.
    """
    if not isinstance(axes, str):
        raise InvalidParameterError(f"axes={axes!r}: expected letters such as 'YXC'")
    letters = set(axes.upper())
    if not axes:
        return axes
    if not {"Y", "X"} <= letters <= set("TZCYX") or len(letters) < len(axes):
        raise InvalidParameterError(
            f"axes={axes!r}: expected Y, X and some of T, Z, C, each at most once"
        )
    if len(axes) != pixels.ndim:
        raise InvalidParameterError(
            f"axes={axes!r}: expected {pixels.ndim} letters for shape {pixels.shape}"
        )
    return axes.upper()


def guess_axes(pixels: np.ndarray) -> str:
    """Axes of an array that nobody named.

    Parameters
    ----------
    pixels : array
        Image as stored.

    Returns
    -------
    axes : str
        ``YX``, ``YXC`` or ``CYX``.

    Raises
    ------
    InvalidImageError
        If the shape leaves a doubt.
    """
    if pixels.ndim == 2:
        return "YX"
    if pixels.ndim == 3 and pixels.shape[2] in (1, 3, 4):
        return "YXC"
    if pixels.ndim == 3 and pixels.shape[0] == 1:
        return "CYX"
    raise InvalidImageError(
        f"image: shape {pixels.shape} does not tell its axes, expected (Y, X) or (Y, X, 3); "
        "name them, for example axes='CYX'"
    )


def drop_single_axes(pixels: np.ndarray, axes: str) -> tuple[np.ndarray, str]:
    """Drop time and depth of length one.

    Parameters
    ----------
    pixels : array
        Image as stored.
    axes : str
        Its axes.

    Returns
    -------
    pixels : array
        A view with the remaining axes.
    axes : str
        Some order of ``YX`` or ``CYX``.

    Raises
    ------
    InvalidImageError
        If time or depth is longer.
    """
    for axis, kind in (("T", "time series"), ("Z", "stacks")):
        position = axes.find(axis)
        if position < 0:
            continue
        if pixels.shape[position] > 1:
            raise InvalidImageError(
                f"image: axes {axes} of shape {pixels.shape}: {kind} are not supported yet, "
                "expected YX or YXC"
            )
        pixels, axes = pixels.squeeze(position), axes.replace(axis, "")
    return pixels, axes


def channels_first(
    pixels: np.ndarray, axes: str, *, has_alpha: bool
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Bring channels to the front and drop an alpha channel.

    Parameters
    ----------
    pixels : array
        Image as stored.
    axes : str
        Some order of ``YX`` or ``CYX``.
    has_alpha : bool
        Whether the last of two or four channels is known to be opacity; the last of four
        channels along the last axis always is.

    Returns
    -------
    pixels : (C, Y, X) array
        A view of one channel or three.
    notes : tuple of str
        What was dropped.

    Raises
    ------
    InvalidImageError
        If the number of channels is another.
    """
    is_rgba = has_alpha or (axes[-1] == "C" and pixels.shape[-1] == 4)
    named, view = (axes, pixels) if "C" in axes else ("C" + axes, pixels[None])
    view = view.transpose([named.index(axis) for axis in "CYX"])
    notes: tuple[str, ...] = ()
    if is_rgba and len(view) in (2, 4):
        view, notes = view[:-1], ("alpha channel dropped",)
    if len(view) not in (1, 3):
        raise InvalidImageError(
            f"image: axes {axes} with {len(view)} channels are not supported yet, expected 1 "
            "(grey) or 3 (RGB)"
        )
    return view, notes
