"""Read damaged inputs in a process of its own, one after the other."""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.commands import MEMORY_UNIT
from benchmarks.robustness.inputs import READERS
from benchmarks.robustness.mutations import mutate
from napari_dsc import DSCError

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

ADDRESSES = 6 * 2**30  # bytes of address space beyond what the libraries take
GROWTH = 2**30  # bytes by which the process may grow while it reads an input
LONGEST = 500  # characters of a sentence that refuses an input
ACCEPTED, REFUSED = "accepted", "refused"


class Outcome(NamedTuple):
    """What became of an input in one reader.

    Attributes
    ----------
    number : int
        Number of the input.
    kind, reader, change : str
        What it is, who read it, and how it was damaged.
    result : str
        ``accepted``, ``refused``, or what went wrong.
    words : str
        Message of the error, or where it was raised.
    seconds : float
        Time that the reader took.
    """

    number: int
    kind: str
    reader: str
    change: str
    result: str
    words: str
    seconds: float


def make_input(seed: int, number: int, inputs: dict[str, list[Path]], folder: Path) -> Outcome:
    """Write a damaged input into an empty folder; the outcome only says what it is."""
    rng = np.random.default_rng([seed, number])
    kind = sorted(inputs)[number % len(inputs)]
    source = inputs[kind][int(rng.integers(len(inputs[kind])))]
    path = folder / source.name
    if source.is_dir():
        shutil.copytree(source, path)
    else:
        shutil.copyfile(source, path)
    return Outcome(number, kind, "", f"{source.name}: {mutate(path, kind, rng)}", "", "", 0.0)


def work(
    answers: Connection,
    seed: int,
    numbers: range,
    inputs: dict[str, list[Path]],
    folder: Path,
) -> None:
    """Read inputs of some numbers; send what each is, then an outcome for each reader.

    Parameters
    ----------
    answers : Connection
        Receives an `Outcome` without a result before an input is read, one for each reader,
        and None at the end.
    seed, numbers
        Which inputs.
    inputs : dict
        Valid inputs by kind.
    folder : Path
        Folder of this process alone, empty.
    """
    places = {name: folder / name for name in ("input", "temporary", "working", "home")}
    for place in places.values():
        place.mkdir()
    os.environ["TMPDIR"] = os.environ["TEMP"] = str(places["temporary"])
    os.chdir(places["working"])
    said = folder / "said"
    with said.open("wb") as file:  # libraries in C write past sys.stdout
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    _limit_memory()
    for number in numbers:
        answers.send(Outcome(number, "", "", "being made", "", "", 0.0))
        about = make_input(seed, number, inputs, places["input"])
        answers.send(about)
        for read in READERS[about.kind]:
            answers.send(_read(read, about, places, said))
        for place in places.values():
            shutil.rmtree(place)
            place.mkdir()
        os.chdir(places["working"])
    answers.send(None)


def _limit_memory() -> None:
    """Let an absurd allocation fail at once, rather than the machine."""
    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + ADDRESSES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _read(
    read: Callable[[Path], object], about: Outcome, places: dict[str, Path], said: Path
) -> Outcome:
    [path] = places["input"].iterdir()
    before, n_said, peak = _content(places), said.stat().st_size, _peak()
    start = time.perf_counter()
    result, words = ACCEPTED, ""
    try:
        read(path)
    except DSCError as error:
        result, words = REFUSED, str(error)
    except BaseException as error:  # every other one is a fault
        result, words = f"traceback {type(error).__name__}", _where(error)
    seconds = time.perf_counter() - start
    sys.stdout.flush()
    sys.stderr.flush()
    if _content(places) != before:
        result, words = "files changed", ", ".join(sorted(_content(places) ^ before))
    elif said.stat().st_size > n_said:
        result, words = "output", said.read_bytes()[n_said:].decode(errors="replace")
    elif _peak() - peak > GROWTH:
        result, words = "memory", f"{(_peak() - peak) / 2**30:.1f} GiB; {words}"
    elif result == REFUSED and (not words or len(words.replace(str(path), "")) > LONGEST):
        result = "no sentence"
    name = read.__name__.strip("_")
    return about._replace(reader=name, result=result, words=words, seconds=seconds)


def _content(places: dict[str, Path]) -> set[str]:
    """Names and hashes of all files."""
    found = set()
    for name, place in places.items():
        for path in place.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            known = f"{name}/{path.relative_to(place)}"
            found.add(f"{known} {hashlib.sha256(content).hexdigest()[:12]}")
    return found


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MEMORY_UNIT


def _where(error: BaseException) -> str:
    """Message of an error and the last line of this project that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "napari_dsc" in frame.filename] or frames
    last, end = own[-1], frames[-1]
    place = f"{Path(last.filename).name}:{last.lineno} {last.name}"
    return f"{place} ({Path(end.filename).name}:{end.lineno}): {str(error)[:200]}"
