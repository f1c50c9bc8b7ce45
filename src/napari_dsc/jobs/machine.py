"""The job that looks for devices and weights; whether a run fits into memory."""

import importlib
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from napari_dsc.jobs.job import in_one_step, load_torch
from napari_dsc.jobs.request import Request
from napari_dsc.machine import memory


@dataclass(frozen=True)
class Machine:
    """Devices and weights for the choosers of a dock: names, and a sentence for each."""

    devices: dict[str, str]
    weights: dict[str, str]


@in_one_step
def survey_job() -> Machine:
    """Look up devices and weights, and load the libraries of the first run."""
    load_torch()
    importlib.import_module("napari_dsc.segmenting.run")
    from napari_dsc.machine.device import accelerators, cuda_status
    from napari_dsc.superae.registry import WEIGHTS

    found = {one.name: _describe(one.description, one.memory) for one in accelerators()}
    fastest = next(iter(found.values())) if any("cuda" in name for name in found) else "CPU"
    why = f"{fastest}. {cuda_status()}" if fastest == "CPU" else fastest
    weights = {
        name: f"{entry.size / 1e6:.1f} MB; trained on {entry.training_data}; {entry.license}"
        for name, entry in WEIGHTS.items()
    }
    return Machine({"auto": why, "cpu": "CPU", **found}, weights)


def _describe(name: str, n_bytes: int) -> str:
    return f"{name}, {n_bytes / 2**30:.0f} GiB" if n_bytes else name


def memory_problem(request: Request, sizes: Mapping[str, int], share: float) -> str:
    """Why a run does not fit into memory; empty if it does.

    Parameters
    ----------
    request : Request
        The run.
    sizes : mapping of str to int
        Length of each axis of what it reads.
    share : float
        Share of the free memory that it may take.

    Returns
    -------
    sentence : str
        With what to change.
    """
    from napari_dsc.segmenting.needs import needed_bytes

    needed = needed_bytes(request.settings, sizes, request.stage)
    allowed = share * free_bytes(request.settings.device)
    if needed <= allowed:
        return ""
    smaller = "a smaller part under Where"
    if set("TZ") & set(sizes):
        smaller = f"the current plane under What, {smaller}"
    elif request.stage == "segment":
        smaller = f"{smaller}, the whole image by tiles into a file where it is offered there"
    return (
        f"This would take about {_in_words(needed)}, more than {share:.0%} of the free memory "
        f"({_in_words(allowed)}): choose {smaller}, or another share in the preferences."
    )


def free_bytes(device: str) -> float:
    """Free main memory; infinite for GPUs, which are asked in the run, off the GUI thread."""
    # another thread may be importing torch at this moment
    cuda: Any = getattr(sys.modules.get("torch"), "cuda", None)
    takes_cuda = device == "auto" and hasattr(cuda, "is_available") and cuda.is_available()
    if takes_cuda or device not in ("auto", "cpu"):
        return math.inf
    return memory.free_main_bytes()


def _in_words(n_bytes: float) -> str:
    """Bytes in GiB, or MiB if few."""
    if n_bytes >= 2**30:
        return f"{n_bytes / 2**30:.1f} GiB"
    return f"{math.ceil(n_bytes / 2**20)} MiB"
