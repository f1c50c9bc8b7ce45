"""Recipes on the command line: their values where no flag gives one."""

from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection
from cyclopts.config import Dict

from napari_dsc.errors import InvalidParameterError, WeightsError
from napari_dsc.params import DEFAULT_WEIGHTS, preset_values
from napari_dsc.records.recipes import KEYWORDS, read_recipe, values_in
from napari_dsc.segmenting.settings import Settings


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

    def fill(values: dict[str, Any], source: str) -> None:
        # under the name of the command: else flags named like other commands are passed over
        named = Dict({commands[-1]: values}, source=source, allow_unknown=True)
        named(app, commands[-1:], arguments)

    given = {name: one.tokens for one in arguments for name in one.names}
    if given.get("--recipe"):
        path = Path(given["--recipe"][-1].value)
        place, recipe = f"recipe={str(path)!r}", read_recipe(path)
        Settings.from_record(recipe, place)  # its error names the recipe, not a flag
        values = values_in(recipe, place)
        for name in KEYWORDS.values():
            values |= values.pop(name, {})
        sha256 = values.pop("weights_sha256", "")
        if sha256 and not given.get("--weights"):
            _refuse_other_weights(values.get("weights", DEFAULT_WEIGHTS), sha256, place)
        # flags take lists with commas
        lists = {name: one for name, one in values.items() if isinstance(one, list)}
        commas = {name: ",".join(map(str, one)) for name, one in lists.items()}
        fill(values | commas, str(path))
    if given.get("--preset"):
        preset = preset_values(given["--preset"][-1].value)
        names_stages = "--cut.n-iterations" in given  # so does `evaluate`
        flags: dict[str, Any] = (
            {"superpixel": preset["superpixels"], "cut": preset["cut"]}
            if names_stages
            else preset["superpixels"] | preset["cut"]
        )
        fill(flags, "preset")


def _refuse_other_weights(name: str, sha256: str, place: str) -> None:
    """Make sure that a name stands for the weights that the recipe was made with."""
    from napari_dsc.superae.registry import WEIGHTS, file_sha256

    try:
        found = WEIGHTS[name].sha256 if name in WEIGHTS else file_sha256(Path(name))
    except WeightsError as error:
        raise InvalidParameterError(f"{place}: {error}") from error
    if found != sha256:
        raise InvalidParameterError(
            f"{place}: made with other weights of the name {name!r}, sha256 {sha256:.12}... "
            f"instead of {found:.12}...; give --weights to use others"
        )
