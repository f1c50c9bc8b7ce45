"""Recipe files: the parameters of a run as JSON, shaped like the record kept in each result."""

import dataclasses
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection
from cyclopts.config import Dict

from napari_dsc.errors import InvalidParameterError
from napari_dsc.params import CutParams, ImageParams, SuperpixelParams

STAGES = {"image": ImageParams, "superpixels": SuperpixelParams, "cut": CutParams}
_HASH = "weights_sha256"
_KEYS = ("software", "weights", "parameters")


def fill_from_recipe(
    app: App, commands: tuple[str, ...], arguments: ArgumentCollection
) -> None:
    """Give the parameters of ``--recipe`` to the flags that the command line leaves open.

    Parameters
    ----------
    app : App
        Program being parsed.
    commands : tuple of str
        Names of the command.
    arguments : ArgumentCollection
        Its flags; those without a value receive one. Parameters of other commands are
        passed over.
    """
    given = {name: one.tokens for one in arguments for name in one.names}
    if not given.get("--recipe"):
        return
    path = Path(given["--recipe"][-1].value)
    recipe = read_recipe(path)
    sha256 = recipe.pop(_HASH, "")
    if sha256 and not given.get("--weights"):
        _refuse_other_weights(recipe["weights"], sha256, path)
    # under the name of the command: else flags named like other commands are passed over
    values = {commands[-1]: recipe}
    Dict(values, source=str(path), allow_unknown=True)(app, commands[-1:], arguments)


def read_recipe(path: Path) -> dict[str, Any]:
    """Parameters in a recipe, or in the record of a TIFF this program wrote.

    Parameters
    ----------
    path : Path
        JSON or TIFF file.

    Returns
    -------
    values : dict
        Checked values by name of the parameter, ``weights`` and ``weights_sha256`` among
        them; only those that the recipe names.

    Raises
    ------
    InvalidParameterError
        If the file cannot be read, or names something unknown or out of range.
    """
    recipe = _load(path)
    _refuse_unknown(recipe, _KEYS, str(path))
    stages = _section(recipe, "parameters", path)
    _refuse_unknown(stages, STAGES, f"{path}: parameters")
    values: dict[str, Any] = {}
    for stage, kind in STAGES.items():
        given = _section(stages, stage, path)
        names = [field.name for field in dataclasses.fields(kind)]
        _refuse_unknown(given, names, f"{path}: {stage}")
        try:
            kind(**given)
        except InvalidParameterError as error:
            raise InvalidParameterError(f"{path}: {error}") from error
        values |= given
    weights = _section(recipe, "weights", path)
    _refuse_unknown(weights, ("name", "sha256"), f"{path}: weights")
    if "name" in weights:
        values |= {"weights": weights["name"]}
        values |= {_HASH: weights["sha256"]} if "sha256" in weights else {}
    return values


def recipe_content(parameters: Mapping[str, object], weights: str) -> bytes:
    """Write parameters as a recipe.

    Parameters
    ----------
    parameters : mapping
        Parameters by name for each stage of `STAGES`.
    weights : str
        Name or path of the weights.

    Returns
    -------
    content : bytes
        JSON that `read_recipe` reads.
    """
    recipe = {
        "software": {"napari-dsc": importlib.metadata.version("napari-dsc")},
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
    if not isinstance(recipe, dict):
        raise InvalidParameterError(
            f"recipe={str(path)!r}: expected an object of {', '.join(_KEYS)}, "
            f"got {type(recipe).__name__}"
        )
    return recipe


def _record_in_tiff(path: Path) -> dict[str, Any]:
    """The part of a result's record that a recipe holds."""
    from tifffile import TiffFile, TiffFileError

    try:
        with TiffFile(path) as file:
            record = json.loads(file.pages.first.description)
    except TiffFileError as error:
        raise ValueError(str(error)) from error
    if not isinstance(record, dict) or "parameters" not in record:
        raise ValueError("the TIFF holds no record of napari-dsc")
    return {key: record[key] for key in _KEYS if key in record}


def _refuse_other_weights(name: str, sha256: str, path: Path) -> None:
    """Make sure that a name stands for the weights that the recipe was made with."""
    from napari_dsc.superae.registry import WEIGHTS, file_sha256

    found = WEIGHTS[name].sha256 if name in WEIGHTS else file_sha256(Path(name))
    if found != sha256:
        raise InvalidParameterError(
            f"recipe={str(path)!r}: made with other weights of the name {name!r}, sha256 "
            f"{sha256:.12}... instead of {found:.12}...; give --weights to use others"
        )


def _section(parent: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    section = parent.get(key, {})
    if not isinstance(section, dict):
        raise InvalidParameterError(
            f"recipe={str(path)!r}: {key} is {type(section).__name__}, expected an object"
        )
    return section


def _refuse_unknown(given: Mapping[str, Any], known: Any, place: str) -> None:
    unknown = [repr(key) for key in given if key not in known]
    if unknown:
        raise InvalidParameterError(
            f"{place}: unknown {', '.join(unknown)}; expected {', '.join(known)}"
        )
