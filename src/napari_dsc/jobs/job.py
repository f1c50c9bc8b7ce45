"""Jobs of the docks in a thread: status, outcome and cancellation, without Qt or napari."""

import contextlib
import ctypes
import functools
import importlib
import importlib.util
import os
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_dsc.errors import DSCError
from napari_dsc.machine.side_process import side_process

# the longest that a step waits for the window, which draws faster when nothing competes
SHOW_SECONDS = 1.0


@dataclass(frozen=True)
class Status:
    """Sentence on a running job, and after each step of the cut its figures.

    ``is_kept`` says whether the job could end now with the labels that it has; ``share`` is how
    many parts of the stage are done, and of how many.
    """

    sentence: str
    iteration: int = 0
    label_loss: float = 0.0
    cut_loss: float = 0.0
    n_classes: int = 0
    preview: np.ndarray | None = None
    step: int = 1
    is_kept: bool = True
    share: tuple[int, int] = (0, 0)


@dataclass
class Outcome:
    """How a job ended: with a value, an error, or because it was canceled."""

    value: object = None
    error: BaseException | None = None
    trace: str = ""
    is_canceled: bool = False


@dataclass(frozen=True)
class Control:
    """Requests of the dock to a running job: cancel, keep the present result, continue."""

    cancel: threading.Event = field(default_factory=threading.Event)
    keep: threading.Event = field(default_factory=threading.Event)
    is_shown: threading.Event = field(default_factory=threading.Event)


class Canceled(BaseException):
    """The user canceled the job; it is no `Exception`, so handlers of errors pass it on."""


def ends_in_outcome(
    job: Callable[..., Generator[object, None, object]],
) -> Callable[..., Generator[object, None, Outcome]]:
    """Turn the end of a job, by value, error or cancellation, into a returned `Outcome`.

    napari's generator workers swallow a RuntimeError, which most of torch's errors are, and
    never resume the generator of a worker that was asked to quit.
    """

    @functools.wraps(job)
    def guarded(control: Control, *arguments: object) -> Generator[object, None, Outcome]:
        try:
            with contextlib.closing(job(control, *arguments)) as running:
                outcome = Outcome((yield from _until_canceled(running, control)))
        except Canceled:
            outcome = Outcome(is_canceled=True)
        except Exception as error:  # nothing may leave the thread
            outcome = _failure(error)
        _free_gpu_memory()
        return outcome

    return guarded


def in_one_step(work: Callable[..., object]) -> Callable[..., Generator[object, None, Outcome]]:
    """Turn a function into a job, which can be canceled before it starts."""

    @ends_in_outcome
    @functools.wraps(work)
    def job(control: Control, *arguments: object) -> Generator[None, None, object]:
        yield None
        return work(*arguments)

    return job


def _until_canceled(
    running: Generator[object, None, object], control: Control
) -> Generator[object, None, object]:
    while True:
        check_canceled(control)
        try:
            item = next(running)
        except StopIteration as end:
            check_canceled(control)  # what was canceled in its last stage gives nothing
            return end.value
        yield item


def _free_gpu_memory() -> None:
    """Free the GPU memory that torch caches."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        with contextlib.suppress(RuntimeError):  # a device that failed fails here again
            torch.cuda.empty_cache()


def _failure(error: BaseException) -> Outcome:
    """Keep the words of an error, but none of the frames that hold images."""
    trace = traceback.format_exc()
    if error.__traceback__ is not None:
        traceback.clear_frames(error.__traceback__)
    error.__cause__ = error.__context__ = None
    return Outcome(error=error.with_traceback(None), trace=trace)


def check_canceled(control: Control) -> None:
    """Raise `Canceled` once the dock asked for it."""
    if control.cancel.is_set():
        raise Canceled


def until_shown(told: Status, control: Control) -> Iterator[Status]:
    """Report, and let the window draw.

    Yields
    ------
    status : Status
        The report.
    """
    control.is_shown.clear()
    yield told
    control.is_shown.wait(SHOW_SECONDS)


@contextlib.contextmanager
def computing(n_threads: int, control: Control) -> Iterator[None]:
    """Compute on so many threads, some of it in another process; leave torch as it was."""
    import torch

    outside = _outside_threads()
    inside = n_threads or max(outside - 1, 1)
    torch.set_num_threads(inside)
    try:
        with side_process(functools.partial(check_canceled, control), inside):
            yield
    finally:
        torch.set_num_threads(outside)


@functools.cache
def _outside_threads() -> int:
    """Threads of torch before any job changed them; jobs may overlap."""
    import torch

    return torch.get_num_threads()


def load_torch() -> None:
    """Import torch without stopping the other threads for its half second of linking.

    An import holds the interpreter's lock while the system links the library; a call of
    ``dlopen`` does not. Where that fails, the import does it.
    """
    found = importlib.util.find_spec("torch")
    if "torch" not in sys.modules and sys.platform == "linux" and found and found.origin:
        library = Path(found.origin).parent / "lib" / "libtorch_python.so"
        ctypes.CDLL(None).dlopen(str(library).encode(), os.RTLD_NOW)
    importlib.import_module("torch")
    # napari needs it for the first Labels layer, and would import it on the GUI thread
    importlib.import_module("pandas")


def in_user_words(error: BaseException) -> str:
    """One sentence for the user."""
    if isinstance(error, DSCError):
        return str(error)
    return f"The run failed unexpectedly ({type(error).__name__}: {error})"
