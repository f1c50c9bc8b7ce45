"""How much memory the work takes, and how much is free.

The numbers are growths of the resident memory at its peak, measured on smooth noise with one
thread. They decide whether a run is refused, never what it gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import torch

# the process, its libraries (0.4 to 0.5 GiB) and the pieces that a network learns from
AROUND = 1.2 * 2**30
# bytes for each pixel that is divided by ucm (324 to 395 in images of 1024 x 1024 and
# 2048 x 2048, 300 in stacks), SLIC or watershed (224 to 300), and by egb (357 to 624) or mean
# shift (260 to 371)
DIVIDING, DIVIDING_BY_OTHERS = 330, 620
# bytes for each pixel that the network of the cut sees, and for each class besides: 616 with 2
# classes, 1420 with 32 and 2216 with 100 while it learns, 544, 1031 and 2207 afterwards
NETWORK, NETWORK_EACH_CLASS = 1000, 12
# bytes for each pixel of a plane that is smoothed strip by strip, and for the strips: 205 MiB
# for 512 x 512 pixels, 258 for 1024 x 1024, 367 for 2048 x 2048
SMOOTHING, STRIPS = 45, 220 * 2**20
# bytes for each pixel of a series or stack, whose superpixels, classes and confidence are kept,
# and for each value: the image as it was read, normalized and smoothed
KEEPING, VALUE = 60, 12


def free_main_bytes() -> float:
    """Free main memory.

    Returns
    -------
    n_bytes : float
        At this moment, with what the system can take back from its caches.
    """
    return float(psutil.virtual_memory().available)


def free_bytes(device: torch.device) -> float:
    """Free memory of a device.

    Parameters
    ----------
    device : torch.device
        Where the networks run.

    Returns
    -------
    n_bytes : float
        Free main memory, or that of the GPU if it is less.
    """
    if device.type != "cuda":
        return free_main_bytes()
    import torch  # docks ask before torch is loaded

    return min(free_main_bytes(), torch.cuda.mem_get_info(device)[0])


def bytes_to_smooth(n_pixels: int) -> float:
    """Memory that smoothing takes.

    Parameters
    ----------
    n_pixels : int
        Pixels of a plane.

    Returns
    -------
    n_bytes : float
        Roughly.
    """
    return STRIPS + SMOOTHING * n_pixels


def bytes_to_divide(n_pixels: int, method: str) -> float:
    """Memory that superpixels take while they are made.

    Parameters
    ----------
    n_pixels : int
        Pixels of a plane or stack.
    method : str
        Name of the superpixels.

    Returns
    -------
    n_bytes : float
        Roughly.
    """
    is_slim = method in ("slic", "watershed", "ucm")
    return (DIVIDING if is_slim else DIVIDING_BY_OTHERS) * n_pixels


def bytes_to_cut(n_pixels: float, n_partitions: int) -> float:
    """Memory that the network of the cut takes.

    Parameters
    ----------
    n_pixels : float
        Pixels that it sees.
    n_partitions : int
        Classes ``K``.

    Returns
    -------
    n_bytes : float
        Roughly.
    """
    return (NETWORK + NETWORK_EACH_CLASS * n_partitions) * n_pixels


def bytes_to_keep(n_pixels: int, n_channels: int) -> float:
    """Memory of pixels that are not worked on at the moment.

    Parameters
    ----------
    n_pixels : int
        Pixels of the other frames or planes.
    n_channels : int
        Channels ``C``.

    Returns
    -------
    n_bytes : float
        Roughly.
    """
    return n_pixels * (KEEPING + VALUE * n_channels)


def bytes_of_tile(n_pixels: int, n_partitions: int, scale: float) -> float:
    """Memory of a process that segments a tile.

    Parameters
    ----------
    n_pixels : int
        Pixels that are read.
    n_partitions : int
        Classes ``K``.
    scale : float
        Resolution of the network relative to the image.

    Returns
    -------
    n_bytes : float
        Roughly.
    """
    seen = n_pixels * scale**2
    return AROUND + bytes_to_divide(n_pixels, "ucm") + bytes_to_cut(seen, n_partitions)
