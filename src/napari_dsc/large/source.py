"""Large images that are read in parts: TIFF, zarr, OME-Zarr, dask arrays."""

from __future__ import annotations

import contextlib
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_dsc.errors import DSCError, InvalidImageError, InvalidParameterError
from napari_dsc.files import RawImage
from napari_dsc.files.lazy import open_lazily
from napari_dsc.files.readers import silent_decoders
from napari_dsc.images.axes import axes_of, check_spacing, pick_channels
from napari_dsc.images.loading import MICROMETER, check_sides, check_type
from napari_dsc.images.normalization import Normalization, choose_normalization
from napari_dsc.large.tiling import random_window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_dsc.params import ImageParams

# largest number of values that are read at once for the hash
_BAND = 2**24
MOST = 2**48  # values of an image; more than any disk holds, so its metadata are damaged
# number and side of the windows from which percentiles are estimated: 4 megapixels
N_WINDOWS, WINDOW = 64, 256


class LazyArray(Protocol):
    """An array that reads or computes its parts when it is indexed: dask, zarr or NumPy."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    def dtype(self) -> Any:
        """Type of the values."""

    @property
    def ndim(self) -> int:
        """Number of axes."""

    def __getitem__(self, index: Any) -> Any:
        """Part of the array."""


@dataclass(frozen=True, eq=False)
class Source:
    """An image that is read in parts.

    Parameters
    ----------
    array : lazy array
        Image as stored.
    axes : str
        One letter of ``TZCYX`` for each axis; T and Z have length one.
    axes_origin : str
        Source of the axes.
    channels : tuple of int
        Channels to read.
    spacing : tuple of float
        Pixel size along Y and X, or empty.
    unit : str
        Unit of the spacing, or empty.
    notes : tuple of str
        Changes to the original, as text for the user.
    """

    array: LazyArray
    axes: str
    axes_origin: str
    channels: tuple[int, ...]
    spacing: tuple[float, ...]
    unit: str
    notes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        sizes = dict(zip(self.axes, self.array.shape, strict=True))
        return sizes["Y"], sizes["X"]

    @property
    def dtype(self) -> np.dtype:
        """Type of the intensities."""
        dtype: np.dtype = np.dtype(self.array.dtype)
        return dtype

    def read(self, rows: slice, columns: slice) -> np.ndarray:
        """Read a part of the image.

        Parameters
        ----------
        rows, columns : slice
            Rows and columns, with start and stop.

        Returns
        -------
        pixels : (C, y, x) array
            Intensities in the type of the image.

        Raises
        ------
        InvalidImageError
            If the part cannot be read, or has values that are not finite.
        """
        where: dict[str, slice | int] = {"Y": rows, "X": columns, "C": slice(None)}
        words = f"rows {rows.start} to {rows.stop}"
        part = self._part(tuple(where.get(axis, 0) for axis in self.axes), words)
        kept = [axis for axis in self.axes if axis in where]
        if "C" not in kept:
            kept, part = ["C", *kept], part[None]
        part = part.transpose([kept.index(axis) for axis in "CYX"])[list(self.channels)]
        if part.dtype.kind == "f" and not np.isfinite(part).all():
            raise InvalidImageError(f"image: {words} hold values that are not finite")
        return part

    def normalization(self, params: ImageParams, seed: int) -> Normalization:
        """Choose the normalization, from random windows of the image.

        Parameters
        ----------
        params : ImageParams
            Choice of the normalization.
        seed : int
            Seed of the positions of the windows.

        Returns
        -------
        normalization : Normalization
            Normalization of the windows; of the whole image, if that has fewer pixels.

        Raises
        ------
        InvalidImageError
            If all windows are constant, or intensities are out of the range of ``range``.
        """
        height, width = self.shape
        if height * width <= N_WINDOWS * WINDOW**2:
            sample = self.read(slice(0, height), slice(0, width))
        else:
            rng = np.random.default_rng(seed)
            parts = [
                self.read(*random_window(self.shape, WINDOW, rng)) for _ in range(N_WINDOWS)
            ]
            sample = np.concatenate([part.reshape(len(part), -1) for part in parts], 1)
        if sample.min() == sample.max():
            raise InvalidImageError(
                f"image: constant, every pixel of the sample is {sample.flat[0]}, expected at "
                "least two values"
            )
        return choose_normalization(sample, params)

    def sha256(self) -> str:
        """Hash of type, shape and values, equal to `array_sha256` of the array in memory."""
        dtype = self.dtype.newbyteorder("<")
        content = hashlib.sha256(f"{dtype.str}{self.array.shape}".encode())
        for index in _c_order(self.array.shape):
            part = np.ascontiguousarray(self._part(index, "some rows"), dtype)
            content.update(part.reshape(-1).view(np.uint8).data)
        return content.hexdigest()

    def _part(self, index: tuple[slice | int, ...], words: str) -> np.ndarray:
        with _decoding(f"image: {words} cannot be read"):
            return np.asarray(self.array[index])


@contextlib.contextmanager
def open_source(
    image: LazyArray | Sequence[LazyArray] | RawImage | str | Path,
    *,
    axes: str = "",
    spacing: Sequence[float] = (),
    channels: Sequence[int] = (),
    level: int = 0,
) -> Iterator[Source]:
    """Open an image without reading its pixels.

    Parameters
    ----------
    image : lazy array, sequence of them, RawImage, or path
        A dask, zarr or NumPy array, the levels of a pyramid, an array with axes and pixel
        size, a TIFF file, or a folder of zarr or OME-Zarr.
    axes, spacing, channels
        As in `load_image`.
    level : int
        Level of a pyramid; 0 is the finest.

    Yields
    ------
    source : Source
        The image, readable within the block.

    Raises
    ------
    InvalidImageError
        If it cannot be opened, is not an image, or is a stack or a time series.
    InvalidParameterError
        If `axes`, `spacing`, `channels` or `level` do not fit the image.
    """
    with contextlib.ExitStack() as stack:
        with _decoding(f"{image}: is damaged, cut short or of an unsupported kind"):
            if isinstance(image, (str, Path)):
                raw = stack.enter_context(open_lazily(Path(image), level))
            else:
                raw = image if isinstance(image, RawImage) else _level_of(image, level)
            source = _source(raw, axes, spacing, channels)
        yield source


@contextlib.contextmanager
def _decoding(words: str) -> Iterator[None]:
    """Refuse in a sentence whatever damaged bytes and metadata lead decoders to."""
    try:
        with silent_decoders():
            yield
    except DSCError:
        raise
    except Exception as error:
        raise InvalidImageError(f"{words} ({error})") from error


def _level_of(image: LazyArray | Sequence[LazyArray], level: int) -> RawImage:
    levels: Any = [image] if hasattr(image, "dtype") else image
    if not 0 <= level < len(levels):
        raise InvalidParameterError(f"level={level}: expected 0 to {len(levels) - 1}")
    return RawImage(levels[level])


def _source(
    raw: RawImage, axes: str, spacing: Sequence[float], channels: Sequence[int]
) -> Source:
    array: LazyArray = raw.pixels
    check_type(array.dtype)
    if 0 in array.shape:
        raise InvalidImageError(f"image: empty, shape {array.shape}, expected some pixels")
    named, origin = axes_of(raw, axes)
    sizes = dict(zip(named, array.shape, strict=True))
    long = [axis for axis in "TZ" if sizes.get(axis, 1) > 1]
    if long:
        raise InvalidImageError(
            f"image: axes {named} of shape {array.shape}: large images must be a single plane; "
            f"this one has {' x '.join(str(sizes[axis]) for axis in long)} along "
            f"{', '.join(long)}"
        )
    check_sides(sizes["Y"], sizes["X"])
    if math.prod(array.shape) > MOST:
        raise InvalidImageError(
            f"image: {sizes['Y']} x {sizes['X']} pixels, expected at most {MOST} values"
        )
    numbers = np.arange(sizes.get("C", 1))[None]
    taken, notes = pick_channels(
        numbers, channels, is_last=named[-1] == "C", has_alpha=raw.has_alpha
    )
    pixel, unit = raw.spacing[-2:], raw.unit if raw.spacing else ""
    if len(spacing):
        check_spacing(spacing, "YX")
        pixel, unit = tuple(spacing), MICROMETER
    found = tuple(taken[0].tolist())
    return Source(array, named, origin, found, pixel, unit, (*raw.notes, *notes))


def _c_order(shape: tuple[int, ...]) -> Iterator[tuple[slice | int, ...]]:
    """Indices of parts in C order, each of at most `_BAND` values."""
    if len(shape) > 1 and math.prod(shape[1:]) > _BAND:
        for place in range(shape[0]):
            for rest in _c_order(shape[1:]):
                yield (place, *rest)
        return
    step = max(1, _BAND // math.prod(shape[1:]))
    for start in range(0, shape[0], step):
        yield (slice(start, start + step),)
