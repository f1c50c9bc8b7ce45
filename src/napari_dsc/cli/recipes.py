"""Recipes on the command line: their values where no flag gives one."""

from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection
from cyclopts.config import Dict

from napari_dsc.errors import InvalidParameterError
from napari_dsc.params import preset
from napari_dsc.records.recipes import WEIGHTS_HASH, read_recipe


def fill_from_recipe(
    app: App, commands: tuple[str, ...], arguments: ArgumentCollection
) -> None:
    """Give the values of ``--recipe``, then of ``--preset``, to the flags left open.

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
    if given.get("--recipe"):
        path = Path(given["--recipe"][-1].value)
        recipe = read_recipe(path)
        sha256 = recipe.pop(WEIGHTS_HASH, "")
        if sha256 and not given.get("--weights"):
            _refuse_other_weights(recipe["weights"], sha256, path)
        _fill(recipe, str(path), app, commands, arguments)
    if given.get("--preset"):
        values = preset(given["--preset"][-1].value)
        names_stages = "--cut.n-iterations" in given  # so does `evaluate`
        flags: dict[str, Any] = (
            {"superpixel": values["superpixels"], "cut": values["cut"]}
            if names_stages
            else values["superpixels"] | values["cut"]
        )
        _fill(flags, "preset", app, commands, arguments)


def _fill(
    values: dict[str, Any],
    source: str,
    app: App,
    commands: tuple[str, ...],
    arguments: ArgumentCollection,
) -> None:
    # under the name of the command: else flags named like other commands are passed over
    filled = {commands[-1]: values}
    Dict(filled, source=source, allow_unknown=True)(app, commands[-1:], arguments)


def _refuse_other_weights(name: str, sha256: str, path: Path) -> None:
    """Make sure that a name stands for the weights that the recipe was made with."""
    from napari_dsc.superae.registry import WEIGHTS, file_sha256

    found = WEIGHTS[name].sha256 if name in WEIGHTS else file_sha256(Path(name))
    if found != sha256:
        raise InvalidParameterError(
            f"recipe={str(path)!r}: made with other weights of the name {name!r}, sha256 "
            f"{sha256:.12}... instead of {found:.12}...; give --weights to use others"
        )
