"""The output folder of a batch: its lock, and its log with the outcome of each file."""

import contextlib
import json
import os
import platform
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import filelock

from napari_dsc.batch.tasks import Outcome, Task, now, refuse_existing
from napari_dsc.errors import OutputError

LOG = "batch.jsonl"
_LOCK = ".batch.lock"


class Log:
    """Lines of JSON, each appended whole, that any number of readers may follow.

    Parameters
    ----------
    path : Path
        File of the log; begun if it does not exist.

    Raises
    ------
    OutputError
        If it cannot be written; so in `append`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # a line that a power cut left unfinished is ended first
        self._write(b"" if _ends_whole(path) else b"\n")

    def append(self, line: Mapping[str, object]) -> None:
        """Write a line, to the disk."""
        self._write(json.dumps(line).encode() + b"\n")

    def _write(self, content: bytes) -> None:
        try:
            # one write at the end of the file, which readers see whole or not at all
            with self.path.open("ab", buffering=0) as file:
                file.write(content)
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror})") from error


@contextlib.contextmanager
def open_folder(folder: Path, tasks: Sequence[Task] = ()) -> Generator[Log]:
    """Lock a folder for this process.

    The operating system releases the lock when the process ends, for whatever reason.

    Parameters
    ----------
    folder : Path
        Created if it does not exist.
    tasks : sequence of Task
        What will be done. Their outputs are looked for once the folder is locked: those of
        a batch that is running are no reason to ask for ``--resume``.

    Yields
    ------
    log : Log
        Of the folder, with an entry on this process.

    Raises
    ------
    OutputError
        If another batch has the folder, it cannot be written, or an output exists that may
        neither be kept nor replaced.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / _LOCK, timeout=0)
        lock.acquire()
    except filelock.Timeout as error:
        raise OutputError(
            f"{folder}: another batch is running in this folder ({_owner(folder)}); use "
            "another folder or wait for it"
        ) from error
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{folder}: cannot be used as a folder ({reason})") from error
    try:
        refuse_existing(tasks)
        log = Log(folder / LOG)
        log.append(
            {"event": "start", "host": platform.node(), "pid": os.getpid(), "time": now()}
        )
        yield log
    finally:
        lock.release()


def iter_logged(outcomes: Generator[Outcome], log: Log) -> Generator[Outcome]:
    """Enter outcomes into the log of a batch, and their number at the end.

    Parameters
    ----------
    outcomes : generator of Outcome
        Closed with this one.
    log : Log
        Of the output folder.

    Yields
    ------
    outcome : Outcome
        Each one, once it stands in the log.
    """
    counts: Counter[str] = Counter()
    with contextlib.closing(outcomes):
        for outcome in outcomes:
            log.append(outcome.line())
            counts[outcome.state] += 1
            yield outcome
    log.append({"event": "end", **counts, "time": now()})


def read_log(path: Path) -> list[dict[str, object]]:
    """Entries of a log.

    Parameters
    ----------
    path : Path
        File of a `Log`.

    Returns
    -------
    lines : list of dict
        In the order they were written; a line that was not finished is left out.
    """
    lines = []
    for line in path.read_bytes().splitlines():
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                lines.append(entry)
    return lines


def _owner(folder: Path) -> str:
    """Who wrote the last start into the log."""
    with contextlib.suppress(OSError):
        for entry in reversed(read_log(folder / LOG)):
            if entry.get("event") == "start":
                return "process {pid} on {host} since {time}".format_map(entry)
    return "just begun"


def _ends_whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"
    except OSError:  # missing or empty
        return True
