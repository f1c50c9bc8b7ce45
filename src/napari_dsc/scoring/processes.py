"""Scoring on several processes, which end with the program and do not stop each other."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import torch

from napari_dsc.errors import DSCError, one_line
from napari_dsc.machine.device import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from napari_dsc.scoring.cases import Case
    from napari_dsc.scoring.entries import Entry
    from napari_dsc.scoring.scores import ScaleScores

    Score = Callable[[Case, Entry], list[ScaleScores]]
    Task = tuple[Case, Entry]

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
    if n_processes == 1:
        for number, task in enumerate(tasks):
            yield TaskScores(number, *_attempt(score, task))
        return
    crew = _Crew(score, min(n_processes, len(tasks)))
    waiting = deque(enumerate(tasks))
    try:
        while waiting or crew.busy:
            while waiting and len(crew.busy) < crew.size:
                crew.give(*waiting.popleft())
            yield from crew.take()
    finally:
        crew.dismiss()


class _Crew:
    """Processes, each at the end of a pipe, in which an end of file means that it has died."""

    def __init__(self, score: Score, size: int) -> None:
        self.size = size
        self.busy: dict[Connection, int] = {}
        self._score = score
        self._idle: list[Connection] = []
        self._processes: list[BaseProcess] = []

    def give(self, number: int, task: Task) -> None:
        if not self._idle:
            self._start()
        pipe = self._idle.pop()
        with contextlib.suppress(OSError):  # `take` reports a dead process
            pipe.send(task)
        self.busy[pipe] = number

    def take(self) -> Iterator[TaskScores]:
        """Wait for the next task to end; yield the outcomes of all that have ended."""
        ready = multiprocessing.connection.wait(list(self.busy))
        for pipe in [one for one in self.busy if one in ready]:
            number = self.busy.pop(pipe)
            try:
                outcome = TaskScores(number, *pipe.recv())
                self._idle.append(pipe)
            except (EOFError, OSError):
                outcome = TaskScores(number, [], "its process died, possibly out of memory")
            yield outcome

    def dismiss(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()

    def _start(self) -> None:
        ours, theirs = _SPAWN.Pipe()
        n_threads = max(1, _n_cores() // self.size)
        process = _SPAWN.Process(
            target=_work, args=(theirs, self._score, n_threads), daemon=True
        )
        process.start()
        theirs.close()  # else the end of file would never come
        self._processes.append(process)
        self._idle.append(ours)


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
    if asked:
        return asked
    return _n_cores() if device.type == "cpu" else 1


def _n_cores() -> int:
    """Number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _attempt(score: Score, task: Task) -> tuple[list[ScaleScores], str]:
    case, entry = task
    try:
        return score(case, entry), ""
    except DSCError as error:
        return [], " ".join(str(error).split())
    except Exception as error:  # one image must not end an evaluation of hours
        _log.exception("%s on %s", entry.name, case.name)
        return [], one_line(error)


def _work(pipe: Connection, score: Score, n_threads: int) -> None:
    """Main function of a process: score tasks until it is terminated, or the program ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program handles Ctrl-C
    threading.Thread(target=_end_with_the_program, daemon=True).start()
    torch.set_num_threads(n_threads)
    keep_freed_memory()
    while True:
        try:
            pipe.send(_attempt(score, pipe.recv()))
        except (EOFError, OSError):
            return


def _end_with_the_program() -> None:
    program = multiprocessing.parent_process()
    if program is not None:
        multiprocessing.connection.wait([program.sentinel])
        os._exit(1)
