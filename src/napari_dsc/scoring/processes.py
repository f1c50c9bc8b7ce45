"""Tasks on several processes, none of which outlives the program or stops the others."""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, NamedTuple

import torch

from napari_dsc.errors import DSCError, one_line
from napari_dsc.machine.allocator import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from multiprocessing.connection import Connection

    from napari_dsc.scoring.cases import Case
    from napari_dsc.scoring.entries import Entry
    from napari_dsc.scoring.scores import ScaleScores

    Score = Callable[[Case, Entry], list[ScaleScores]]
    Task = tuple[Case, Entry]
    Scored = tuple[list[ScaleScores], str]

_log = logging.getLogger(__name__)
_SPAWN = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork


class Outcome(NamedTuple):
    """What became of a task.

    Attributes
    ----------
    task : int
        Its place among the tasks.
    scores : list of dict of str to float
        Scores of each scale; empty if it failed.
    error : str
        Why it failed, or empty.
    """

    task: int
    scores: list[ScaleScores]
    error: str


def iter_outcomes(score: Score, tasks: Sequence[Task], n_processes: int) -> Generator[Outcome]:
    """Do tasks, several at the same time.

    Parameters
    ----------
    score : function
        Scores a case by an entry; importable by its name.
    tasks : sequence of (Case, Entry)
        What to score, in the order to begin it.
    n_processes : int
        1 works in this process; more share the processor cores.

    Yields
    ------
    outcome : Outcome
        One for each task, in the order they end. A task that fails, or takes its process
        with it, has an outcome as well.
    """
    if n_processes == 1:
        for number, task in enumerate(tasks):
            yield Outcome(number, *_attempt(score, task))
        return
    yield from _iter_in_processes(score, tasks, min(n_processes, len(tasks)))


def _iter_in_processes(score: Score, tasks: Sequence[Task], size: int) -> Generator[Outcome]:
    """`iter_outcomes` by executors of one process, which breaks only by its own tasks."""
    # the processes end when nobody holds the sending end any more: by `finally` or by death
    receiving, sending = _SPAWN.Pipe(duplex=False)
    begin = _begin, (receiving, max(1, _n_cores() // size))
    executors = {ProcessPoolExecutor(1, _SPAWN, *begin) for _ in range(size)}
    idle, waiting = list(executors), deque(enumerate(tasks))
    busy: dict[Future[Scored], tuple[int, ProcessPoolExecutor]] = {}
    try:
        while waiting or busy:
            while waiting and idle:
                number, task = waiting.popleft()
                executor = idle.pop()
                busy[executor.submit(_attempt, score, task)] = number, executor
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                number, executor = busy.pop(future)
                try:
                    scored = future.result()
                except BrokenProcessPool:
                    scored = [], "its process died, possibly out of memory"
                    executor = ProcessPoolExecutor(1, _SPAWN, *begin)
                    executors.add(executor)
                idle.append(executor)
                yield Outcome(number, *scored)
    finally:
        sending.close()
        for executor in executors:
            executor.shutdown(cancel_futures=True)
        receiving.close()


def count_processes(asked: int, device: torch.device) -> int:
    """Number of processes to use.

    Parameters
    ----------
    asked : int
        0 takes one for each processor core, or one on a GPU.
    device : torch.device
        Where the methods compute.

    Returns
    -------
    n_processes : int
        At least 1.
    """
    if asked:
        return asked
    return _n_cores() if device.type == "cpu" else 1


def _n_cores() -> int:
    """Cores that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _attempt(score: Score, task: Task) -> Scored:
    case, entry = task
    try:
        return score(case, entry), ""
    except DSCError as error:
        return [], " ".join(str(error).split())
    except Exception as error:  # a night of work does not end with one image
        _log.exception("%s on %s", entry.name, case.name)
        return [], one_line(error)


def _begin(receiving: Connection, n_threads: int) -> None:
    """Prepare a process for its tasks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program to answer
    threading.Thread(target=_end_with_the_run, args=(receiving,), daemon=True).start()
    torch.set_num_threads(n_threads)
    keep_freed_memory()


def _end_with_the_run(receiving: Connection) -> None:
    multiprocessing.connection.wait([receiving])
    os._exit(1)
