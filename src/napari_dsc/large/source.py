"""Large images that are read in parts: TIFF, zarr, OME-Zarr, dask arrays."""

from __future__ import annotations

import contextlib
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_dsc.errors import InvalidImageError
from napari_dsc.files import RawImage
from napari_dsc.files.lazy import open_lazily
from napari_dsc.files.ome_zarr import check_level
from napari_dsc.files.raw import reason_of
from napari_dsc.files.tiff import NEEDS_IMAGECODECS, needs_imagecodecs
from napari_dsc.images.axes import axes_of, check_spacing, last_is_alpha, pick_channels
from napari_dsc.images.loading import check_sides, check_type, placed
from napari_dsc.images.masks import missing_pixels, valid_values
from napari_dsc.images.normalization import Normalization, choose_normalization
from napari_dsc.large.tiling import Window, random_window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_dsc.params import ImageParams

# largest number of values that are read at once for the hash
_BAND = 2**24
LONGEST_SIDE = 2**24  # pixels; slides have up to 2**18, so beyond it metadata are damaged
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
        Pixel size along Y and X, 0 where unknown; or empty.
    unit : str
        Unit of spacing and translation, or empty.
    notes : tuple of str
        Changes to the original, as text for the user.
    translation : tuple of float
        Position of the center of the first pixel along Y and X, or empty.
    nodata : float or None
        Value of pixels without data, if there is one.
    """

    array: LazyArray
    axes: str
    axes_origin: str
    channels: tuple[int, ...]
    spacing: tuple[float, ...]
    unit: str
    notes: tuple[str, ...]
    translation: tuple[float, ...] = ()
    nodata: float | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        sizes = dict(zip(self.axes, self.array.shape, strict=True))
        return sizes["Y"], sizes["X"]

    @property
    def dtype(self) -> np.dtype:
        """Type of the intensities."""
        dtype: np.dtype = np.dtype(self.array.dtype)
        return np.dtype(np.uint8) if dtype.kind == "b" else dtype

    def read(self, rows: slice, columns: slice) -> np.ndarray:
        """Read a part of the image.

        Parameters
        ----------
        rows, columns : slice
            Rows and columns, with start and stop.

        Returns
        -------
        pixels : (C, y, x) array
            Intensities in the type of the image; a masked array, if pixels have no value.

        Raises
        ------
        InvalidImageError
            If the part cannot be read, or has infinite values.
        """
        where: dict[str, slice | int] = {"Y": rows, "X": columns, "C": slice(None)}
        index = tuple(where.get(axis, 0) for axis in self.axes)
        part = self._part(index, f"rows {rows.start} to {rows.stop}")
        kept = [axis for axis in self.axes if axis in where]
        if "C" not in kept:
            kept, part = ["C", *kept], part[None]
        part = part.transpose([kept.index(axis) for axis in "CYX"])[list(self.channels)]
        missing = missing_pixels(part, self.nodata)
        if missing is not None:
            part = np.ma.array(part, mask=np.broadcast_to(missing, part.shape))
        if part.dtype.kind == "f" and np.isinf(part).any():
            raise InvalidImageError(
                f"image: rows {rows.start} to {rows.stop} hold values that are not finite"
            )
        return part

    def _part(self, index: tuple[slice | int, ...], words: str) -> np.ndarray:
        """Part of the array as it is stored; masks as integers."""
        try:
            part: np.ndarray = np.asanyarray(self.array[index])
        except Exception as error:  # damaged bytes lead to errors of any type
            reason = NEEDS_IMAGECODECS if needs_imagecodecs(error) else reason_of(error)
            raise InvalidImageError(f"image: {words} cannot be read ({reason})") from error
        return part.view("u1") if part.dtype == bool else part

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
            windows: list[Window] = [(slice(0, height), slice(0, width))]
        else:
            rng = np.random.default_rng(seed)
            windows = [random_window(self.shape, WINDOW, rng) for _ in range(N_WINDOWS)]
        sample = np.concatenate([valid_values(self.read(*window)) for window in windows], 1)
        if sample.size and sample.min() < sample.max():
            return choose_normalization(sample, params)
        return self._extremes()

    def _extremes(self) -> Normalization:
        """Normalization from minimum to maximum of the whole image, read band by band."""
        height, width = self.shape
        step = max(1, _BAND // width)
        ends = list[Any]()
        for top in range(0, height, step):
            rows = slice(top, min(top + step, height))
            values = valid_values(self.read(rows, slice(0, width)))
            ends += [values.min(), values.max()] if values.size else []
        if not ends:
            raise InvalidImageError("image: no pixel has a value, expected some that have")
        low, high = min(ends).item(), max(ends).item()
        if low == high:
            raise InvalidImageError(
                f"image: constant, every pixel is {low}, expected at least two values"
            )
        return Normalization("extremes", low, high)

    def sha256(self) -> str:
        """Hash of type, shape and values, equal to `array_sha256` of the array in memory."""
        dtype = self.dtype.newbyteorder("<")
        content = hashlib.sha256(f"{dtype.str}{self.array.shape}".encode())
        for index in _c_order(self.array.shape):
            part = np.ascontiguousarray(self._part(index, "a part"), dtype)
            content.update(part.reshape(-1).view(np.uint8).data)
        return content.hexdigest()


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
    if isinstance(image, (str, Path)):
        with open_lazily(Path(image), level) as raw:
            yield _source(raw, axes, spacing, channels)
    else:
        raw = image if isinstance(image, RawImage) else _level_of(image, level)
        yield _source(raw, axes, spacing, channels)


def _level_of(image: LazyArray | Sequence[LazyArray], level: int) -> RawImage:
    levels: Any = [image] if hasattr(image, "dtype") else image
    check_level("the image", level, levels)
    return RawImage(levels[level])


def _source(
    raw: RawImage, axes: str, spacing: Sequence[float], channels: Sequence[int]
) -> Source:
    array: LazyArray = raw.pixels
    check_type(array.dtype)
    if any(math.isnan(size) for size in array.shape):
        raise InvalidImageError(
            f"image: dask array of shape {array.shape}, expected known sizes; call its method "
            "compute_chunk_sizes() first"
        )
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
    if max(array.shape) > LONGEST_SIDE:
        raise InvalidImageError(
            f"image: shape {array.shape}, expected sides of at most {LONGEST_SIDE} pixels"
        )
    numbers = np.arange(sizes.get("C", 1))[None]
    taken, notes = pick_channels(numbers, channels, has_alpha=last_is_alpha(raw, named))
    if len(spacing):
        check_spacing(spacing, "YX")
        spacing = [*(1.0 for axis in named if axis == "Z"), *spacing]
    pixel, unit, starts = placed(raw, named, named.replace("Z", ""), spacing)
    found = tuple(taken[0].tolist())
    notes = (*raw.notes, *notes)
    return Source(array, named, origin, found, pixel, unit, notes, starts, raw.nodata)


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
