"""What the scripts are given and what they run: arguments, commands, commits."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from napari_dsc.records.record import command_record

SOURCES = Path(__file__).resolve().parents[1]
NAPARI_DSC = (sys.executable, "-m", "napari_dsc")
OLD_SCRIPT = re.compile(r"python benchmarks/(\w+)\.py")
MEMORY_UNIT = 1 if platform.system() == "Darwin" else 1024  # of ru_maxrss, in bytes


def argument_parser(description: str | None, *paths: str) -> argparse.ArgumentParser:
    """Parser that shows the docstring of a script, with the paths that the script takes."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for path in paths:
        parser.add_argument(path, type=Path)
    return parser


def scores_parser(description: str | None, rows: dict[str, Any]) -> argparse.ArgumentParser:
    """Parser of a script that runs ``napari-dsc evaluate`` once for each of its rows."""
    parser = argument_parser(description, "root", "scores")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--processes", type=int, default=0)
    parser.add_argument("--rows", default=",".join(rows))
    return parser


def evaluate(words: list[str], output: Path, given: argparse.Namespace) -> None:
    """Run ``napari-dsc evaluate`` into a folder; a run that was stopped goes on."""
    note_commit(output)
    device = ("--device", given.device, "--processes", str(given.processes))
    run_napari_dsc("evaluate", *words, "-o", str(output), *device)


def summary_of(folder: Path) -> dict[str, Any]:
    """What `evaluate` found, with its commits; empty while that is not complete."""
    path = folder / "summary.json"
    if not path.exists():
        return {}
    summary: dict[str, Any] = json.loads(path.read_text())
    return summary | {"commit": (folder / "commit").read_text()}


def run_napari_dsc(*words: str) -> None:
    """Run ``napari-dsc`` in a process of its own, which must succeed."""
    subprocess.run([*NAPARI_DSC, *words], check=True)


class Cost(NamedTuple):
    """Seconds of a clock and of the processor, and bytes at the peak, of a command."""

    wall: float
    processor: float
    peak: int


def cost_of(*words: str) -> Cost:
    """Run ``napari-dsc``, which must succeed, and measure it; needs Linux or macOS."""
    start = time.perf_counter()
    process = subprocess.Popen([*NAPARI_DSC, *words])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command_record('napari-dsc', words)}: ended with status {status}")
    wall = time.perf_counter() - start
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * MEMORY_UNIT)


def command_line() -> str:
    """Return the command that was given, without the folders of this machine."""
    return command_record(f"python -m {module_name(Path(sys.argv[0]))}", sys.argv[1:])


def module_name(path: Path) -> str:
    """Name by which ``python -m`` finds a script of this folder."""
    return ".".join(path.resolve().relative_to(SOURCES).with_suffix("").parts)


def with_present_modules(text: str) -> str:
    """Text whose commands of the time before the scripts had folders name them as today.

    A file of results keeps the command as it was given: ``python benchmarks/table1.py ...``.
    """
    return OLD_SCRIPT.sub(lambda found: f"python -m {_present_module(found[1])}", text)


def _present_module(script: str) -> str:
    [path] = (SOURCES / "benchmarks").rglob(f"{script}.py")
    return module_name(path)


def note_commit(folder: Path) -> None:
    """Keep the commits that a folder of scores is computed with; a complete one stays."""
    note, now = folder / "commit", commit(SOURCES)
    earlier = note.read_text().split(", ") if note.exists() else []
    if now not in earlier and not (folder / "summary.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        note.write_text(", ".join([*earlier, now]))


def commit(tree: Path) -> str:
    """Commit of a working tree, marked where its code is not what was committed."""
    changed = git(tree, "status", "--porcelain", "--", "src", "benchmarks/*.py")
    return git(tree, "rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")


def git(tree: Path, *words: str) -> str:
    """What git answers."""
    found = subprocess.run(["git", *words], cwd=tree, capture_output=True, check=True)
    return found.stdout.decode().strip()
