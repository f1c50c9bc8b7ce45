"""All commands in one program. No command imports anything heavy before it starts to work."""

import importlib.metadata
import re
import sys
from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError, Parameter, Token, convert

from napari_dsc.cli.commands.compare import compare
from napari_dsc.cli.commands.demo import demo
from napari_dsc.cli.commands.evaluate import evaluate
from napari_dsc.cli.commands.info import info
from napari_dsc.cli.commands.segment import batch, segment, smooth, superpixels
from napari_dsc.cli.commands.train import train
from napari_dsc.cli.commands.weights import weights
from napari_dsc.cli.recipes import fill_from_recipe
from napari_dsc.errors import DSCError, printable

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
