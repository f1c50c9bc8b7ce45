"""Normalization of intensities of any type to 0 to 1, and its inverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_dsc.errors import InvalidImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_dsc.params import ImageParams

# 8-bit colors whose percentiles span less than a quarter of 0 to 255 are stretched: dim
# fluorescence or bright field saved as RGB; photographs span more
_LEAST_SPAN = 64
# intensities that are drawn from each image and channel, besides minimum and maximum
N_DRAWN = 2**14


class Normalization(NamedTuple):
    """Linear map of intensities to 0 to 1.

    Parameters
    ----------
    mode : str
        ``range``, ``percentile``, or ``extremes`` if the percentiles coincide.
    low, high : float
        Intensities that become 0 and 1; integers for images of integers.
    """

    mode: str
    low: float
    high: float

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Normalize intensities to 0 to 1.

        Parameters
        ----------
        pixels : (C, *S) int or float array
            Finite intensities, clipped to low and high.

        Returns
        -------
        normalized : (C, *S) float32 array
            Normalized intensities, contiguous.

        Examples
        --------
        >>> Normalization("range", 0, 255).apply(np.array([[0, 51, 255]], np.uint8))
        array([[0. , 0.2, 1. ]], dtype=float32)
        """
        normalized = np.empty(pixels.shape, np.float32)
        for row in np.ndindex(pixels.shape[:2]):  # row by row: no float64 copy of the image
            clipped = np.clip(pixels[row], self.low, self.high)
            if pixels.dtype.kind == "f":
                scale, low, span = self._scaled()
                normalized[row] = (clipped.astype(np.float64) * scale - low) / span
            else:
                normalized[row] = _unsigned(clipped, -int(self.low)) / float(self._int_span())
        return normalized

    def invert(self, normalized: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Convert normalized values to intensities.

        Parameters
        ----------
        normalized : (C, *S) float array
            Values, clipped to 0 to 1.
        dtype : np.dtype
            Type of the intensities; integers are rounded.

        Returns
        -------
        pixels : (C, *S) array
            Intensities from low to high.

        Examples
        --------
        >>> Normalization("range", 0, 255).invert(np.array([[0.2, 2.0]]), np.dtype("u1"))
        array([[ 51, 255]], dtype=uint8)
        """
        pixels = np.empty(normalized.shape, dtype)
        for row in np.ndindex(normalized.shape[:2]):
            values = np.clip(normalized[row].astype(np.float64), 0, 1)
            if dtype.kind == "f":
                scale, low, span = self._scaled()
                pixels[row] = np.clip((values * span + low) / scale, self.low, self.high)
            else:
                # a span near 2**64 may be rounded up to a float that is not an intensity
                span = float(self._int_span())
                largest = span if int(span) <= self._int_span() else np.nextafter(span, 0)
                offset = np.minimum(np.rint(values * span), largest).astype(np.uint64)
                pixels[row] = _unsigned(offset, int(self.low)).astype(dtype)
        return pixels

    def _int_span(self) -> int:
        return int(self.high) - int(self.low)

    def _scaled(self) -> tuple[float, float, float]:
        """Scale, low and span of floats; the scale prevents an overflow of huge spans."""
        scale = 1.0 if np.isfinite(self.high - self.low) else 0.25
        return scale, self.low * scale, self.high * scale - self.low * scale


def choose_normalization(pixels: np.ndarray, params: ImageParams) -> Normalization:
    """Choose the intensities that become 0 and 1, common to all channels to keep the colors.

    Parameters
    ----------
    pixels : (C, *S) int or float array
        Finite intensities, not constant.
    params : ImageParams
        Choice of the mode: ``auto`` is ``range`` for three channels of uint8 whose percentiles
        span 64 or more, else ``percentile``.

    Returns
    -------
    normalization : Normalization
        The normalization. Percentiles are not interpolated, but the nearest values by rank.

    Raises
    ------
    InvalidImageError
        If the mode is ``range`` and intensities are out of range.
    """
    if params.normalization == "range":
        return _range(pixels)
    values = pixels.flatten()
    last = values.size - 1
    ranks = [round(last * q / 100) for q in (params.low_percentile, params.high_percentile)]
    values.partition(ranks)
    number = float if values.dtype.kind == "f" else int
    low, high = number(values[ranks[0]]), number(values[ranks[1]])
    is_auto = params.normalization == "auto"
    is_color = _is_color_of_8_bits(pixels.dtype, len(pixels))
    if is_auto and is_color and high - low >= _LEAST_SPAN:
        return _range(pixels)
    if low < high:
        return Normalization("percentile", low, high)
    return Normalization("extremes", number(values.min()), number(values.max()))


def normalization_note(
    normalization: Normalization, dtype: np.dtype, n_channels: int, params: ImageParams
) -> tuple[str, ...]:
    """Note for the user on a normalization that is not the usual one for an image."""
    if normalization.mode == "extremes":
        return ("the percentiles coincide: normalized from minimum to maximum",)
    is_usual = normalization.mode == "range" or params.normalization != "auto"
    if is_usual or not _is_color_of_8_bits(dtype, n_channels):
        return ()
    return (
        f"8-bit colors use only {normalization.low} to {normalization.high} of 0 to 255: "
        "normalized to that range",
    )


def _is_color_of_8_bits(dtype: np.dtype, n_channels: int) -> bool:
    return dtype == np.uint8 and n_channels == 3


def _range(pixels: np.ndarray) -> Normalization:
    is_float = pixels.dtype.kind == "f"
    high = 1.0 if is_float else int(np.iinfo(pixels.dtype).max)
    smallest, largest = pixels.min(), pixels.max()
    if smallest < 0 or largest > high:
        raise InvalidImageError(
            f"image: values from {smallest} to {largest}, expected 0 to {high} for "
            "normalization 'range'; choose 'percentile'"
        )
    return Normalization("range", 0.0 if is_float else 0, high)


def _unsigned(values: np.ndarray, shift: int) -> np.ndarray:
    """Add to integers modulo 2**64, in which differences of 64-bit integers do not overflow."""
    return values.astype(np.uint64) + np.uint64(shift % 2**64)


class Pool:
    """Random intensities of images that are read one after the other.

    Attributes
    ----------
    drawn : list of (C, 16386) array
        For each image, intensities at random pixels, then minimum and maximum.
    """

    def __init__(self) -> None:
        self.drawn: list[np.ndarray] = []

    def note(self, pixels: np.ndarray, params: ImageParams) -> Normalization:
        """Add an image to the pool; an argument ``choose`` of `load_series`.

        Parameters
        ----------
        pixels : (C, ...) array
            Intensities of the image.
        params : ImageParams
            Choice of the normalization.

        Returns
        -------
        normalization : Normalization
            Normalization of this image alone.
        """
        found = choose_normalization(pixels, params)
        flat = pixels.reshape(len(pixels), -1)
        places = np.random.default_rng(0).integers(flat.shape[1], size=N_DRAWN)
        extremes = np.stack([flat.min(1), flat.max(1)], axis=1)
        self.drawn.append(np.concatenate([flat[:, places], extremes], axis=1))
        return found

    def is_alike(self) -> bool:
        """Whether all images have the same type, so that their intensities are comparable."""
        return len({one.dtype.newbyteorder("=") for one in self.drawn}) == 1

    def normalization(self, params: ImageParams) -> Normalization:
        """Choose the normalization of all images together.

        Parameters
        ----------
        params : ImageParams
            Choice of the normalization.

        Returns
        -------
        normalization : Normalization
            Normalization by `choose_normalization`; all images have the same weight.
        """
        return choose_normalization(np.concatenate(self.drawn, 1), params)


def always(
    normalization: Mapping[str, object],
) -> Callable[[np.ndarray, ImageParams], Normalization]:
    """Function that chooses the same normalization for each image.

    Parameters
    ----------
    normalization : mapping
        Fields of a `Normalization`; empty: each image has its own normalization.

    Returns
    -------
    choose : callable
        An argument ``choose`` of `load_series`.
    """
    if not normalization:
        return choose_normalization
    chosen = Normalization(**normalization)  # type: ignore[arg-type]
    return lambda pixels, params: chosen
