"""Workers on this machine: processes that share its cores, or one for each of its GPUs."""

import contextlib
import logging
import os
import signal
from collections.abc import Generator

import dask
import distributed
import torch

from napari_dsc.batch.cluster import GPU
from napari_dsc.errors import InvalidParameterError
from napari_dsc.machine.allocator import keep_freed_memory
from napari_dsc.scoring.processes import count_processes

LOST_WORKERS = 1  # more of them, and a file is tried once more after all others, alone
_VISIBLE = "CUDA_VISIBLE_DEVICES"


class Preparation(distributed.WorkerPlugin):
    """Makes a process of ours ready for work, also one that replaces another.

    Parameters
    ----------
    n_threads : int
        Threads of torch.
    gpus : tuple of str
        What ``CUDA_VISIBLE_DEVICES`` is to be, one for each worker; empty leaves it.
    """

    name = "napari-dsc"

    def __init__(self, n_threads: int, gpus: tuple[str, ...]) -> None:
        self.n_threads = n_threads
        self.gpus = gpus

    def setup(self, worker: distributed.Worker) -> None:
        """Prepare a process, before its first task."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program to answer
        if self.gpus:
            os.environ[_VISIBLE] = self.gpus[int(worker.name) % len(self.gpus)]
        torch.set_num_threads(self.n_threads)
        keep_freed_memory()


@contextlib.contextmanager
def local_client(n_workers: int, device: torch.device) -> Generator[distributed.Client]:
    """Client of workers on this machine that end with it.

    Parameters
    ----------
    n_workers : int
        0 takes one for each processor core, or for each GPU.
    device : torch.device
        Where the tasks compute.

    Yields
    ------
    client : distributed.Client
        Its workers have the resource GPU if `device` is one.

    Raises
    ------
    InvalidParameterError
        If the number is negative.
    """
    if n_workers < 0:
        raise InvalidParameterError(f"workers={n_workers}: expected 0 (all) or more")
    gpus = visible_gpus(device)
    n_workers = n_workers or len(gpus) or count_processes(0, device)
    n_threads = max(1, count_processes(0, torch.device("cpu")) // n_workers)
    settings = {
        "distributed.scheduler.allowed-failures": LOST_WORKERS,
        "distributed.admin.tick.limit": "1h",  # loading torch takes a while, and may
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            memory_limit=0,  # images differ in size; an equal share each would stop the large
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            resources={GPU: 1} if device.type == "cuda" else {},
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        client.register_plugin(Preparation(n_threads, gpus))
        yield client


def visible_gpus(device: torch.device) -> tuple[str, ...]:
    """Value of ``CUDA_VISIBLE_DEVICES`` for each worker.

    Parameters
    ----------
    device : torch.device
        ``cuda`` with the index 0 stands for all GPUs, another index for one.

    Returns
    -------
    gpus : tuple of str
        Empty where workers need not be told.
    """
    if device.type != "cuda" or device.index:
        return ()
    everything = [str(index) for index in range(torch.cuda.device_count())]
    return tuple(filter(None, os.environ.get(_VISIBLE, "").split(","))) or tuple(everything)
