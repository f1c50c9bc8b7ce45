"""Scoring on several processes, which end with the program and do not stop each other."""

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

    from napari_dsc.scoring.cases import Case, ScaleScores
    from napari_dsc.scoring.entries import Entry

    Score = Callable[[Case, Entry], list[ScaleScores]]
    Task = tuple[Case, Entry]
    Scored = tuple[list[ScaleScores], str]

_log = logging.getLogger(__name__)
_SPAWN = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork


class TaskScores(NamedTuple):
    """Scores of a task, or the reason why it failed.

    Attributes
    ----------
    task : int
        Index of the task.
    scores : list of dict of str to float
        Scores of each scale; empty if the task failed.
    error : str
        Reason of the failure, or empty.
    """

    task: int
    scores: list[ScaleScores]
    error: str


def iter_outcomes(
    score: Score, tasks: Sequence[Task], n_processes: int
) -> Generator[TaskScores]:
    """Score tasks, several at the same time.

    Parameters
    ----------
    score : function
        Function that scores a case by an entry; processes import it by its name.
    tasks : sequence of (Case, Entry)
        Tasks, in the order in which they start.
    n_processes : int
        Number of processes; 1 works in this process, more share the processor cores.

    Yields
    ------
    outcome : TaskScores
        One for each task, in the order in which they end; also for a task that fails, or
        whose process dies.
    """
    if n_processes > 1:
        yield from _iter_in_processes(score, tasks, min(n_processes, len(tasks)))
    else:
        for number, task in enumerate(tasks):
            yield TaskScores(number, *_attempt(score, task))


def _iter_in_processes(score: Score, tasks: Sequence[Task], size: int) -> Generator[TaskScores]:
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
                yield TaskScores(number, *scored)
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
        Requested number; 0 takes one for each processor core, or one on a GPU.
    device : torch.device
        Device of the methods.

    Returns
    -------
    n_processes : int
        Number of processes, at least 1.
    """
    return asked or (_n_cores() if device.type == "cpu" else 1)


def _n_cores() -> int:
    """Number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _attempt(score: Score, task: Task) -> Scored:
    case, entry = task
    try:
        return score(case, entry), ""
    except Exception as error:  # one image must not end an evaluation of hours
        if not isinstance(error, DSCError):
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
