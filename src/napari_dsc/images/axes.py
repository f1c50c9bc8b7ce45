"""Axes of images: their names, their order, and the choice of channels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_dsc.errors import InvalidImageError, InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from napari_dsc.files import RawImage

SPATIAL = "ZYX"


def check_axis_letters(axes: str) -> str:
    """Check the letters of axes, without an image.

    Parameters
    ----------
    axes : str
        One letter of ``TZCYX`` for each axis, or empty; ``S``, the samples of a color in
        TIFF files, is another name of ``C``.

    Returns
    -------
    axes : str
        Letters in capitals, with ``C`` for ``S``; may be empty.

    Raises
    ------
    InvalidParameterError
        If letters are unknown or repeated, or Y or X is missing.
    """
    if not isinstance(axes, str):
        raise InvalidParameterError(f"axes={axes!r}: expected letters such as 'YXC'")
    letters = axes.upper().replace("S", "C")
    is_known = {"Y", "X"} <= set(letters) <= set("TZCYX") and len(set(letters)) == len(letters)
    if letters and not is_known:
        raise InvalidParameterError(
            f"axes={axes!r}: expected Y and X, optionally T, Z and C, each at most once"
        )
    return letters


def axes_of(raw: RawImage, axes: str) -> tuple[str, str]:
    """Axes of an image as the caller says, or its file, or its shape.

    Parameters
    ----------
    raw : RawImage
        Image as stored.
    axes : str
        As in `check_axis_letters`.

    Returns
    -------
    axes : str
        One letter of ``TZCYX`` for each axis.
    origin : str
        ``the caller``, ``the file``, ``the layer`` or ``the shape``.

    Raises
    ------
    InvalidParameterError
        If letters are unknown or repeated, or their number is not that of the axes.
    InvalidImageError
        If nothing names the axes, and the shape is ambiguous.
    """
    letters, pixels = check_axis_letters(axes), raw.pixels
    if letters and len(letters) != pixels.ndim:
        raise InvalidParameterError(
            f"axes={axes!r}: expected {pixels.ndim} letters for shape {pixels.shape}"
        )
    if letters:
        return letters, "the caller"
    return (raw.axes, raw.origin) if raw.axes else (guess_axes(pixels), "the shape")


def guess_axes(pixels: np.ndarray) -> str:
    """Infer the axes of an array from its shape.

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
        If the shape is ambiguous.
    """
    if pixels.ndim == 2:
        return "YX"
    if pixels.ndim == 3 and pixels.shape[2] in (1, 3, 4):
        return "YXC"
    if pixels.ndim == 3 and pixels.shape[0] == 1:
        return "CYX"
    raise InvalidImageError(
        f"image: shape {pixels.shape} is ambiguous, expected (Y, X) or (Y, X, 3); name its "
        "axes by letters of TZCYX, for example axes='CYX' or axes='ZYX' (--axes)"
    )


def drop_single_axes(pixels: np.ndarray, axes: str) -> tuple[np.ndarray, str]:
    """Drop T and Z axes of length one.

    Parameters
    ----------
    pixels : array
        Image as stored.
    axes : str
        Axes of the image.

    Returns
    -------
    pixels : array
        A view with the remaining axes.
    axes : str
        The remaining axes.
    """
    for axis in "TZ":
        position = axes.find(axis)
        if position >= 0 and pixels.shape[position] == 1:
            pixels, axes = pixels.squeeze(position), axes.replace(axis, "")
    return pixels, axes


def frames_first(pixels: np.ndarray, axes: str) -> np.ndarray:
    """Transpose an image to the order T, C, Z, Y, X.

    Parameters
    ----------
    pixels : array
        Image as stored.
    axes : str
        Axes of the image, Y and X among them.

    Returns
    -------
    frames : (T, C, *S) array
        A view; missing T and C axes have length one, a missing Z axis is left out.
    """
    for axis in "CT":
        if axis not in axes:
            pixels, axes = pixels[None], axis + axes
    return pixels.transpose([axes.index(axis) for axis in "TC" + spatial_axes(axes)])


def spatial_axes(axes: str) -> str:
    """Spatial axes among given axes, in the order Z, Y, X."""
    return "".join(axis for axis in SPATIAL if axis in axes)


def last_is_alpha(raw: RawImage, axes: str) -> bool:
    """Whether the last channel of an image is opacity.

    Parameters
    ----------
    raw : RawImage
        Image as stored.
    axes : str
        Its axes.

    Returns
    -------
    answer : bool
        What the file says; else, whether it is the last of four channels of 8 bits that are
        the last axis, like colors.
    """
    if "C" not in axes or raw.has_alpha is False:
        return False
    if raw.has_alpha:
        return raw.axes.find("C") in (-1, axes.index("C"))
    return axes[-1] == "C" and raw.pixels.shape[-1] == 4 and raw.pixels.dtype == "u1"


def pick_channels(
    frames: np.ndarray, channels: Sequence[int], *, has_alpha: bool
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Select channels, or drop an alpha channel.

    Parameters
    ----------
    frames : (T, C, *S) array
        Image.
    channels : sequence of int
        Channels to select, numbered from 0; empty selects all but an alpha channel.
    has_alpha : bool
        Whether the last of several channels is alpha.

    Returns
    -------
    frames : (T, C', *S) array
        Pixels of the selected channels.
    notes : tuple of str
        The selection, as text for the user.

    Raises
    ------
    InvalidParameterError
        If a selected channel does not exist or is given twice.
    """
    n_channels = frames.shape[1]
    if channels:
        if len(set(channels)) < len(channels) or not all(
            0 <= channel < n_channels for channel in channels
        ):
            raise InvalidParameterError(
                f"channels={tuple(channels)}: expected different numbers from 0 to "
                f"{n_channels - 1}, the image has {n_channels}"
            )
        numbers = ", ".join(map(str, channels))
        return frames[:, list(channels)], (f"channels {numbers} of {n_channels}",)
    if has_alpha and n_channels > 1:
        return frames[:, :-1], ("alpha channel dropped",)
    return frames, ()


