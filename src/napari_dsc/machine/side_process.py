"""A helper process for computations that would stop a window.

Higra and other compiled libraries hold the interpreter's lock while they work, for seconds on
large images and stacks; in that time no other thread of the process moves, and no button can be
pressed. The helper stays for the next run, because it takes two seconds to start.

loky and concurrent.futures pickle the arrays of a call into one string under the same lock, for
0.4 processor seconds with a stack of 512 MB; the pipe below holds it for 3 milliseconds. The
standard library also runs the main script of the user again in each new process.
"""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from napari_dsc.errors import ComputationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
R = TypeVar("R")

# Longest time that the lock was held, in processor seconds, over flat, noisy, smooth and
# salted images, photos and micrographs: by higra's average linkage (ucm and the merge tree)
# 0.10 for 2**15 pixels, 0.37 for 2**16, 1.4 for 2**17 and 9.6 for 2**19; by the other methods
# 0.03, 0.16, 0.12 and 0.43. Stacks of as many pixels stay below that.
LEAST_PIXELS = 2**15
CHECK_SECONDS = 0.05
START = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "sys.modules['matplotlib'] = None; "  # which higra would load, for 0.4 processor seconds
    "from napari_dsc.machine.side_process import serve; serve()"
)


class _Answer(NamedTuple):
    value: Any = None
    error: Exception | None = None


@contextlib.contextmanager
def side_process(check: Callable[[], object], n_threads: int) -> Iterator[None]:
    """Let `run_in_side_process` use a helper, which starts when it is first needed.

    Parameters
    ----------
    check : callable
        Called a few times a second while the helper computes; what it raises ends the
        computation, and is raised by `run_in_side_process`.
    n_threads : int
        Threads of the helper.
    """
    session = _Session(_idle_helper(n_threads), check)
    token = _current.set(session)
    try:
        yield
    finally:
        session.is_closed = True
        _keep(session.helper)
        with contextlib.suppress(ValueError):  # a generator that another thread closes
            _current.reset(token)


def run_in_side_process(
    function: Callable[P, R], *arguments: P.args, **keywords: P.kwargs
) -> R:
    """Result of a function, computed by the helper inside `side_process`.

    Parameters
    ----------
    function : callable
        Of a module, and without side effects.
    *arguments, **keywords
        Its arguments, the first of which is an image, (C, *S). Images of less than 2**15
        pixels are computed in this process.

    Returns
    -------
    result : object
        What the function returns.

    Raises
    ------
    ComputationError
        If the helper ends before it answers.
    """
    session = _session_for((*arguments, *keywords.values()))
    if session is None:
        return function(*arguments, **keywords)
    answer = session.helper.ask((function, arguments, keywords), session.check)
    if answer.error is not None:
        raise answer.error
    result: R = answer.value
    return result


def prepare_side_process(function: Callable[..., object], image: np.ndarray) -> None:
    """Start the helper while this process does something else.

    Parameters
    ----------
    function : callable
        What `run_in_side_process` will compute.
    image : (C, *S) array
        Its first argument; nothing starts for less than 2**15 pixels.
    """
    session = _session_for((image,))
    if session is not None:
        session.helper.prepare(function)


def close_idle_helper() -> None:
    """End the helper that waits for the next run, if there is one."""
    with _lock:
        while _idle:
            _idle.pop().close()


class _Helper:
    """The process, and a thread that talks with it."""

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = ThreadPoolExecutor(1)

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def prepare(self, function: Callable[..., object]) -> None:
        """Let the process import the module of a function, without waiting for it."""
        if not self.is_alive:
            self._start()
            self._thread.submit(_exchange, self._process, (callable, (function,), {}))

    def ask(self, question: object, check: Callable[[], object]) -> _Answer:
        """Answer to a call, checking now and then whether it is still wanted."""
        if not self.is_alive:
            self._start()
        future = self._thread.submit(_exchange, self._process, question)
        try:
            while not wait([future], CHECK_SECONDS).done:
                check()
            return future.result()
        except BaseException:
            self._end()
            raise

    def close(self) -> None:
        """End process and thread, even if they are busy."""
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

    def _start(self) -> None:
        self._end()
        self._process = process = subprocess.Popen(
            [sys.executable, "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"OMP_NUM_THREADS": str(self.n_threads)},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            start_new_session=True,  # Ctrl-C in a terminal is for the program, not for it
        )
        assert process.stdin is not None
        pickle.dump(sys.path, process.stdin)


class _Session:
    """A helper on loan."""

    def __init__(self, helper: _Helper, check: Callable[[], object]) -> None:
        self.helper, self.check = helper, check
        self.is_closed = False


def _session_for(arguments: tuple[object, ...]) -> _Session | None:
    """Where a call belongs; None stands for this process."""
    session = _current.get()
    if session is None or session.is_closed or not sys.executable:
        return None
    image = next((one for one in arguments if isinstance(one, np.ndarray)), np.empty(0))
    return session if math.prod(image.shape[1:]) >= LEAST_PIXELS else None


def _idle_helper(n_threads: int) -> _Helper:
    """The helper of an earlier run if it has as many threads, else a new one."""
    with _lock:
        helper = _idle.pop() if _idle else _Helper(n_threads)
    if helper.n_threads == n_threads:
        return helper
    helper.close()
    return _Helper(n_threads)


def _keep(helper: _Helper) -> None:
    """Keep one helper for the next run; runs at the same time have one each."""
    with _lock:
        if helper.is_alive and not _idle:
            _idle.append(helper)
            return
    helper.close()


def _exchange(process: subprocess.Popen[bytes] | None, question: object) -> _Answer:
    assert process is not None
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        pickle.dump(question, process.stdin, pickle.HIGHEST_PROTOCOL)
        process.stdin.flush()
        answer: _Answer = pickle.load(process.stdout)
    except (OSError, EOFError, pickle.UnpicklingError) as error:
        raise ComputationError(
            f"The helper process died (exit status {process.wait()}), possibly out of memory"
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


_current: ContextVar[_Session | None] = ContextVar("side process", default=None)
_idle: list[_Helper] = []
_lock = threading.Lock()
atexit.register(close_idle_helper)
