"""All commands in one program, and the flags that recipes and presets fill in.

No command imports anything heavy before it starts to work.
"""

import importlib.metadata
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection, CycloptsError, Parameter, Token, convert
from cyclopts.config import Dict

from napari_dsc.cli.commands.demo import demo
from napari_dsc.cli.commands.evaluate import compare, evaluate
from napari_dsc.cli.commands.info import info, weights
from napari_dsc.cli.commands.segment import batch, segment, smooth, superpixels
from napari_dsc.cli.commands.train import train
from napari_dsc.errors import DSCError, InvalidParameterError, WeightsError, printable
from napari_dsc.params import default_weights, preset_values
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
    if given.get("--weights"):  # a device is refused before torch loads
        from napari_dsc.superae.registry import check_regular

        check_regular(Path(given["--weights"][-1].value))
    if given.get("--recipe"):
        path = Path(given["--recipe"][-1].value)
        place, recipe = f"recipe={str(path)!r}", read_recipe(path)
        Settings.from_record(recipe, place)  # its error names the recipe, not a flag
        values = values_in(recipe, place)
        for name in KEYWORDS.values():
            values |= values.pop(name, {})
        sha256 = values.pop("weights_sha256", "")
        if sha256 and not given.get("--weights"):
            method = str(values.get("method", Settings.method))
            name = values.get("weights", default_weights(method))
            _refuse_other_weights(name, sha256, place)
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


WRONG_INPUT = 2


def run_program(arguments: Sequence[str]) -> int:
    """Run a command line.

    Parameters
    ----------
    arguments : sequence of str
        Command line without the program's name.

    Returns
    -------
    status : int
        0, 1 if files of a batch or of ``--joint`` failed, or 2 for wrong input, which one
        line on stderr explains.
    """
    try:
        status: int | None = _program()(list(arguments))
    except (DSCError, CycloptsError) as error:
        return _refuse(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        return _refuse(f"{error.filename or 'a file'}: {error.strerror or error}")
    except (MemoryError, RuntimeError) as error:
        from napari_dsc.machine.device import is_out_of_memory

        if not is_out_of_memory(error):
            raise
        return _refuse("out of memory; take smaller images, crops or batches")
    return status or 0


def _refuse(words: str) -> int:
    sys.stderr.write(f"error: {printable(words)}\n")
    return WRONG_INPUT


def _program() -> App:
    program = App(
        name="napari-dsc",
        help="Segment images without labels: divide into superpixels, merge.\n\n"
        "Exit status: 0 if all is well, 1 if some files of a batch or of --joint failed, 2 for "
        "wrong input (one sentence says what), 130 if interrupted.",
        version=_version,
        config=fill_from_recipe,
        # a file may be named [a].png
        default_parameter=Parameter(converter=_value_of, json_dict=False, json_list=False),
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )
    for command in (
        segment,
        batch,
        superpixels,
        smooth,
        demo,
        train,
        evaluate,
        compare,
        weights,
        info,
    ):
        program.command(command)
    return program


def _value_of(kind: Any, tokens: Sequence[Token]) -> object:
    """Value of a flag; cyclopts by itself rounds 1.5 where a whole number is expected."""
    for token in tokens:
        if kind is int and re.fullmatch(r"[+-]?\d*\.\d*", token.value):
            raise ValueError(f"{token.value!r} is no whole number")
    return convert(kind, tokens)


def _version() -> str:
    return importlib.metadata.version("napari-dsc")
