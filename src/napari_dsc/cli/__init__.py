"""The program ``napari-dsc``: the one place that prints and turns errors into exit statuses."""

import os
import sys
from collections.abc import Sequence

from napari_dsc.cli.ctrl_c import CtrlC

BROKEN_PIPE, INTERRUPTED = 141, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Parameters
    ----------
    arguments : sequence of str, optional
        Command line without the program's name; by default that of the process.

    Returns
    -------
    status : int
        0, 1 if files of a batch failed, 2 for wrong input, 130 if interrupted, 141 if nobody
        reads the output.
    """
    try:
        with CtrlC():
            # here, because Ctrl-C may come while this loads
            from napari_dsc.cli.program import run_program

            status = run_program(sys.argv[1:] if arguments is None else arguments)
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; no unfinished file is left\n")
        return INTERRUPTED
    except BrokenPipeError:
        # the interpreter flushes stdout once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return status
