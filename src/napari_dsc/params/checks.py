"""Base class of all parameter sets, which checks values; JSON of any origin, checked too."""

import dataclasses
import json
from typing import Any, Literal, get_args, get_origin, get_type_hints

from napari_dsc.errors import InvalidParameterError


@dataclasses.dataclass(frozen=True)
class Params:
    """A set of parameters that checks its values against the annotations of its fields.

    Raises
    ------
    InvalidParameterError
        If a value has the wrong type, is out of bounds or is not one of the choices.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self), include_extras=True)
        for field in dataclasses.fields(self):
            value = _as_python(getattr(self, field.name))
            _check(field.name, value, hints[field.name])
            object.__setattr__(self, field.name, value)


def parse_json(text: str | bytes) -> Any:
    """Parse JSON that may come from anywhere.

    Parameters
    ----------
    text : str or bytes
        JSON; bytes may start with a byte order mark.

    Returns
    -------
    value : object
        All of its numbers are finite.

    Raises
    ------
    ValueError
        If it is no JSON, is nested too deeply, or holds a number that is not finite.
    """
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def limits(params: type[Params], name: str) -> tuple[float, float]:
    """Bounds of a numeric parameter.

    Parameters
    ----------
    params : type
        A class of parameters.
    name : str
        Name of a numeric field.

    Returns
    -------
    least, most : float
        Smallest and largest value allowed.
    """
    _, bounds = get_args(get_type_hints(params, include_extras=True)[name])
    return bounds["min"], bounds["max"]


def _as_python(value: object) -> object:
    """Turn a NumPy scalar into a Python number, which JSON can hold."""
    return value.item() if getattr(value, "shape", None) == () else value  # type: ignore[attr-defined]


def _check(name: str, value: object, hint: object) -> None:
    if get_origin(hint) is Literal:
        if not isinstance(value, str) or value not in get_args(hint):
            choices = ", ".join(map(str, get_args(hint)))
            raise InvalidParameterError(f"{name}={value!r:.60}: expected one of {choices}")
        return
    kind, bounds = get_args(hint)
    accepted = int if kind is int else (int, float)
    if not isinstance(value, accepted) or isinstance(value, bool):
        raise InvalidParameterError(
            f"{name}={value!r:.60}: expected {kind.__name__}, got {type(value).__name__}"
        )
    if not bounds["min"] <= value <= bounds["max"]:
        raise InvalidParameterError(
            f"{name}={value!r:.60}: expected {bounds['min']} to {bounds['max']}"
        )


def check_kinds(*given: tuple[object, type[Params]]) -> None:
    """Check that parameter sets have the expected classes.

    Parameters
    ----------
    *given : (object, type)
        A parameter set, and its expected class.

    Raises
    ------
    InvalidParameterError
        If one of them is of another class.
    """
    for one, kind in given:
        if not isinstance(one, kind):
            raise InvalidParameterError(
                f"expected {kind.__name__}, got {type(one).__name__}: {one!r:.60}"
            )