def check_spacing(spacing: Sequence[float], spatial: Sequence[str]) -> None:
    """Check that there is a pixel size for each spatial axis.

    Parameters
    ----------
    spacing : sequence of float
        Pixel sizes that a user gave.
    spatial : sequence of str
        Letters of the axes that they are for.

    Raises
    ------
    InvalidParameterError
        If their number differs, or a size is not finite and above 0.
    """
    if len(spacing) != len(spatial) or not all(0 < size < math.inf for size in spacing):
        raise InvalidParameterError(
            f"spacing={tuple(spacing)}: expected {len(spatial)} sizes above 0, along "
            f"{', '.join(spatial)}"
        )


def along_axes(values: Sequence[float], named: str, axes: str) -> tuple[float, ...]:
    """Arrange pixel sizes or positions along the spatial axes of an image.

    Parameters
    ----------
    values : sequence of float
        Sizes or positions.
    named : str
        Axis of each value.
    axes : str
        Axes of the image.

    Returns
    -------
    values : tuple of float
        Values along Z, Y, X, 0 where unknown; empty if all are unknown.
    """
    known = dict(zip(named, values, strict=False))
    needed = spatial_axes(axes)
    if not known.keys() & set(needed):
        return ()
    return tuple(known.get(axis, 0.0) for axis in needed)


def unknown_sizes(spacing: Sequence[float], axes: str) -> tuple[str, ...]:
    """Note for the user if pixel sizes, along Z, Y, X, are known along some axes only."""
    unknown = [a for a, size in zip(spatial_axes(axes), spacing, strict=False) if not size]
    if not unknown:
        return ()
    return (
        f"pixel size along {', '.join(unknown)} is unknown: pixels are treated as isotropic",
    )
