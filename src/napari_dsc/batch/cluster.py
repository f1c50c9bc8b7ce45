"""Tasks of a batch on the workers of a dask.distributed scheduler."""

import contextlib
import itertools
import secrets
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import TypeVar

import distributed

from napari_dsc.batch.tasks import Outcome, Task
from napari_dsc.errors import ComputationError, DSCError, InvalidParameterError, one_line

Future = distributed.Future[Outcome]

A = TypeVar("A")
R = TypeVar("R")

CONNECT_SECONDS = 10
LOST = (
    "scheduler: the connection is lost; what is done is kept, and resume (--resume) goes on "
    "from there"
)
GPU = "GPU"  # resource of a worker: dask worker --resources GPU=1
# tasks to have at the scheduler: more than its workers do at once, so that adaptive clusters
# grow, but few, because a worker that dies counts against all tasks it was given
_PER_THREAD, _AT_LEAST = 2, 2


@contextlib.contextmanager
def connect(address: str) -> Generator[distributed.Client]:
    """Client of a running scheduler.

    Parameters
    ----------
    address : str
        Such as ``tcp://10.0.0.1:8786``.

    Yields
    ------
    client : distributed.Client
        Closed at the end; the scheduler goes on.

    Raises
    ------
    InvalidParameterError
        If no scheduler answers there.
    ComputationError
        If this machine is too busy to start the client.
    """
    try:
        client = _started(address)
    except (OSError, ValueError, TypeError) as error:
        raise InvalidParameterError(
            f"scheduler={address!r}: no scheduler answers, expected an address like "
            "tcp://10.0.0.1:8786"
        ) from error
    with client:
        yield client


def _started(address: str) -> distributed.Client:
    """Client of a scheduler; a second try if its thread does not start."""
    for _ in range(2):
        # distributed gives its thread ten seconds to start, and fails without a word
        # (LoopRunner._start_unlocked of 2026.8.0: `assert loop is not None`)
        with contextlib.suppress(AssertionError):
            return distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    raise ComputationError(
        "scheduler: the client did not start within 20 seconds, because this machine is busy; "
        "try again"
    )


def describe(client: distributed.Client, resources: Mapping[str, float]) -> str:
    """Workers and dashboard of a client.

    Parameters
    ----------
    client : distributed.Client
        Of any cluster.
    resources : mapping of str to float
        What a task takes of a worker.

    Returns
    -------
    words : str
        For people; they say so if nobody can do the tasks yet.
    """
    info = client.scheduler_info(n_workers=-1)
    workers = [
        worker
        for worker in info["workers"].values()
        if all(worker["resources"].get(name, 0) >= n for name, n in resources.items())
    ]
    named = "".join(f" with the resource {name}" for name in resources)
    words = f"{len(workers)} workers{named}" if workers else f"waiting for a worker{named}"
    has_dashboard = "dashboard" in info["services"]
    return f"{words}, dashboard {client.dashboard_link}" if has_dashboard else words


def iter_outcomes(
    client: distributed.Client,
    tasks: Iterable[Task],
    do: Callable[[Task], Outcome],
    resources: Mapping[str, float],
) -> Generator[Outcome]:
    """Do tasks on the workers of a client; a worker that is lost is replaced by another.

    Parameters
    ----------
    client : distributed.Client
        Of any cluster whose machines see the files under the same names.
    tasks : iterable of Task
        In the order to begin them.
    do : function
        Does a task; importable by the workers.
    resources : mapping of str to float
        What a task takes of a worker, such as ``{"GPU": 1}``; empty runs anywhere.

    Yields
    ------
    outcome : Outcome
        One for each task, in the order they end. Closing the generator withdraws the tasks
        that wait.

    Raises
    ------
    ComputationError
        If the scheduler is lost.
    """
    suspects: list[Task] = []
    try:
        # a worker that dies takes tasks along that only waited for it: these are done alone
        for given, is_alone in ((tasks, False), (suspects, True)):
            waiting = _iter_ended(client, given, do, resources, is_alone=is_alone)
            with contextlib.closing(waiting) as ended:
                for task, future in ended:
                    if _is_killed(future) and not is_alone:
                        suspects.append(task)
                    else:
                        yield _outcome_of(future, task)
    except (distributed.CancelledError, OSError) as error:
        raise ComputationError(LOST) from error


def done_once(
    client: distributed.Client,
    do: Callable[[A], R],
    argument: A,
    resources: Mapping[str, float],
) -> R:
    """Do something on one worker of a client, before the tasks.

    Parameters
    ----------
    client : distributed.Client
        Of any cluster.
    do : function
        Importable by the workers.
    argument : object
        What it takes.
    resources : mapping of str to float
        What it takes of a worker.

    Returns
    -------
    value : object
        What it returns.

    Raises
    ------
    ComputationError
        If the scheduler is lost, or worker after worker.
    DSCError
        What the function raises.
    """
    key = f"{do.__name__}-{secrets.token_hex(8)}"
    future = client.submit(do, argument, key=key, resources=dict(resources) or None, pure=False)
    try:
        value: R = future.result()
    except DSCError:
        raise
    except distributed.KilledWorker as error:
        times = error.allowed_failures + 1
        raise ComputationError(
            f"joint: {times} workers died during training, possibly out of memory"
        ) from error
    except (distributed.CancelledError, OSError) as error:
        raise ComputationError(LOST) from error
    except Exception as error:
        raise ComputationError(f"joint: {one_line(error)}") from error
    return value


def _iter_ended(
    client: distributed.Client,
    tasks: Iterable[Task],
    do: Callable[[Task], Outcome],
    resources: Mapping[str, float],
    *,
    is_alone: bool,
) -> Generator[tuple[Task, Future]]:
    """Tasks that ended, a few of them at the scheduler at a time, or only one."""
    waiting, wanted = iter(tasks), dict(resources) or None
    given: dict[Future, Task] = {}
    ended = distributed.as_completed(loop=client.loop)
    try:
        while True:
            n_threads = sum(client.nthreads().values())
            room = 1 if is_alone else max(_PER_THREAD * n_threads, _AT_LEAST)
            for task in itertools.islice(waiting, max(room - len(given), 0)):
                key = f"{task.source.name}-{secrets.token_hex(8)}"
                future = client.submit(do, task, key=key, resources=wanted, pure=False)
                given[future] = task
                ended.add(future)
            if not given:
                return
            future = next(ended)
            yield given.pop(future), future
    finally:
        if client.status == "running":
            client.cancel(list(given), asynchronous=False)


def _is_killed(future: Future) -> bool:
    return future.status == "error" and isinstance(future.exception(), distributed.KilledWorker)


def _outcome_of(future: Future, task: Task) -> Outcome:
    try:
        outcome: Outcome = future.result()
        return outcome
    except distributed.KilledWorker as error:
        times = error.allowed_failures + 1
        reason = f"retried alone; {times} more workers died, possibly out of memory"
    except (distributed.CancelledError, OSError):
        raise
    except Exception as error:  # the worker could not even begin
        reason = one_line(error)
    return Outcome(task.source, task.output, "failed", reason)
