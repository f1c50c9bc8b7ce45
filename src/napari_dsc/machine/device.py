"""The one place where a torch device is chosen, and explained."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import threading
from typing import TYPE_CHECKING, NamedTuple

import torch

from napari_dsc.errors import DeviceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

# a lock: torch has one generator for all threads
_ONE_SEED = threading.Lock()
_NAMES = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


class Accelerator(NamedTuple):
    """A device with its memory in bytes; 0 where it is unknown."""

    name: str
    description: str
    memory: int


def resolve_device(name: str = "auto") -> torch.device:
    """Torch device for a name.

    Parameters
    ----------
    name : str
        ``auto`` takes the first CUDA device if there is one, else the CPU; otherwise
        ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Returns
    -------
    device : torch.device
        A device that exists on this machine.

    Raises
    ------
    DeviceUnavailableError
        If the name is unknown or there is no such device.
    """
    if not isinstance(name, str) or not _NAMES.fullmatch(name):
        raise DeviceUnavailableError(
            f"device={name!r}: expected auto, cpu, cuda, cuda:N or mps"
        )
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    if name == "mps" and not torch.backends.mps.is_available():
        raise DeviceUnavailableError(
            "device='mps': this machine has no Apple GPU that torch can use"
        )
    if name.startswith("cuda"):
        index = int(name.partition(":")[2] or 0)
        if index >= _n_cuda_devices():
            raise DeviceUnavailableError(f"device={name!r}: {cuda_status()}")
        return torch.device("cuda", index)
    return torch.device(name)


def cuda_status() -> str:
    """One sentence on whether CUDA is used, and if not, what to do.

    Returns
    -------
    sentence : str
        For people, with the command to run where one helps.
    """
    if torch.cuda.is_available():
        return f"CUDA is available with {torch.cuda.device_count()} device(s)"
    if platform.system() == "Darwin":
        return "CUDA does not exist on macOS; use --device mps on Apple silicon"
    if torch.version.cuda is None:
        return (
            f"torch {torch.__version__} was built without CUDA; with an NVIDIA GPU run: "
            "pip install --force-reinstall torch --index-url "
            "https://download.pytorch.org/whl/cu126"
        )
    return (
        f"torch {torch.__version__} was built for CUDA {torch.version.cuda}, but found no "
        "usable NVIDIA GPU; run nvidia-smi, and install or update the driver if it fails"
    )


def accelerators() -> list[Accelerator]:
    """Devices of this machine other than the CPU.

    Returns
    -------
    devices : list of Accelerator
        Possibly empty.
    """
    found = []
    for index in range(_n_cuda_devices()):
        properties = torch.cuda.get_device_properties(index)
        found.append(Accelerator(f"cuda:{index}", properties.name, properties.total_memory))
    if torch.backends.mps.is_available():
        found.append(Accelerator("mps", "Apple GPU", 0))
    return found


def _n_cuda_devices() -> int:
    """Devices torch can use; with a driver too old it counts some that it cannot."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception means that memory ran out.

    Parameters
    ----------
    error : BaseException
        Anything; for the CPU, torch has no type of its own.

    Returns
    -------
    answer : bool
        True for lack of memory on any device.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    words = ("out of memory", "allocate memory", "not enough memory")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw the weights of networks made inside the block, on the CPU, from a seed alone.

    The caller's random state stays as it was; blocks of several threads wait for each other.

    Parameters
    ----------
    seed : int
        Any seed.

    Examples
    --------
    >>> with seeded(0):
    ...     first = torch.nn.Linear(1, 1).weight
    >>> with seeded(0):
    ...     second = torch.nn.Linear(1, 1).weight
    >>> bool(first == second)
    True
    """
    with _ONE_SEED, torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)  # leaves GPUs alone
        yield


@contextlib.contextmanager
def reproducible(device: torch.device) -> Iterator[None]:
    """Use deterministic CUDA algorithms inside the block; the CPU's always are.

    Where torch has none for an operation it warns, so that the run is not lost.

    Parameters
    ----------
    device : torch.device
        Where the block computes.
    """
    if device.type != "cuda":
        yield
        return
    before = torch.get_deterministic_debug_mode(), torch.backends.cudnn.benchmark
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before[0])
        torch.backends.cudnn.benchmark = before[1]
