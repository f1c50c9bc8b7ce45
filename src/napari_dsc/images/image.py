"""Any array or file to channels in the range 0 to 1, and back to its own type and units."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.errors import InvalidImageError
from napari_dsc.files import RawImage, read_image
from napari_dsc.images.axes import channels_first, check_axes, drop_single_axes, guess_axes
from napari_dsc.images.normalization import Normalization, choose_normalization
from napari_dsc.params import ImageParams

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_SMALLEST_SIDE = 8  # pixels; the network halves an image twice


@dataclass(frozen=True, eq=False)
class Image:
    """An image the method can work on.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Intensities in 0 to 1, contiguous.
    axes : str
        Layout of the original, without alpha channel and axes of length one: some order of
        ``YX`` or ``YXC``.
    dtype : np.dtype
        Type of the original.
    spacing : tuple of float
        Pixel size along S, or empty.
    unit : str
        Unit of the spacing, or empty.
    normalization : Normalization
        How intensities became 0 to 1.
    sha256 : str
        Hash of type, shape and values of the original.
    notes : tuple of str
        What was changed on the way, for people.
    """

    pixels: np.ndarray
    axes: str
    dtype: np.dtype
    spacing: tuple[float, ...]
    unit: str
    normalization: Normalization
    sha256: str
    notes: tuple[str, ...]

    def restore(self, pixels: np.ndarray) -> np.ndarray:
        """Bring pixels of the method back to layout, type and intensities of the original.

        Parameters
        ----------
        pixels : (C, *S) float array
            Values in 0 to 1; beyond, they are clipped.

        Returns
        -------
        image : array
            In the axes and type of the original, without its alpha channel; integers are
            rounded.
        """
        restored = self.normalization.invert(pixels, self.dtype.newbyteorder("="))
        canonical = "C" + "".join(axis for axis in "ZYX" if axis in self.axes)
        if "C" not in self.axes:
            restored, canonical = restored[0], canonical[1:]
        return restored.transpose([canonical.index(axis) for axis in self.axes])


def load_image(
    image: ArrayLike | RawImage | Path, axes: str = "", params: ImageParams = ImageParams()
) -> Image:
    """Check an image and bring its intensities to the range 0 to 1.

    Parameters
    ----------
    image : array_like, RawImage or path
        Two-dimensional image of one channel (grey) or three (RGB), at least 8 pixels wide
        and high, of any integer or float type; an alpha channel is dropped. A dask array is
        computed. A ``str`` is a path.
    axes : str
        One letter of ``TZCYX`` for each axis; empty takes what the file says, else ``YX``,
        or ``YXC`` where the last of three axes has length 3 or 4.
    params : ImageParams
        How intensities are stretched.

    Returns
    -------
    image : Image
        The pixels, and what is needed to write results like the original. The argument
        stays as it was.

    Raises
    ------
    InvalidImageError
        If the file cannot be read, or the image is empty, too small, constant, not finite,
        of another type, or a stack.
    InvalidParameterError
        If `axes` does not fit the image.

    Examples
    --------
    >>> grey = load_image(np.arange(64, dtype=np.uint16).reshape(8, 8))
    >>> grey.pixels.shape, grey.axes, grey.normalization
    ((1, 8, 8), 'YX', Normalization(mode='percentile', low=0, high=63))
    """
    raw = _as_raw(image)
    _check_type(raw.pixels)
    layout = check_axes(axes, raw.pixels) or raw.axes or guess_axes(raw.pixels)
    pixels, layout = drop_single_axes(raw.pixels, layout)
    pixels, layout_notes = channels_first(pixels, layout, has_alpha=raw.has_alpha)
    _check_values(pixels)
    normalization = choose_normalization(pixels, params)
    notes = (*raw.notes, *layout_notes)
    if normalization.mode == "extremes":
        notes += ("the percentiles coincide: stretched from minimum to maximum",)
    spatial = [axis for axis in raw.axes or "YX" if axis in "ZYX"]
    sizes = dict(zip(spatial, raw.spacing, strict=False))
    spacing = tuple(sizes[axis] for axis in "ZYX" if axis in layout and axis in sizes)
    return Image(
        normalization.apply(pixels),
        layout,
        raw.pixels.dtype,
        spacing,
        raw.unit if spacing else "",
        normalization,
        array_sha256(raw.pixels),
        notes,
    )


def to_label_image(labels: np.ndarray) -> np.ndarray:
    """Number labels from 1, because viewers read 0 as background.

    Parameters
    ----------
    labels : S int array
        Labels from 0.

    Returns
    -------
    label_image : S unsigned int array
        Labels from 1, in the smallest type that holds them.

    Examples
    --------
    >>> to_label_image(np.array([[0, 1]]))
    array([[1, 2]], dtype=uint8)
    """
    smallest = np.min_scalar_type(int(labels.max()) + 1)
    numbered: np.ndarray = labels.astype(smallest) + smallest.type(1)
    return numbered


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


def _check_type(pixels: np.ndarray) -> None:
    if pixels.dtype.kind not in "iuf":
        raise InvalidImageError(
            f"image: values of type {pixels.dtype}, expected integers or floats"
        )
    if pixels.size == 0:
        raise InvalidImageError(f"image: empty, shape {pixels.shape}")


def _check_values(pixels: np.ndarray) -> None:
    if min(pixels.shape[1:]) < _SMALLEST_SIDE:
        size = " x ".join(map(str, pixels.shape[1:]))
        raise InvalidImageError(
            f"image: {size} pixels, expected at least {_SMALLEST_SIDE} x {_SMALLEST_SIDE}"
        )
    if pixels.dtype.kind == "f":
        _check_finite(pixels)
    if all(channel.min() == channel.max() for channel in pixels):
        values = ", ".join(str(channel.flat[0]) for channel in pixels)
        raise InvalidImageError(f"image: constant, every pixel is {values}")


def _check_finite(pixels: np.ndarray) -> None:
    for name, count in (("NaN", np.isnan(pixels).sum()), ("infinite", np.isinf(pixels).sum())):
        if count:
            which = "all" if count == pixels.size else f"{count} of {pixels.size}"
            raise InvalidImageError(f"image: {which} values are {name}, expected finite values")
    limit = np.finfo(np.float64).max
    if pixels.min() < -limit or pixels.max() > limit:
        raise InvalidImageError(f"image: values beyond {limit}, expected float64 at most")


def array_sha256(pixels: np.ndarray) -> str:
    """Hash of type, shape and little-endian values in C order.

    Parameters
    ----------
    pixels : array
        Any numbers.

    Returns
    -------
    sha256 : str
        Hexadecimal digits.
    """
    dtype = pixels.dtype.newbyteorder("<")
    content = hashlib.sha256(f"{dtype.str}{pixels.shape}".encode())
    content.update(np.ascontiguousarray(pixels, dtype).reshape(-1).view(np.uint8).data)
    return content.hexdigest()
