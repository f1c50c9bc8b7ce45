"""Loading of any array or file as a normalized image, or as a time series of them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.errors import InvalidImageError
from napari_dsc.files import RawImage, read_image
from napari_dsc.images.axes import (
    SPATIAL,
    axes_of,
    check_spacing,
    complete_spacing,
    drop_single_axes,
    frames_first,
    pick_channels,
)
from napari_dsc.images.image import Image, ImageSeries, LazyImages, array_sha256
from napari_dsc.images.normalization import choose_normalization
from napari_dsc.params import ImageParams

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, DTypeLike

    from napari_dsc.images.normalization import Normalization

SMALLEST_SIDE = 8  # pixels: two at the coarsest level of the network, which has a stride of 4
MICROMETER = "µm"  # unit of the pixel sizes that a user gives


def load_image(
    image: ArrayLike | RawImage | Path,
    axes: str = "",
    params: ImageParams = ImageParams(),
    *,
    spacing: Sequence[float] = (),
    channels: Sequence[int] = (),
) -> Image:
    """Load an image, check it, and normalize its intensities to 0 to 1.

    Parameters
    ----------
    image : array_like, RawImage or path
        Image in two or three dimensions with any number of channels, at least 8 pixels wide
        and high, of any integer or float type; an alpha channel is dropped. A dask array is
        computed. A ``str`` is a path.
    axes : str
        One letter of ``TZCYX`` for each axis, in any order. Empty: read from the file, else
        inferred from the shape: ``YX``, or ``YXC`` if the last of three axes has length 1, 3
        or 4.
    params : ImageParams
        Normalization of the intensities.
    spacing : sequence of float
        Pixel size in micrometers along the spatial axes, in their order in `axes`; empty:
        read from the file.
    channels : sequence of int
        Channels to use, numbered from 0; empty: all.

    Returns
    -------
    image : Image
        The normalized image, with all that is needed to convert results to the axes and type
        of the original. The argument is not changed.

    Raises
    ------
    InvalidImageError
        If the file cannot be read, or the image is empty, too small, constant, not finite,
        of another type, or a time series.
    InvalidParameterError
        If `axes`, `spacing` or `channels` do not fit the image.

    Examples
    --------
    >>> gray = load_image(np.arange(64, dtype=np.uint16).reshape(8, 8))
    >>> gray.pixels.shape, gray.axes, gray.normalization
    ((1, 8, 8), 'YX', Normalization(mode='percentile', low=0, high=63))
    """
    series = load_series(image, axes, params, spacing=spacing, channels=channels)
    if len(series.frames) > 1:
        raise InvalidImageError(
            f"image: {len(series.frames)} time frames (axes {series.axes}); iter_segment, Run "
            "and merge_tree take one frame. Use segment(), or name the axis C if the frames "
            "are channels"
        )
    return series.frames[0]


def load_series(
    image: ArrayLike | RawImage | Path,
    axes: str = "",
    params: ImageParams = ImageParams(),
    *,
    spacing: Sequence[float] = (),
    channels: Sequence[int] = (),
    choose: Callable[[np.ndarray, ImageParams], Normalization] = choose_normalization,
) -> ImageSeries:
    """Load a time series, check it, and normalize the intensities of all frames together.

    Parameters
    ----------
    image, axes, params, spacing, channels
        As in `load_image`; percentiles are those of all frames together.
    choose : callable
        Function that chooses the normalization, with the signature of `choose_normalization`.

    Returns
    -------
    series : ImageSeries
        All frames; a single one if the image has no axis T.

    Raises
    ------
    InvalidImageError
        As in `load_image`, but not for time series.
    InvalidParameterError
        If `axes`, `spacing` or `channels` do not fit the image.

    Examples
    --------
    >>> series = load_series(np.arange(128, dtype=np.uint16).reshape(2, 8, 8), "TYX")
    >>> len(series.frames), series.frames[1].pixels.min().round(2)
    (2, np.float32(0.5))
    """
    raw = _as_raw(image)
    check_type(raw.pixels.dtype)
    if raw.pixels.size == 0:
        raise InvalidImageError(f"image: empty, shape {raw.pixels.shape}, expected some pixels")
    named, origin = axes_of(raw, axes)
    pixels, kept = drop_single_axes(raw.pixels, named)
    sizes, unit, size_notes = _spacing(raw, named, kept, spacing)
    frames, notes = pick_channels(
        frames_first(pixels, kept),
        channels,
        is_last=kept[-1] == "C",
        has_alpha=raw.has_alpha,
    )
    whole = np.moveaxis(frames, 1, 0)
    _check_values(whole)
    normalization = choose(whole, params)
    notes = (*raw.notes, *notes, *size_notes)
    if normalization.mode == "extremes":
        notes += ("the percentiles coincide: normalized from minimum to maximum",)
    hashed = lru_cache(None)(lambda number: array_sha256(frames[number]))

    def frame(number: int) -> Image:
        return Image(
            normalization.apply(frames[number]),
            kept.replace("T", ""),
            raw.pixels.dtype,
            sizes,
            unit,
            normalization,
            hashed(number) if len(frames) > 1 else array_sha256(raw.pixels),
            notes,
            origin,
        )

    images = LazyImages(frame, len(frames)) if len(frames) > 1 else (frame(0),)
    return ImageSeries(images, kept)


def _spacing(
    raw: RawImage, axes: str, kept: str, given: Sequence[float]
) -> tuple[tuple[float, ...], str, tuple[str, ...]]:
    """Spacing along S, its unit, and notes for the user."""
    if len(given):
        spatial = "".join(axis for axis in axes if axis in SPATIAL)
        check_spacing(given, spatial)
        sizes, notes = complete_spacing(given, spatial, kept)
        return sizes, MICROMETER, notes
    # a size in the file belongs to an axis of the array, which the caller may have renamed
    stored = [place for place, axis in enumerate(raw.axes) if axis in SPATIAL]
    known = "".join(axes[place] for place in stored) if raw.axes else "YX"
    sizes, notes = complete_spacing(raw.spacing, known, kept)
    return sizes, raw.unit if sizes else "", notes


def _as_raw(image: ArrayLike | RawImage | Path) -> RawImage:
    if isinstance(image, RawImage):
        return image._replace(pixels=_from_array(image.pixels).pixels)
    return read_image(Path(image)) if isinstance(image, (str, Path)) else _from_array(image)


def _from_array(image: ArrayLike) -> RawImage:
    try:
        array = np.asanyarray(image)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InvalidImageError(f"image: not an array of numbers ({error})") from error
    n_masked = np.count_nonzero(np.ma.getmask(array))
    if n_masked:
        raise InvalidImageError(
            f"image: {n_masked} of {array.size} values are masked, expected none; fill them"
        )
    return RawImage(np.asarray(array))


def check_type(dtype: DTypeLike) -> None:
    """Check that an image is of numbers.

    Parameters
    ----------
    dtype : data type
        Type of its values.

    Raises
    ------
    InvalidImageError
        If they are not integers or floats.
    """
    if np.dtype(dtype).kind not in "iuf":
        raise InvalidImageError(f"image: values of type {dtype}, expected integers or floats")


def check_sides(height: int, width: int) -> None:
    """Check that an image is large enough for the network.

    Parameters
    ----------
    height, width : int
        Sides in pixels.

    Raises
    ------
    InvalidImageError
        If one is below 8.
    """
    if min(height, width) < SMALLEST_SIDE:
        raise InvalidImageError(
            f"image: {height} x {width} pixels, expected at least {SMALLEST_SIDE} x "
            f"{SMALLEST_SIDE}"
        )


def _check_values(channels: np.ndarray) -> None:
    """Check that the channels, (C, ...), can be normalized."""
    check_sides(*channels.shape[-2:])
    if channels.dtype.kind == "f":
        _check_finite(channels)
    if all(channel.min() == channel.max() for channel in channels):
        values = ", ".join(str(channel.flat[0]) for channel in channels)
        raise InvalidImageError(
            f"image: constant, every pixel is {values}, expected at least two values"
        )


def _check_finite(pixels: np.ndarray) -> None:
    for name, count in (("NaN", np.isnan(pixels).sum()), ("infinite", np.isinf(pixels).sum())):
        if count:
            which = "all" if count == pixels.size else f"{count} of {pixels.size}"
            raise InvalidImageError(f"image: {which} values are {name}, expected finite values")
    limit = np.finfo(np.float64).max  # values of longer floats may exceed it
    if pixels.min() < -limit or pixels.max() > limit:
        raise InvalidImageError(f"image: values beyond {limit}, expected the range of float64")
