"""Whether a run fits into memory, told before it starts."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from napari_dsc.widgets._runs import Request

# bytes for each pixel, measured as growth of the process on 512 x 512 and 1024 x 1024 pixels
SMOOTHING = 930
CUT, CUT_EACH_CLASS = 1900, 20


def memory_problem(request: Request, n_pixels: int, share: float) -> str:
    """Why a run does not fit into memory; empty if it does.

    Parameters
    ----------
    request : Request
        The run.
    n_pixels : int
        Pixels of the part it reads.
    share : float
        Share of the free memory that it may take.

    Returns
    -------
    sentence : str
        With what to change.
    """
    needed = needed_bytes(request, n_pixels)
    allowed = share * free_bytes(request.device)
    if needed <= allowed:
        return ""
    return (
        f"This would take about {_in_words(needed)}, more than {share:.0%} of the free memory "
        f"({_in_words(allowed)}): choose a smaller part under Where, or another share in the "
        "preferences."
    )


def needed_bytes(request: Request, n_pixels: int) -> float:
    """Memory that a run takes beyond the image, roughly."""
    if request.stage != "segment":
        return SMOOTHING * n_pixels
    return (CUT + CUT_EACH_CLASS * request.cut_params.n_partitions) * n_pixels


def free_bytes(device: str) -> float:
    """Free memory of the device a run would take; of the main memory if torch sleeps yet."""
    torch = sys.modules.get("torch")
    wants_gpu = device == "auto" or device.startswith("cuda")
    if torch is not None and wants_gpu and torch.cuda.is_available():
        index = int(device.partition(":")[2] or 0)
        if index < torch.cuda.device_count():
            return float(torch.cuda.mem_get_info(index)[0])
    return float(psutil.virtual_memory().available)


def _in_words(n_bytes: float) -> str:
    """Bytes in GiB, or MiB if few."""
    return (
        f"{n_bytes / 2**30:.1f} GiB"
        if n_bytes >= 2**30
        else f"{math.ceil(n_bytes / 2**20)} MiB"
    )
