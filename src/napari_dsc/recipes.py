"""Recipes: the parameters of a run as JSON, as Python code and as a command line."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import shlex
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
_KEYWORDS = {
    "image": "image_params",
    "superpixels": "superpixel_params",
    "cut": "cut_params",
    "tree": "tree_params",
}
_KEYS = ("software", "method", "weights", "parameters")
_METHODS = ("dsc", "tree")
_DEFAULT_WEIGHTS = "superae-bsds500"
_LONGEST_ARGUMENT = 83  # of a line of 88 characters, less four spaces and a comma


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
    weights = _section(recipe, "weights", place)
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
    stages = _section(recipe, "parameters", place)
    _refuse_unknown(stages, STAGES, f"{place}: parameters")
    given = {stage: _section(stages, stage, place) for stage in STAGES}
    for stage, kind in STAGES.items():
        names = [field.name for field in dataclasses.fields(kind)]
        _refuse_unknown(given[stage], names, f"{place}: {stage}")
        try:
            kind(**given[stage])
        except InvalidParameterError as error:
            raise InvalidParameterError(f"{place}: {error}") from error
    return given


def _section(parent: Mapping[str, Any], key: str, place: str) -> dict[str, Any]:
    section = parent.get(key, {})
    if not isinstance(section, dict):
        raise InvalidParameterError(
            f"{place}: {key} is {type(section).__name__}, expected an object"
        )
    return section


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


def as_python(record: Mapping[str, Any], image: str, axes: str = "") -> str:
    """Write the run of a record as Python code.

    Parameters
    ----------
    record : mapping
        Record of a result.
    image : str
        Python expression of the image.
    axes : str
        Axes of that image, where they have to be told.

    Returns
    -------
    code : str
        It leaves the result in the variable ``result``.
    """
    arguments, used = [image], []
    if axes:
        arguments.append(f"axes={axes!r}")
    for name, value in _options(record).items():
        arguments.append(f"{name}={value!r}")
    for stage, params in params_from_record(record).items():
        changed = _changed(params)
        if changed:
            used.append(type(params).__name__)
            arguments.append(_call(f"{_KEYWORDS[stage]}={used[-1]}", changed))
    imports = ["import napari_dsc"]
    imports += [f"from napari_dsc import {', '.join(sorted(used))}"] if used else []
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return "\n".join([*imports, "", f"result = napari_dsc.segment(\n{lines})", ""])


def as_command(record: Mapping[str, Any], image: str, output: str) -> str:
    """Write the run of a record as a command line.

    Parameters
    ----------
    record : mapping
        Record of a result.
    image, output : str
        Files to read and to write.

    Returns
    -------
    command : str
        For a POSIX shell.
    """
    named = f"./{image}" if image.startswith("-") else image
    words = ["napari-dsc", "segment", named, "--output", output]
    flags: dict[str, object] = dict(_options(record))
    for params in params_from_record(record).values():
        flags |= _changed(params)
    for name, value in flags.items():
        words += ["--" + name.replace("_", "-"), str(value)]
    return shlex.join(words)


def _call(start: str, fields: Mapping[str, object]) -> str:
    """Call with keywords, on one line where it is short enough."""
    keywords = [f"{name}={value!r}" for name, value in fields.items()]
    line = f"{start}({', '.join(keywords)})"
    if len(line) <= _LONGEST_ARGUMENT:
        return line
    return f"{start}(\n" + "".join(f"        {one},\n" for one in keywords) + "    )"


def _changed(params: Params) -> dict[str, object]:
    """Fields that differ from their defaults."""
    default = type(params)()
    values = dataclasses.asdict(params)
    return {name: value for name, value in values.items() if value != getattr(default, name)}


def _options(record: Mapping[str, Any]) -> dict[str, str]:
    """Method, device and weights, as far as they have to be named."""
    weights = _section(record, "weights", "record").get("name", _DEFAULT_WEIGHTS)
    device = _section(record, "device", "record").get("name", "")
    method = str(record.get("method", "dsc"))
    named = {} if method == "dsc" else {"method": method}
    named |= {} if weights == _DEFAULT_WEIGHTS else {"weights": weights}
    return named | ({"device": device} if device else {})
