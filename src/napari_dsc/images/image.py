"""Images for the method, and conversion of results to their original axes and type."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, overload

import numpy as np

from napari_dsc.files.units import sizes_in_words
from napari_dsc.images.axes import spatial_axes

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_dsc.images.normalization import Normalization


@dataclass(frozen=True, eq=False)
class Image:
    """A normalized image in two or three dimensions.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Intensities in 0 to 1, contiguous; S is (Y, X) or (Z, Y, X), whatever the order of
        the original.
    axes : str
        Axes of the original, in any order, without axes of length one: those of ``YX``,
        ``CYX``, ``ZYX`` or ``ZCYX``.
    dtype : np.dtype
        Type of the original.
    spacing : tuple of float
        Pixel size along S, 0 where unknown; or empty.
    unit : str
        Unit of spacing and translation, or empty.
    normalization : Normalization
        Normalization of the intensities.
    sha256 : str
        Hash of type, shape and values of the original.
    notes : tuple of str
        Changes to the original, as text for the user.
    axes_origin : str
        Source of the axes: ``the caller``, ``the file``, ``the layer`` or ``the shape``.
    translation : tuple of float
        Position of the center of the first pixel along S, or empty.
    valid : S bool array, optional
        Pixels that have a value; the others are filled in `pixels`. None: all have one.
    """

    pixels: np.ndarray
    axes: str
    dtype: np.dtype
    spacing: tuple[float, ...]
    unit: str
    normalization: Normalization
    sha256: str
    notes: tuple[str, ...]
    axes_origin: str
    translation: tuple[float, ...] = ()
    valid: np.ndarray | None = None

    @property
    def label_axes(self) -> str:
        """Spatial axes in the order of the original: the axes of its label images."""
        return self.axes.replace("C", "")

    @property
    def label_spacing(self) -> tuple[float, ...]:
        """Pixel size along `label_axes`, 0 where unknown; or empty."""
        return self._along_labels(self.spacing)

    @property
    def label_translation(self) -> tuple[float, ...]:
        """Position of the first pixel along `label_axes`, or empty."""
        return self._along_labels(self.translation)

    @property
    def label_valid(self) -> np.ndarray | None:
        """Pixels that have a value, along `label_axes`; None if all have one."""
        return None if self.valid is None else self.restore_labels(self.valid)

    def _along_labels(self, values: tuple[float, ...]) -> tuple[float, ...]:
        named = dict(zip(spatial_axes(self.axes), values, strict=False))
        return tuple(named[axis] for axis in self.label_axes) if named else ()

    @property
    def volume_spacing(self) -> tuple[float, ...]:
        """Pixel size along S of a volume; empty for a plane, whose distances are in pixels."""
        return self.spacing if "Z" in self.axes and all(self.spacing) else ()

    @property
    def label_shape(self) -> tuple[int, ...]:
        """Shape of a label image of the original, along `label_axes`."""
        return self.restore_labels(self.pixels[0]).shape

    def restore(self, pixels: np.ndarray) -> np.ndarray:
        """Convert normalized pixels to axes, type and intensities of the original.

        Parameters
        ----------
        pixels : (C, *S) float array
            Values, clipped to 0 to 1.

        Returns
        -------
        image : array
            Image with the axes and type of the original, without its alpha channel; integers
            are rounded, floats without a value are NaN.
        """
        restored = self.normalization.invert(pixels, self.dtype.newbyteorder("="))
        if self.valid is not None and restored.dtype.kind == "f":
            restored[:, ~self.valid] = np.nan
        canonical = "C" + spatial_axes(self.axes)
        if "C" not in self.axes:
            restored, canonical = restored[0], canonical[1:]
        return restored.transpose([canonical.index(axis) for axis in self.axes])

    def restore_labels(self, labels: np.ndarray) -> np.ndarray:
        """Transpose labels to the axes of the original.

        Parameters
        ----------
        labels : S array
            Labels, or other values with one for each pixel.

        Returns
        -------
        labels : array
            A view with the axes `label_axes`.
        """
        canonical = spatial_axes(self.axes)
        return labels.transpose([canonical.index(axis) for axis in self.label_axes])

    def arrange_labels(self, labels: np.ndarray) -> np.ndarray:
        """Transpose labels from the axes of the original to those of `pixels`.

        Parameters
        ----------
        labels : array
            Labels with the axes `label_axes`.

        Returns
        -------
        labels : S array
            A view.
        """
        return labels.transpose([self.label_axes.index(a) for a in spatial_axes(self.axes)])

    def planes(self) -> ImageSeries:
        """Split a stack into its planes.

        Returns
        -------
        planes : ImageSeries
            Planes along Z, with the normalization of the stack.
        """

        def plane(number: int) -> Image:
            return replace(
                self,
                pixels=np.ascontiguousarray(self.pixels[:, number]),
                axes=self.axes.replace("Z", ""),
                spacing=self.spacing[1:],
                translation=self.translation[1:],
                valid=None if self.valid is None else self.valid[number],
            )

        planes = LazyImages(plane, self.pixels.shape[1])
        return ImageSeries(planes, self.axes, "Z", self.spacing, self.translation)

    def describe(self) -> str:
        """Axes with their source, size and pixel size, in one line."""
        return ImageSeries((self,), self.axes).describe()


class LazyImages(Sequence["Image"]):
    """Images that are made when they are asked for; the last one is kept.

    Parameters
    ----------
    make : callable
        Gives the image of a number.
    length : int
        How many there are.
    """

    def __init__(self, make: Callable[[int], Image], length: int) -> None:
        self._make = lru_cache(1)(make)
        self._length = length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, number: int) -> Image: ...

    @overload
    def __getitem__(self, number: slice) -> LazyImages: ...

    def __getitem__(self, number: int | slice) -> Image | LazyImages:
        places = range(self._length)[number]
        if isinstance(places, int):
            return self._make(places)
        return LazyImages(lambda one: self._make(places[one]), len(places))


@dataclass(frozen=True, eq=False)
class ImageSeries:
    """Time frames, or planes of a stack, normalized together.

    Parameters
    ----------
    frames : sequence of Image
        At least one; they differ in nothing but their pixels and hash. Those of a time
        series and of a stack are normalized when they are asked for, one at a time.
    axes : str
        Axes of the original: those of a frame and, if there are several, the axis of the
        series.
    along : str
        Axis of the series: ``T``, or ``Z`` for separate planes.
    spacing, translation : tuple of float
        Pixel size and position of the stack, for planes.
    """

    frames: Sequence[Image]
    axes: str
    along: str = "T"
    spacing: tuple[float, ...] = ()
    translation: tuple[float, ...] = ()

    def sizes(self) -> dict[str, int]:
        """Length of each axis."""
        first = self.frames[0]
        space = dict(zip(spatial_axes(first.axes), first.pixels.shape[1:], strict=True))
        return space | {"C": len(first.pixels), self.along: len(self.frames)}

    def describe(self) -> str:
        """Axes with their source, size and pixel size of the whole series, in one line."""
        first, sizes = self.frames[0], self.sizes()
        shape = " x ".join(str(sizes[axis]) for axis in self.axes)
        text = f"axes {self.axes} (from {first.axes_origin}), {shape}"
        if first.spacing:
            text += f", pixels of {sizes_in_words(first.label_spacing, first.unit)}"
        return text

    def join(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Stack the results of all frames along the axis of the series.

        Parameters
        ----------
        parts : sequence of array
            Restored image, or restored labels, of each frame.

        Returns
        -------
        joined : array
            Array with the axis of the series at its position in the original.
        """
        if self.along not in self.axes:
            return parts[0]
        has_channels = parts[0].ndim == len(self.axes) - 1
        axes = self.axes if has_channels else self.axes.replace("C", "")
        return np.stack(parts, axes.index(self.along))


def array_sha256(pixels: np.ndarray) -> str:
    """Hash of type, shape and little-endian values in C order.

    Parameters
    ----------
    pixels : array
        Integers or floats.

    Returns
    -------
    sha256 : str
        Hexadecimal digits.
    """
    dtype = pixels.dtype.newbyteorder("<")
    content = hashlib.sha256(f"{dtype.str}{pixels.shape}".encode())
    content.update(np.ascontiguousarray(pixels, dtype).reshape(-1).view(np.uint8).data)
    return content.hexdigest()
