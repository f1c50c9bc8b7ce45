"""How long a computation keeps the other threads of the interpreter from moving."""

import threading
import time

import numpy as np
import pytest

measures_holds = pytest.mark.skipif(
    not hasattr(time, "pthread_getcpuclockid"), reason="this system has no clock of a thread"
)


def longest_hold(function, *arguments):
    """Most processor seconds that a thread computes between two beats of another thread."""
    clock = time.pthread_getcpuclockid(threading.get_ident())
    beats = [time.clock_gettime(clock)]
    is_done = threading.Event()

    def beat():
        while not is_done.wait(0.001):
            beats.append(time.clock_gettime(clock))

    thread = threading.Thread(target=beat)
    thread.start()
    function(*arguments)
    is_done.set()
    thread.join()
    return np.diff([*beats, time.clock_gettime(clock)]).max()


def is_once_below(seconds, call):
    """Whether another thread can move; on a busy machine it may have to wait all the same."""
    return any(longest_hold(*call) < seconds for _ in range(6))
