"""What the command line says about the axes of images, as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from napari_dsc.errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

Number = TypeVar("Number")
_COLORS = {"r": 0, "g": 1, "b": 2, "R": 0, "G": 1, "B": 2}


def parse_spacing(text: str) -> tuple[float, ...]:
    """Pixel sizes from the flag ``--spacing``.

    Parameters
    ----------
    text : str
        Numbers with commas between them, or empty.

    Returns
    -------
    spacing : tuple of float
        As `load_image` takes them.

    Raises
    ------
    InvalidParameterError
        If a word is no number.

    Examples
    --------
    >>> parse_spacing("2,0.5,0.5")
    (2.0, 0.5, 0.5)
    """
    return _numbers("spacing", text, float, "numbers with commas, such as 2,0.5,0.5")


def parse_channels(text: str) -> tuple[int, ...]:
    """Channels from the flag ``--channels``.

    Parameters
    ----------
    text : str
        Numbers from 0 or letters of RGB with commas between them, or empty.

    Returns
    -------
    channels : tuple of int
        As `load_image` takes them.

    Raises
    ------
    InvalidParameterError
        If a word is neither.

    Examples
    --------
    >>> parse_channels("g"), parse_channels("4,0")
    ((1,), (4, 0))
    """
    expected = "numbers from 0 or r, g, b with commas, such as 0,2,5"
    return _numbers(
        "channels", text, lambda word: int(_COLORS.get(word.lower(), word)), expected
    )


def _numbers(
    flag: str, text: str, number: Callable[[str], Number], expected: str
) -> tuple[Number, ...]:
    try:
        return tuple(map(number, text.split(","))) if text else ()
    except ValueError as error:
        raise InvalidParameterError(f"{flag}={text!r}: expected {expected}") from error
