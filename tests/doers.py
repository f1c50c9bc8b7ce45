"""Functions that worker processes of the tests import; none of them loads torch."""

import os
import time

from napari_dsc.batch.tasks import Outcome


def do_or_die(task):
    """Fail, or take the worker along, as the name of the file says."""
    with (task.output.parent / "begun").open("a") as file:
        file.write(f"{task.source.stem}\n")
    begun = (task.output.parent / "begun").read_text().split()
    if task.source.stem == "dies" or begun.count("dies_once") == 1 == (
        task.source.stem == "dies_once"
    ):
        os._exit(1)
    if task.source.stem == "odd":
        raise ValueError("an odd file")
    if task.source.stem.startswith("slow"):
        time.sleep(60)
    return Outcome(task.source, task.output, "done")
