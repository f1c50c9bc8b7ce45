"""The files of a batch, what becomes of each, and the folder with its lock and its log."""

import contextlib
import datetime
import json
import os
import platform
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import filelock

from napari_dsc.batch.inputs import absolute_path, find_images, outputs_in
from napari_dsc.errors import OutputError
from napari_dsc.files.ownership import refuse_overlap
from napari_dsc.segmenting.settings import Settings

# what to do with outputs that exist
Existing = Literal["refuse", "resume", "overwrite"]
State = Literal["done", "kept", "failed"]


class Task(NamedTuple):
    """One file to segment.

    Attributes
    ----------
    source, output : Path
        Absolute paths, the same on every machine that works on the batch.
    settings : Settings
        With the hash of the weights.
    batch : str
        Name of the batch; an output that it wrote already is never made again.
    existing : str
        ``overwrite`` replaces any other output that exists, ``resume`` one that was made of
        another input or with other parameters, ``refuse`` none.
    joint : dict
        What `learn_together` gives, if one network cuts all files of the batch.
    """

    source: Path
    output: Path
    settings: Settings
    batch: str
    existing: Existing = "refuse"
    joint: dict[str, object] = {}  # noqa: RUF012 - a default that nobody changes


class Outcome(NamedTuple):
    """What became of a task.

    Attributes
    ----------
    source, output : Path
        Of the task.
    state : str
        ``done``; ``kept``, as the output was there; or ``failed``.
    error : str
        Why it failed, or empty.
    figures : dict
        Counts of the result, seconds, and where it was computed; empty for a failure.
    """

    source: Path
    output: Path
    state: State
    error: str = ""
    figures: dict[str, object] = {}  # noqa: RUF012 - a default that nobody changes

    def line(self) -> dict[str, object]:
        """Entry of the log, ready for JSON."""
        start: dict[str, object] = {"file": str(self.source), "state": self.state}
        if self.state == "failed":
            return start | {"error": self.error, "time": now()}
        return start | {"output": str(self.output)} | self.figures | {"time": now()}


def plan_tasks(
    inputs: Sequence[str | Path], folder: Path, template: Task, existing: Existing
) -> list[Task]:
    """Name the output of each input.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files, folders and patterns, see `find_images`.
    folder : Path
        Where the outputs go: ``photo.jpg`` becomes ``photo_segments.tif``.
    template : Task
        Task to copy, from `new_batch`; only its paths are replaced.
    existing : str
        What to do with outputs that exist.

    Returns
    -------
    tasks : list of Task
        One for each file.

    Raises
    ------
    InvalidImageError
        If an input is missing or gives no image.
    InvalidParameterError
        If two inputs would have one output.
    OutputError
        If an output is an input, or exists and may neither be kept nor replaced.
    """
    sources = find_images(inputs)
    outputs = outputs_in(absolute_path(folder), sources)
    refuse_overlap(sources, outputs)
    found = [path for path in outputs if path.exists()]
    if found and existing == "refuse":
        raise OutputError(
            f"{folder}: already holds {len(found)} of {len(outputs)} outputs; use a new "
            "folder, --resume or --overwrite"
        )
    template = template._replace(existing=existing)
    pairs = zip(sources, outputs, strict=True)
    return [template._replace(source=source, output=output) for source, output in pairs]


def now() -> str:
    """Time in UTC, as ISO 8601 writes it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


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
def open_folder(folder: Path) -> Generator[Log]:
    """Have a folder to oneself.

    The system gives it free when the process ends, however that comes about.

    Parameters
    ----------
    folder : Path
        Created if it does not exist.

    Yields
    ------
    log : Log
        Of the folder, with an entry on this process.

    Raises
    ------
    OutputError
        If another batch has the folder, or it cannot be written.
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
