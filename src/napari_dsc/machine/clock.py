"""Durations of stages, and the error when one runs out of memory."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from napari_dsc.errors import ComputationError
from napari_dsc.machine.device import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch


class Clock:
    """Durations of the stages of a computation.

    Parameters
    ----------
    device : torch.device
        Where the stages compute; named in the error.

    Attributes
    ----------
    seconds : dict of str to float
        Duration of each stage so far.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}

    def add(self, name: str, seconds: float) -> None:
        """Add to the duration of a stage."""
        self.seconds[name] = self.seconds.get(name, 0) + seconds

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; repeated stages accumulate.

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
            self.add(name, time.perf_counter() - start)
