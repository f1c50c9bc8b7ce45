"""Recipes: the settings of a run as JSON, in a file of their own or in that of a result."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
from typing import TYPE_CHECKING, Any

from napari_dsc.errors import InvalidParameterError
from napari_dsc.params import (
    ClassParams,
    CutParams,
    ImageParams,
    Params,
    SuperpixelParams,
    TreeParams,
)
from napari_dsc.params.checks import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STAGES: dict[str, type[Params]] = {
    "image": ImageParams,
    "superpixels": SuperpixelParams,
    "cut": CutParams,
    "tree": TreeParams,
    "classes": ClassParams,
}
"""Parameter class of each stage in a recipe."""

KEYWORDS = {
    "image": "image_params",
    "superpixels": "superpixel_params",
    "cut": "cut_params",
    "tree": "tree_params",
    "classes": "class_params",
}
"""Field of `Settings` that holds the parameters of each stage."""

LARGEST = 2**26  # bytes of a recipe; those of many images have some ten thousand
_KEYS = (
    *("software", "method", "weights", "parameters", "unused_parameters"),
    *("reading", "tile", "device"),
)
# what only the record of a result has
_RESULT = ("image", "seconds")
_READING = {
    "axes": ("axes", str),
    "spacing": ("spacing", list),
    "channels": ("channels", list),
    "level": ("level", int),
}
_WEIGHTS = {"name": ("weights", str), "sha256": ("weights_sha256", str)}


def read_recipe(path: Path) -> dict[str, Any]:
    """Recipe in a file, or the one in the record of a result.

    Parameters
    ----------
    path : Path
        JSON, or a TIFF or OME-Zarr of labels that napari-dsc wrote.

    Returns
    -------
    recipe : dict
        For `values_in`.

    Raises
    ------
    InvalidParameterError
        If the file cannot be read or holds no recipe.
    """
    place = f"recipe={str(path)!r}"
    try:
        return _checked(_load(path), place)
    except InvalidParameterError:
        raise
    except OSError as error:
        raise InvalidParameterError(f"{place}: {error.strerror or error}") from error
    except Exception as error:  # the decoder of TIFF raises whatever damaged bytes lead it to
        raise InvalidParameterError(f"{place}: no recipe ({error})") from error


def recipe_from_text(text: str) -> dict[str, Any]:
    """Recipe in a text, such as the clipboard's.

    Parameters
    ----------
    text : str
        JSON of `as_recipe`.

    Returns
    -------
    recipe : dict
        For `values_in`.

    Raises
    ------
    InvalidParameterError
        If the text is no recipe.
    """
    try:
        recipe = parse_json(text)
    except ValueError as error:
        raise InvalidParameterError(f"recipe: no recipe ({error})") from error
    return _checked(recipe, "recipe")


def values_in(recipe: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Values that a recipe names, as `Settings` takes them.

    Parameters
    ----------
    recipe : mapping
        Recipe or record.
    place : str
        Where it was found, for the error.

    Returns
    -------
    values : dict
        By name of the setting; those of a parameter group are a dict of the group's fields.

    Raises
    ------
    InvalidParameterError
        If something is unknown, of the wrong type or out of range.
    """
    values: dict[str, Any] = {}
    for key in ("unused_parameters", "parameters"):
        for stage, given in _given_parameters(recipe, key, place).items():
            values[KEYWORDS[stage]] = given
    if "method" in recipe:
        values["method"] = recipe["method"]
    values |= _named(recipe, "reading", _READING, place)
    values |= _named(recipe, "weights", _WEIGHTS, place)
    device = section(recipe, "device", place).get("asked")
    if device is not None:
        values["device"] = _of_kind(device, str, f"{place}: device")
    # tiles of an image that did not fit have a side, even if none was asked for
    tile = recipe.get("tile") or section(recipe, "tiles", place).get("side")
    if tile:
        values["tile"] = _of_kind(tile, int, f"{place}: tile")
    return values


def recipe_content(recipe: Mapping[str, object]) -> bytes:
    """Write settings as a recipe file.

    Parameters
    ----------
    recipe : mapping
        `Settings.to_record`.

    Returns
    -------
    content : bytes
        JSON that `read_recipe` reads.
    """
    software = {"software": {"napari-dsc": importlib.metadata.version("napari-dsc")}}
    return (json.dumps(software | dict(recipe), indent=2) + "\n").encode()


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
    return json.dumps(_recipe_of(record), indent=2) + "\n"


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


def _load(path: Path) -> object:
    if path.is_dir():
        return _recipe_of(_record_in_zarr(path))
    if path.exists() and not path.is_file():  # a device has no end
        raise ValueError("it is not a regular file")
    if path.suffix.lower() in (".tif", ".tiff"):
        from napari_dsc.files.tiff import read_record  # loads slowly

        return _recipe_of(read_record(path))
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it has {path.stat().st_size} bytes, expected at most {LARGEST}")
    return parse_json(path.read_bytes())


def _record_in_zarr(path: Path) -> dict[str, Any]:
    """Record among the attributes of an OME-Zarr of labels."""
    metadata = parse_json((path / "zarr.json").read_bytes())
    try:
        record: dict[str, Any] = metadata["attributes"]["napari-dsc"]
    except (KeyError, TypeError) as error:
        raise ValueError("the zarr store holds no record of napari-dsc") from error
    return record


def _recipe_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in a record, without the parts that describe its result."""
    recipe = {key: record[key] for key in _KEYS if key in record}
    if not recipe.get("tile") and "tiles" in record:
        recipe["tile"] = section(record, "tiles", "record").get("side", 0)
    return recipe


def _checked(recipe: object, place: str) -> dict[str, Any]:
    if not isinstance(recipe, dict):
        raise InvalidParameterError(
            f"{place}: expected an object of {', '.join(_KEYS)}, got {type(recipe).__name__}"
        )
    if any(key in recipe for key in _RESULT):
        return _recipe_of(recipe)
    _refuse_unknown(recipe, _KEYS, place)
    return recipe


def _given_parameters(
    recipe: Mapping[str, Any], key: str, place: str
) -> dict[str, dict[str, Any]]:
    """Checked parameters of each stage, only those that are named."""
    stages = section(recipe, key, place)
    _refuse_unknown(stages, STAGES, f"{place}: {key}")
    given = {stage: section(stages, stage, place) for stage in stages}
    for stage, values in given.items():
        kind = STAGES[stage]
        names = [field.name for field in dataclasses.fields(kind)]
        _refuse_unknown(values, names, f"{place}: {stage}")
        try:
            kind(**values)
        except InvalidParameterError as error:
            raise InvalidParameterError(f"{place}: {error}") from error
    return given


def _named(
    recipe: Mapping[str, Any], key: str, known: Mapping[str, tuple[str, type]], place: str
) -> dict[str, Any]:
    """Checked values of a section, under the names of the settings."""
    given = section(recipe, key, place)
    _refuse_unknown(given, known, f"{place}: {key}")
    return {
        known[name][0]: _of_kind(value, known[name][1], f"{place}: {key}: {name}")
        for name, value in given.items()
    }


def _of_kind(value: Any, kind: type, place: str) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InvalidParameterError(
            f"{place}: expected {kind.__name__}, got {type(value).__name__}"
        )
    return value


def _refuse_unknown(given: Mapping[str, Any], known: Any, place: str) -> None:
    unknown = [f"{key!r:.60}" for key in given if key not in known][:5]
    if unknown:
        raise InvalidParameterError(
            f"{place}: unknown {', '.join(unknown)}; expected {', '.join(known)}"
        )
