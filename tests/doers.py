"""Functions that worker processes of the tests import; none of them loads torch."""

import os
import time

from napari_dsc.batch.tasks import Outcome
from napari_dsc.errors import OutputError


def do_or_die(task):
    """Write a file unless it is there; fail, or take the worker along, as its name says."""
    name, log = task.source.stem, task.output.parent / "begun"
    if task.output.exists():
        return Outcome(task.source, task.output, "kept")
    with log.open("a") as file:
        file.write(f"{name}\n")
    if name == "dies" or (name == "dies_once" and log.read_text().count(name) == 1):
        time.sleep(1)  # a worker that dies before its nanny has seen it start is not replaced
        os._exit(1)
    if name == "odd":
        raise ValueError("an odd file")
    if name == "refused":
        raise OutputError("refused")
    if name == "slow":
        time.sleep(60)
    task.output.touch()
    return Outcome(task.source, task.output, "done")
