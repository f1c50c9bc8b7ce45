"""Long computations in a process of their own, so that a window stays alive beside them.

Higra holds the interpreter's lock while it works, for seconds on large images and stacks; in
that time no other thread of the process moves, and no button can be pressed.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from napari_dsc.errors import ComputationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
R = TypeVar("R")

# below, the lock is held for some hundredths of a second, and starting a process takes longer
LEAST_VALUES, LEAST_IN_SPACE = 2**19, 2**17
CHECK_SECONDS = 0.05
START = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from napari_dsc.machine.side_process import serve; serve()"
)


class _Answer(NamedTuple):
    value: Any = None
    error: Exception | None = None


@contextlib.contextmanager
def side_process(check: Callable[[], object], n_threads: int) -> Iterator[None]:
    """Let `apart` use a process of its own, which starts when it is first needed.

    Parameters
    ----------
    check : callable
        Called a few times a second while that process computes; what it raises ends the
        computation, and is raised by `apart`.
    n_threads : int
        Threads of that process.
    """
    side = _Side(check, n_threads)
    token = _current.set(side)
    try:
        yield
    finally:
        side.close()
        with contextlib.suppress(ValueError):  # a generator that another thread closes
            _current.reset(token)


def apart(function: Callable[P, R], *arguments: P.args, **keywords: P.kwargs) -> R:
    """Result of a function, computed in the side process if there is one.

    Parameters
    ----------
    function : callable
        Of a module, and without side effects.
    *arguments, **keywords
        Its arguments. Where their arrays are small, it is called here.

    Returns
    -------
    result : object
        What the function returns.

    Raises
    ------
    ComputationError
        If the side process ends before it answers.
    """
    side = _current.get()
    is_long = any(map(_takes_long, (*arguments, *keywords.values())))
    if side is None or side.is_closed or not sys.executable or not is_long:
        return function(*arguments, **keywords)
    answer = side.ask((function, arguments, keywords))
    if answer.error is not None:
        raise answer.error
    result: R = answer.value
    return result


def _takes_long(value: object) -> bool:
    """Whether an argument is a large image, or a stack, (C, Z, Y, X), that is not small."""
    if not isinstance(value, np.ndarray):
        return False
    return value.size >= (LEAST_IN_SPACE if value.ndim == 4 else LEAST_VALUES)


class _Side:
    """The process, and a thread that talks with it."""

    def __init__(self, check: Callable[[], object], n_threads: int) -> None:
        self._check, self._n_threads = check, n_threads
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = ThreadPoolExecutor(1)
        self.is_closed = False

    def ask(self, question: object) -> _Answer:
        """Answer to a call, checking now and then whether it is still wanted."""
        if self._process is None:
            self._process = self._started()
        future = self._thread.submit(_exchange, self._process, question)
        try:
            while not wait([future], CHECK_SECONDS).done:
                self._check()
            return future.result()
        except BaseException:
            self._end()
            raise

    def close(self) -> None:
        """End process and thread, whatever they do."""
        self.is_closed = True
        self._end()
        self._thread.shutdown()

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in filter(None, (self._process.stdin, self._process.stdout)):
            with contextlib.suppress(OSError):  # what it never read
                pipe.close()
        self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"OMP_NUM_THREADS": str(self._n_threads)},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            start_new_session=True,  # Ctrl-C in a terminal is for the program, not for it
        )
        assert process.stdin is not None
        pickle.dump(sys.path, process.stdin)
        return process


def _exchange(process: subprocess.Popen[bytes], question: object) -> _Answer:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        pickle.dump(question, process.stdin, pickle.HIGHEST_PROTOCOL)
        process.stdin.flush()
        answer: _Answer = pickle.load(process.stdout)
    except (OSError, EOFError, pickle.UnpicklingError) as error:
        raise ComputationError(
            f"The computation ended with exit status {process.wait()}; there may be too little "
            "memory"
        ) from error
    return answer


def serve() -> None:
    """Answer calls from stdin on stdout until the caller is gone."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # words of libraries are no answers
    while True:
        try:
            function, arguments, keywords = pickle.load(sys.stdin.buffer)
            answer = _Answer(function(*arguments, **keywords))
        except EOFError:
            return
        except Exception as error:
            answer = _Answer(error=error)
        pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()


_current: ContextVar[_Side | None] = ContextVar("side process", default=None)
