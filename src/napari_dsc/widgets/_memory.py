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
    params = request.cut_params
    cut = (CUT + CUT_EACH_CLASS * params.n_partitions) * params.resolution**2
    return max(cut, SMOOTHING) * n_pixels


def free_bytes(device: str) -> float:
    """Free main memory; infinite for GPUs, which are asked in the run, off the GUI thread."""
    torch = sys.modules.get("torch")
    takes_cuda = device == "auto" and torch is not None and torch.cuda.is_available()
    if takes_cuda or device not in ("auto", "cpu"):
        return math.inf
    return float(psutil.virtual_memory().available)


def _in_words(n_bytes: float) -> str:
    """Bytes in GiB, or MiB if few."""
    return (
        f"{n_bytes / 2**30:.1f} GiB"
        if n_bytes >= 2**30
        else f"{math.ceil(n_bytes / 2**20)} MiB"
    )
