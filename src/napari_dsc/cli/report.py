"""Progress, notes and results of a command, for people and scripts."""

import json
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Self

from rich import progress as bars
from rich.console import Console
from rich.table import Table

from napari_dsc.cli.ctrl_c import stop_if_interrupted
from napari_dsc.errors import printable
from napari_dsc.machine.progress import Progress as Step

# seconds between two lines on where we are, where no terminal shows a bar
LINE_EVERY = 30.0
# stages of the engine whose names say too little
_STAGES = {
    "tree": "growing the merge tree",
    "cut": "merging superpixels",
    "features": "averaging features",
    "classes": "growing the class tree",
}


class Report:
    """Progress and notes on stderr, one line of JSON per result on stdout.

    Parameters
    ----------
    quiet : bool
        Leave out progress and notes; errors stay.
    as_json : bool
        Write the lines of JSON.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        self.as_json = as_json
        self._console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        self._progress = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TimeElapsedColumn(),
            bars.TimeRemainingColumn(),
            console=self._console,
            speed_estimate_period=600.0,  # seconds; steps may take a minute each
            transient=True,
            redirect_stdout=False,
            disable=quiet or not self._console.is_terminal,
        )
        self._prefix = self._stage = ""
        self._task = self._progress.add_task("starting", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    @property
    def shows_bar(self) -> bool:
        """Whether progress is visible without messages."""
        return self._console.is_terminal

    def file(self, path: Path, number: int, total: int) -> None:
        """Name the file that the next stages work on."""
        name = printable(path.name)
        self._prefix = f"{name}: " if total == 1 else f"{number}/{total} {name}: "

    def begin(self, stage: str, total: int | None = None, done: int = 0) -> None:
        """Show a new stage of `total` steps; None stands for work that cannot be counted.

        Raises
        ------
        KeyboardInterrupt
            If Ctrl-C came earlier, so in `advance`.
        """
        stop_if_interrupted()
        # a new task, because a total cannot be taken back from an old one
        self._progress.remove_task(self._task)
        self._task = self._progress.add_task(self._prefix + stage, total=total, completed=done)

    def advance(self, stage: str = "") -> None:
        """Count one step of the stage, perhaps under new words."""
        stop_if_interrupted()
        self._progress.advance(self._task)
        if stage:
            self._progress.update(self._task, description=self._prefix + stage)

    def follow(self, progress: Step) -> None:
        """Show progress of the engine."""
        if isinstance(progress.step, str):
            self.note(progress.step)
            return
        if progress.stage != self._stage or not progress.done:
            total = progress.total if progress.total > 1 else None
            self.begin(_STAGES.get(progress.stage, progress.stage), total)
            self._stage = progress.stage
        stop_if_interrupted()
        self._progress.update(self._task, completed=progress.done)

    def note(self, text: str) -> None:
        """Print a note."""
        self._console.print(self._prefix + printable(text), markup=False)

    def table(self, table: Table) -> None:
        """Show a person a table."""
        self._console.print(table)

    def result(self, line: Mapping[str, object]) -> None:
        """Print the outcome of one file as a line of JSON."""
        if self.as_json:
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()

    def failure(self, path: Path, error: Exception) -> None:
        """Report a failed file and its reason, as text and as JSON."""
        message = " ".join(str(error).split())
        self.error(message, path)
        self.result({"file": str(path), "error": message})

    def error(self, text: str, path: Path | None = None) -> None:
        """Tell a person what went wrong, with its file named once, even if they want quiet."""
        named = text if path is None or str(path) in text else f"{path}: {text}"
        sys.stderr.write(f"error: {printable(named)}\n")


class Pace:
    """Progress of many parts: in the bar, or as a line now and then where none is seen."""

    def __init__(self, report: Report, stage: str, total: int, earlier: int = 0) -> None:
        self._report, self._total = report, total
        self._done = self._kept = earlier
        self._start = self._told = time.monotonic()
        report.begin(stage, total, earlier)

    @property
    def seconds(self) -> float:
        """Time since the first part began."""
        return time.monotonic() - self._start

    def tick(self, words: str, stage: str = "", *, is_kept: bool = False) -> None:
        """Count one part; one that is kept from earlier takes no time."""
        self._done, self._kept = self._done + 1, self._kept + is_kept
        self._report.advance(stage)
        now, n_made = time.monotonic(), self._done - self._kept
        if self._report.shows_bar or now - self._told < LINE_EVERY or not n_made:
            return
        self._told = now
        left = (now - self._start) / n_made * (self._total - self._done)
        about = f"about {timedelta(seconds=round(left))} left"
        self._report.note(f"{self._done} of {self._total}{words}, {about}")
