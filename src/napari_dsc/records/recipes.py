"""Recipes: the parameters of a run as JSON."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
from typing import TYPE_CHECKING, Any

from napari_dsc.errors import InvalidParameterError
from napari_dsc.params import CutParams, ImageParams, Params, SuperpixelParams, TreeParams

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STAGES: dict[str, type[Params]] = {
    "image": ImageParams,
    "superpixels": SuperpixelParams,
    "cut": CutParams,
    "tree": TreeParams,
}
WEIGHTS_HASH = "weights_sha256"
_KEYS = ("software", "method", "weights", "parameters")
_METHODS = ("dsc", "tree")


def read_recipe(path: Path) -> dict[str, Any]:
    """Parameters in a recipe, or in the record of a TIFF this program wrote.

    Parameters
    ----------
    path : Path
        JSON or TIFF file.

    Returns
    -------
    values : dict
        Checked values by name of the parameter, ``method``, ``weights`` and
        ``weights_sha256`` among them; only those that the recipe names.

    Raises
    ------
    InvalidParameterError
        If the file cannot be read, or names something unknown or out of range.
    """
    return _values_of(_load(path), str(path))


def recipe_from_text(text: str) -> dict[str, Any]:
    """Parameters in the text of a recipe, such as the clipboard's.

    Parameters
    ----------
    text : str
        JSON of `as_recipe`.

    Returns
    -------
    values : dict
        As `read_recipe` gives them.

    Raises
    ------
    InvalidParameterError
        If the text is no recipe, or names something unknown or out of range.
    """
    try:
        recipe = json.loads(text)
    except ValueError as error:
        raise InvalidParameterError(f"recipe: no recipe ({error})") from error
    return _values_of(_checked(recipe, "recipe"), "recipe")


def _values_of(recipe: Mapping[str, Any], place: str) -> dict[str, Any]:
    _refuse_unknown(recipe, _KEYS, place)
    values: dict[str, Any] = {}
    for given in _given_parameters(recipe, place).values():
        values |= given
    if "method" in recipe:
        values |= {"method": _checked_method(recipe["method"], place)}
    weights = section(recipe, "weights", place)
    _refuse_unknown(weights, ("name", "sha256"), f"{place}: weights")
    if "name" in weights:
        values |= {"weights": weights["name"]}
        values |= {WEIGHTS_HASH: weights["sha256"]} if "sha256" in weights else {}
    return values


def _checked_method(method: object, place: str) -> object:
    if method not in _METHODS:
        raise InvalidParameterError(
            f"{place}: method={method!r}, expected one of {', '.join(_METHODS)}"
        )
    return method


def recipe_content(parameters: Mapping[str, object], weights: str, method: str) -> bytes:
    """Write parameters as a recipe.

    Parameters
    ----------
    parameters : mapping
        Parameters by name for each stage of `STAGES`.
    weights : str
        Name or path of the weights.
    method : str
        ``dsc`` or ``tree``.

    Returns
    -------
    content : bytes
        JSON that `read_recipe` reads.
    """
    recipe = {
        "software": {"napari-dsc": importlib.metadata.version("napari-dsc")},
        "method": method,
        "weights": {"name": weights},
        "parameters": parameters,
    }
    return (json.dumps(recipe, indent=2) + "\n").encode()


def _load(path: Path) -> dict[str, Any]:
    try:
        if path.suffix.lower() in (".tif", ".tiff"):
            return _record_in_tiff(path)
        recipe = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidParameterError(f"recipe={str(path)!r}: {reason}") from error
    except ValueError as error:
        raise InvalidParameterError(f"recipe={str(path)!r}: no recipe ({error})") from error
    return _checked(recipe, f"recipe={str(path)!r}")


def _checked(recipe: object, place: str) -> dict[str, Any]:
    if not isinstance(recipe, dict):
        raise InvalidParameterError(
            f"{place}: expected an object of {', '.join(_KEYS)}, got {type(recipe).__name__}"
        )
    return recipe


def _record_in_tiff(path: Path) -> dict[str, Any]:
    """The part of a result's record that a recipe holds."""
    from napari_dsc.files.tiff import read_record  # loads slowly

    record = read_record(path)
    return {key: record[key] for key in _KEYS if key in record}


def _given_parameters(recipe: Mapping[str, Any], place: str) -> dict[str, dict[str, Any]]:
    """Checked parameters of each stage, only those that are named."""
    stages = section(recipe, "parameters", place)
    _refuse_unknown(stages, STAGES, f"{place}: parameters")
    given = {stage: section(stages, stage, place) for stage in STAGES}
    for stage, kind in STAGES.items():
        names = [field.name for field in dataclasses.fields(kind)]
        _refuse_unknown(given[stage], names, f"{place}: {stage}")
        try:
            kind(**given[stage])
        except InvalidParameterError as error:
            raise InvalidParameterError(f"{place}: {error}") from error
    return given


def section(parent: Mapping[str, Any], key: str, place: str) -> dict[str, Any]:
    """Part of a recipe or record that holds names and values.

    Parameters
    ----------
    parent : mapping
        Recipe, or a part of it.
    key : str
        Name of the part.
    place : str
        Where it was found, for the message.

    Returns
    -------
    part : dict
        Empty where it is missing.

    Raises
    ------
    InvalidParameterError
        If it is something else.
    """
    part = parent.get(key, {})
    if not isinstance(part, dict):
        raise InvalidParameterError(
            f"{place}: {key} is {type(part).__name__}, expected an object"
        )
    return part


def _refuse_unknown(given: Mapping[str, Any], known: Any, place: str) -> None:
    unknown = [repr(key) for key in given if key not in known]
    if unknown:
        raise InvalidParameterError(
            f"{place}: unknown {', '.join(unknown)}; expected {', '.join(known)}"
        )


def params_from_record(record: Mapping[str, Any]) -> dict[str, Params]:
    """Parameters that the record of a run names.

    Parameters
    ----------
    record : mapping
        Record of a result, or a recipe.

    Returns
    -------
    params : dict of str to Params
        Stage of `STAGES` to its parameters; what is not named has its default.

    Raises
    ------
    InvalidParameterError
        If a stage or a name is unknown, or a value cannot be used.
    """
    given = _given_parameters(record, "record")
    return {stage: kind(**given[stage]) for stage, kind in STAGES.items()}


def as_recipe(record: Mapping[str, Any]) -> str:
    """Write the run of a record as a recipe file.

    Parameters
    ----------
    record : mapping
        Record of a result.

    Returns
    -------
    text : str
        JSON that ``--recipe`` reads.
    """
    recipe = {key: record[key] for key in _KEYS if key in record}
    return json.dumps(recipe, indent=2) + "\n"
