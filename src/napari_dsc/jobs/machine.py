"""The job that looks for devices and weights."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_dsc.jobs.job import Control, ends_in_outcome, load_torch

if TYPE_CHECKING:
    from collections.abc import Generator


@dataclass(frozen=True)
class Machine:
    """What a dock shows of devices and weights; names first, sentences for people after."""

    devices: dict[str, str]
    weights: dict[str, str]


@ends_in_outcome
def survey_job(control: Control) -> Generator[None, None, Machine]:
    """Look up devices and weights, and load what the first run would wait for.

    Yields
    ------
    nothing : None
        Once, so that it can be canceled before it starts.
    """
    yield None
    load_torch()
    importlib.import_module("pandas")  # which napari loads with the first Labels layer
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


def _describe(name: str, memory: int) -> str:
    return f"{name}, {memory / 2**30:.0f} GiB" if memory else name
