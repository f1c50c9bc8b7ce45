"""Durations of the stages of a run, and what to say when memory runs out."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from napari_dsc.errors import ComputationError
from napari_dsc.machine.device import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch


class Stages:
    """Clock of a run.

    Parameters
    ----------
    device : torch.device
        Where the run computes, for the message.

    Attributes
    ----------
    seconds : dict of str to float
        Duration of each stage so far.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; what it takes is added to what it took before.

        Parameters
        ----------
        name : str
            Name of the stage.

        Raises
        ------
        ComputationError
            If memory ran out.
        """
        start = time.perf_counter()
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            advice = "" if self.device.type == "cpu" else ", or use device cpu"
            raise ComputationError(
                f"device {self.device}: out of memory; crop or downscale the image{advice}"
            ) from error
        finally:
            self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - start
