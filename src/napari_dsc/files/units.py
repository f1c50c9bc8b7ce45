"""Units of length: their many names, conversion to a common unit, and text for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PREFIXES = {
    "kilo": ("k", 1e3),
    "": ("", 1.0),
    "deci": ("d", 1e-1),
    "centi": ("c", 1e-2),
    "milli": ("m", 1e-3),
    "micro": ("µ", 1e-6),
    "nano": ("n", 1e-9),
    "pico": ("p", 1e-12),
    "femto": ("f", 1e-15),
}
# symbol: name in OME-Zarr, and length in meters
_UNITS = {f"{sign}m": (f"{name}meter", size) for name, (sign, size) in _PREFIXES.items()} | {
    "Å": ("angstrom", 1e-10),
    "inch": ("inch", 0.0254),
    "ft": ("foot", 0.3048),
}
# names in napari, OME, OME-Zarr and ImageJ; with a Greek letter and an escape sequence
_SYMBOLS = (
    {name: symbol for symbol, (name, _) in _UNITS.items()}
    | {name.replace("meter", "metre"): symbol for symbol, (name, _) in _UNITS.items()}
    | dict.fromkeys(("um", "μm", "micron", "\\u00b5m"), "µm")
    | dict.fromkeys(("in", "inche", '"'), "inch")
    | dict.fromkeys(("pixel", "px", "dimensionless", "reference frame"), "")
)
_PRINTED = ("m", "mm", "µm", "nm")  # units that people use, for sizes that print badly


def unit_symbol(name: object) -> str:
    """Symbol of a unit.

    Parameters
    ----------
    name : object
        Name or symbol, as napari, OME, OME-Zarr, ImageJ or people write it.

    Returns
    -------
    symbol : str
        For example ``µm``; empty for pixels; an unknown unit as it is.

    Examples
    --------
    >>> unit_symbol("Micrometers"), unit_symbol("pixel"), unit_symbol("ly")
    ('µm', '', 'ly')
    """
    text = str(name).strip()
    lower = text.lower()
    known = _SYMBOLS.get(lower, _SYMBOLS.get(lower.removesuffix("s"), text))
    return text if text in _UNITS else known


def unit_name(symbol: str) -> str:
    """Name of a unit in OME-Zarr; an unknown unit as it is."""
    return _UNITS[symbol][0] if symbol in _UNITS else symbol


def meters(symbol: str) -> float:
    """Length of a unit; NaN if it is unknown."""
    return _UNITS[symbol][1] if symbol in _UNITS else math.nan


def in_one_unit(
    lengths: Mapping[str, tuple[object, object]], unit: str = ""
) -> tuple[dict[str, float], str]:
    """Convert lengths to a common unit.

    Parameters
    ----------
    lengths : mapping
        A number and the name of its unit for each axis, as a file gives them.
    unit : str
        Symbol of the common unit; empty: that of the last axis with a number.

    Returns
    -------
    lengths : dict of str to float
        Only finite numbers whose unit can be converted.
    unit : str
        Symbol of the common unit; empty if there is none.

    Examples
    --------
    >>> in_one_unit({"Z": (1750, "nm"), "Y": ("broken", "um"), "X": ("0.5", "micron")})
    ({'Z': 1.75, 'X': 0.5}, 'µm')
    """
    numbers = {axis: (length(one), unit_symbol(name)) for axis, (one, name) in lengths.items()}
    known = {axis: one for axis, one in numbers.items() if math.isfinite(one[0])}
    unit = unit or next((name for _, name in reversed(known.values()) if name), "")
    found = {}
    for axis, (number, name) in known.items():
        if name == unit:
            found[axis] = number
        elif math.isfinite(factor := meters(name) / meters(unit)):
            found[axis] = float(f"{number * factor:.12g}")  # without the digits of rounding
    return found, unit


def known_sizes(sizes: Mapping[str, float], axes: Sequence[str]) -> tuple[float, ...]:
    """Pixel size along each axis, 0 where it is unknown; empty if all are unknown."""
    found = tuple(size if (size := sizes.get(axis, 0.0)) > 0 else 0.0 for axis in axes)
    return found if any(found) else ()


def sizes_in_words(sizes: Sequence[float], unit: str) -> str:
    """Write pixel sizes as people do.

    Parameters
    ----------
    sizes : sequence of float
        Pixel sizes; 0 where unknown.
    unit : str
        Symbol of their unit.

    Returns
    -------
    text : str
        With four digits, in a unit that needs no exponent.

    Examples
    --------
    >>> sizes_in_words((0.000175, 6.4999997e-05, 0), "cm")
    '1.75 x 0.65 x ? µm'
    """
    smallest = min((size for size in sizes if size), default=1.0)
    if not 0.01 <= smallest < 10_000 and math.isfinite(meters(unit)):
        length = smallest * meters(unit)
        best = next((one for one in _PRINTED if length >= 0.1 * meters(one)), _PRINTED[-1])
        sizes, unit = [size * meters(unit) / meters(best) for size in sizes], best
    return f"{' x '.join(f'{size:.4g}' if size else '?' for size in sizes)} {unit}".rstrip()


def length(text: object) -> float:
    """Number in a file; NaN if it is malformed."""
    try:
        return float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan
