"""What the command line says about the axes of images, as numbers."""

from __future__ import annotations

from napari_dsc.errors import InvalidParameterError

_COLORS = {"r": 0, "g": 1, "b": 2}


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
    try:
        return tuple(float(word) for word in text.split(",")) if text else ()
    except ValueError as error:
        raise InvalidParameterError(
            f"spacing={text!r}: expected numbers with commas, such as 2,0.5,0.5"
        ) from error


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
    words = text.lower().split(",") if text else []
    try:
        return tuple(_COLORS[word] if word in _COLORS else int(word) for word in words)
    except ValueError as error:
        raise InvalidParameterError(
            f"channels={text!r}: expected numbers from 0 or r, g, b with commas, such as 0,2,5"
        ) from error
