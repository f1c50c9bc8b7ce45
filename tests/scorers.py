"""Functions that processes of tests can import by name."""

import os
import signal
import time


def score_or_die(case, entry):
    """Scores for most cases; one dies, one fails, one takes its time."""
    if case.name == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if case.name == "fails":
        raise ValueError("an odd\nfile")
    if case.name == "slow":
        time.sleep(600)
    return [{"scale": scale, "seconds": 0.0} for scale in entry.scales]
