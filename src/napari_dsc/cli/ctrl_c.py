"""Ctrl-C that is not lost: libraries swallow or rename the exception that Python raises."""

import signal
import threading
from types import FrameType


class CtrlC:
    """Signal handler that raises `KeyboardInterrupt`, and remembers that it did.

    As a context manager it is in force inside the block, unless something else handles
    SIGINT already; if Ctrl-C came, the block ends in `KeyboardInterrupt` in any case.
    """

    def __init__(self) -> None:
        self.came = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        self.came = True
        raise KeyboardInterrupt

    def __enter__(self) -> None:
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self)

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if signal.getsignal(signal.SIGINT) is self:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.came:
            raise KeyboardInterrupt from error


def stop_if_interrupted() -> None:
    """Raise the exception again if Ctrl-C came earlier and the exception was swallowed.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C came.
    """
    handler = signal.getsignal(signal.SIGINT)
    if isinstance(handler, CtrlC) and handler.came:
        raise KeyboardInterrupt
