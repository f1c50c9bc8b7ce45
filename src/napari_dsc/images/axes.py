"""Which axis of an image is which."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from napari_dsc.errors import InvalidImageError, InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

SPATIAL = "ZYX"


class Layout(NamedTuple):
    """What the axes of an array are, and who says so.

    Parameters
    ----------
    axes : str
        One letter of ``TZCYX`` for each axis.
    origin : str
        ``the caller``, ``the file``, ``the layer`` or ``the shape``.
    """

    axes: str
    origin: str


def check_axis_letters(axes: str) -> str:
    """Check the names of axes, whatever image they are for.

    Parameters
    ----------
    axes : str
        As in `check_axes`.

    Returns
    -------
    axes : str
        In capitals, with ``C`` for ``S``; empty if none are named.

    Raises
    ------
    InvalidParameterError
        If letters are unknown or repeated.
    """
    if not isinstance(axes, str):
        raise InvalidParameterError(f"axes={axes!r}: expected letters such as 'YXC'")
    letters = axes.upper().replace("S", "C")
    is_known = {"Y", "X"} <= set(letters) <= set("TZCYX") and len(set(letters)) == len(letters)
    if letters and not is_known:
        raise InvalidParameterError(
            f"axes={axes!r}: expected Y, X and some of T, Z, C, each at most once"
        )
    return letters


def check_axes(axes: str, pixels: np.ndarray) -> str:
    """Check the axes that a caller names.

    Parameters
    ----------
    axes : str
        One letter of ``TZCYX`` for each axis, or empty; ``S``, the samples of a color in
        TIFF files, is another name of ``C``.
    pixels : array
        Image as stored.

    Returns
    -------
    axes : str
        In capitals, with ``C`` for ``S``.

    Raises
    ------
    InvalidParameterError
        If letters are unknown, repeated, or too many or too few.
    """
    letters = check_axis_letters(axes)
    if letters and len(letters) != pixels.ndim:
        raise InvalidParameterError(
            f"axes={axes!r}: expected {pixels.ndim} letters for shape {pixels.shape}"
        )
    return letters


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
        "name them by letters of TZCYX, for example axes='CYX' or axes='ZYX' (--axes)"
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
        Theirs.
    """
    for axis in "TZ":
        position = axes.find(axis)
        if position >= 0 and pixels.shape[position] == 1:
            pixels, axes = pixels.squeeze(position), axes.replace(axis, "")
    return pixels, axes


def frames_first(pixels: np.ndarray, axes: str) -> np.ndarray:
    """Bring time and channels to the front, and space to the order Z, Y, X.

    Parameters
    ----------
    pixels : array
        Image as stored.
    axes : str
        Its axes, Y and X among them.

    Returns
    -------
    frames : (T, C, *S) array
        A view; axes that are missing have length one, but Z, which is left out.
    """
    for axis in "CT":
        if axis not in axes:
            pixels, axes = pixels[None], axis + axes
    return pixels.transpose([axes.index(axis) for axis in "TC" + spatial_axes(axes)])


def spatial_axes(axes: str) -> str:
    """Letters of space among some axes, in the order Z, Y, X."""
    return "".join(axis for axis in SPATIAL if axis in axes)


def pick_channels(
    frames: np.ndarray, channels: Sequence[int], *, is_last: bool, has_alpha: bool
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Leave out an alpha channel, or all channels but those that are named.

    Parameters
    ----------
    frames : (T, C, *S) array
        Image.
    channels : sequence of int
        Channels to take, numbered from 0; empty takes all but opacity.
    is_last : bool
        Whether channels are the last axis of the original: the last of four is opacity then.
    has_alpha : bool
        Whether the last of two or four channels is known to be opacity.

    Returns
    -------
    frames : (T, C', *S) array
        Their pixels.
    notes : tuple of str
        What was dropped.

    Raises
    ------
    InvalidParameterError
        If a channel that is named does not exist or is named twice.
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
    is_rgba = has_alpha or (is_last and n_channels == 4)
    if is_rgba and n_channels in (2, 4):
        return frames[:, :-1], ("alpha channel dropped",)
    return frames, ()


def complete_spacing(
    spacing: Sequence[float], named: str, axes: str
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Pixel size along the axes of space, if it is known for each of them.

    Parameters
    ----------
    spacing : sequence of float
        Pixel sizes.
    named : str
        The axis of each.
    axes : str
        Axes of the image.

    Returns
    -------
    spacing : tuple of float
        Along S in the order Z, Y, X; empty if one size is not known.
    notes : tuple of str
        Which one.
    """
    sizes = dict(zip(named, spacing, strict=False))
    needed = spatial_axes(axes)
    unknown = [axis for axis in needed if axis not in sizes]
    if not unknown:
        return tuple(sizes[axis] for axis in needed), ()
    if len(unknown) == len(needed):
        return (), ()
    return (), (
        f"pixel size along {', '.join(unknown)} is not known: taken as along the other axes",
    )
