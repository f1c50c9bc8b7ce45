"""Damaged inputs are taken or refused in a sentence: nothing else may come of them.

    python -m benchmarks.robustness.fuzz [--inputs 10000] [--seconds 900] [--seed 0]

damages small valid inputs (TIFF, OME-TIFF, ImageJ, zarr, PNG, JPEG, NPY, recipes, records,
labels, weights, networks, sessions) and reads each in another process, which is killed if it
takes over five seconds. It prints how many were accepted and refused, and every failure with
its number.

    python -m benchmarks.robustness.fuzz --seed 0 --only 1234 [--keep FOLDER]

repeats one input and leaves it in a folder. Needs Linux or macOS.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.commands import argument_parser
from benchmarks.robustness.inputs import write_inputs
from benchmarks.robustness.worker import ACCEPTED, REFUSED, Outcome, make_input, work

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkContext
    from multiprocessing.process import BaseProcess

HANG = 5.0  # seconds that a reader may take
START = 120.0  # seconds until the first input of a process
PER_PROCESS = 500  # inputs
SHOWN = 3  # failures of one kind that are printed


def outcomes(
    given: argparse.Namespace, numbers: range, inputs: dict[str, list[Path]]
) -> Iterator[Outcome]:
    """Read inputs in other processes, one process at a time, until the time is over."""
    end = time.monotonic() + given.seconds
    number = numbers.start
    while number < numbers.stop and time.monotonic() < end:
        part = range(number, min(number + PER_PROCESS, numbers.stop))
        for outcome in _from_process(given.seed, part, inputs):
            yield outcome
            number = outcome.number
            if time.monotonic() > end:
                break
        number += 1


def _from_process(
    seed: int, numbers: range, inputs: dict[str, list[Path]]
) -> Iterator[Outcome]:
    """Outcomes of one process; a last one if it crashes or hangs."""
    context: ForkContext = multiprocessing.get_context("fork")
    answers, sender = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(
            target=work, args=(sender, seed, numbers, inputs, Path(folder)), daemon=True
        )
        process.start()
        sender.close()
        try:
            for found in _received(answers, process, numbers.start):
                said = Path(folder, "said")
                if found.result == "crash" and said.exists():
                    found = found._replace(words=f"{found.words}: {said.read_text()[-300:]}")
                yield found
        finally:
            process.kill()
            process.join()


def _received(answers: Connection, process: BaseProcess, first: int) -> Iterator[Outcome]:
    about, wait = Outcome(first, "", "", "", "", "", 0.0), START
    while True:
        if not answers.poll(wait):
            yield about._replace(result="hang", words=f"over {HANG:g} s", seconds=wait)
            return
        try:
            found = answers.recv()
        except EOFError:
            process.join()
            yield about._replace(result="crash", words=f"status {process.exitcode}")
            return
        if found is None:
            return
        about, wait = found._replace(result="", words=""), HANG
        if found.result:
            yield found


def report(found: list[Outcome], seconds: float, seed: int) -> int:
    """Print counts and failures; 1 if there are failures."""
    n_inputs = len({one.number for one in found})
    print(
        f"seed {seed}: {n_inputs} inputs in {seconds:.0f} s, {n_inputs / seconds:.1f} a second"
    )
    print(f"{'kind':10} {'accepted':>9} {'refused':>9} {'failed':>9} {'slowest':>9}")
    for kind in sorted({one.kind for one in found}):
        some = [one for one in found if one.kind == kind]
        counts = Counter(one.result for one in some)
        good = counts[ACCEPTED], counts[REFUSED]
        slowest = max(one.seconds for one in some)
        print(f"{kind:10} {good[0]:9} {good[1]:9} {len(some) - sum(good):9} {slowest:8.2f}s")
    groups: dict[tuple[str, ...], list[Outcome]] = {}
    for one in found:
        if one.result not in {ACCEPTED, REFUSED}:
            place = one.words[:30] if one.result.startswith("traceback") else ""
            groups.setdefault((one.kind, one.reader, one.result, place), []).append(one)
    for group in sorted(groups.values(), key=len, reverse=True):
        first = group[0]
        print(f"\n{len(group)} x {first.kind} {first.reader}: {first.result}")
        for one in group[:SHOWN]:
            print(f"  number {one.number} ({one.change}): {one.words[:300]!r}")
    return int(bool(groups))


def main() -> int:
    """Read what the arguments ask for."""
    parser = argument_parser(__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=900.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="number of one input")
    parser.add_argument("--keep", type=Path, help="folder to write that input to")
    given = parser.parse_args()
    numbers = range(given.inputs) if given.only is None else range(given.only, given.only + 1)
    with tempfile.TemporaryDirectory() as folder:
        inputs = write_inputs(Path(folder))
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            make_input(given.seed, numbers.start, inputs, given.keep)
        start = time.monotonic()
        found = list(outcomes(given, numbers, inputs))
        return report(found, time.monotonic() - start, given.seed)


if __name__ == "__main__":
    sys.exit(main())
