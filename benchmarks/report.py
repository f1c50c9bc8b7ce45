"""What every benchmark writes: measures, its JSON file and its Markdown table."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from benchmarks.commands import SOURCES, argument_parser, command_line, commit
from napari_dsc import Settings
from napari_dsc.evaluation.bsds500 import Sample, list_samples
from napari_dsc.evaluation.contingency import contingency_table
from napari_dsc.evaluation.measures import measure_segmentation, prepare_annotation
from napari_dsc.evaluation.summary import Best, summarize
from napari_dsc.machine.allocator import keep_freed_memory
from napari_dsc.machine.device import resolve_device
from napari_dsc.records.record import device_record, software_record

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from scipy.sparse import csr_array

    from napari_dsc import Run, Step

RESULTS = Path(__file__).resolve().parent / "results"
PAPER = Settings.preset("paper").cut_params
SHOWN = {"sc": "SC", "pri": "PRI", "vi": "VI"}

Measures = dict[str, float]
Row = dict[str, str | float]
AnyRow = Mapping[str, str | float]
T = TypeVar("T")


def bsds_parser(description: str | None, every: int = 1) -> argparse.ArgumentParser:
    """Parser of the arguments that all benchmarks on BSDS500 take."""
    parser = argument_parser(description)
    parser.add_argument("root", type=Path, help="folder with data/ and ucm2_png/ of BSDS500")
    parser.add_argument(
        "--every", type=int, default=every, help="take every n-th image (default %(default)s)"
    )
    parser.add_argument(
        "--limit", type=int, default=1000, help="take at most so many of these images"
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser


def selected_samples(arguments: argparse.Namespace) -> list[Sample]:
    """Images of the validation split that the arguments ask for, with the process set up."""
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    return list_samples(arguments.root, "val")[:: arguments.every][: arguments.limit]


def last_step(run: Run) -> Step:
    """End of the cut of a run."""
    return deque(run.iter_steps(), maxlen=1).pop()


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """What a call gives, and the seconds of the processor that it takes."""
    start = time.process_time()
    found = call()
    return found, time.process_time() - start


def table_where_known(labels: np.ndarray, truth: np.ndarray) -> csr_array:
    """Contingency table of the pixels that have a label in the truth."""
    known = truth > 0
    return contingency_table(labels[known], truth[known])


def known_results(name: str) -> dict[str, Any]:
    """Content of results/NAME.json; empty if it has not been made."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def write_known(name: str, content: dict[str, Any]) -> None:
    """Write results/NAME.json with each value on a line of its own."""
    write_text(name, json.dumps(content, indent=1) + "\n")


def write_rows(name: str, rows: Sequence[AnyRow], **more: object) -> None:
    """Write results/NAME.json with a table and what made it, and print the table."""
    made = what_made_it(commit(SOURCES))
    write_text(name, one_line_an_entry(made | more | {"rows": rows}))
    print(markdown_table(rows))


def what_made_it(code: str) -> dict[str, object]:
    """Command, versions and device, beside the commit of the code."""
    return {
        "command": command_line(),
        "versions": software_record(),
        "commit": code,
        "device": device_record(resolve_device()),
    }


def write_text(name: str, text: str) -> None:
    """Write results/NAME.json; a process that is stopped leaves no half of it."""
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(text)
    partial.replace(path)


def seconds_an_image(row: dict[str, Any] | None) -> str:
    """Cell with the seconds of a row of scores; empty if there is none."""
    return f"{row['seconds_an_image']:.1f}" if row else ""


class Report:
    """Results of one benchmark, in a file that grows image by image and can be resumed.

    Parameters
    ----------
    name : str
        Folder and name of the file in ``benchmarks/results``.
    settings : dict
        What the figures depend on, the choice of images aside; results made with other
        settings are not continued.
    """

    def __init__(self, name: str, settings: dict[str, str | float]) -> None:
        self.name = name
        self.settings = settings
        known = known_results(name)
        if known and known["settings"] != settings:
            sys.exit(f"{name}.json was made with {known['settings']}; move it away first")
        self.images: dict[str, dict[str, Measures]] = known.get("images", {})
        self.seconds: dict[str, float] = known.get("image_seconds", {})
        begun = known.get("commit") if self.images else None
        self.commit: str = begun or commit(SOURCES)

    def measure(
        self, samples: list[Sample], measure: Callable[[Sample], dict[str, Measures]]
    ) -> None:
        """Keep the measures of all images, those aside that have been measured before."""
        for sample in samples:
            if sample.name not in self.images:
                start = time.perf_counter()
                self.add(sample.name, measure(sample), time.perf_counter() - start)

    def add(self, image: str, measures: dict[str, Measures], seconds: float) -> None:
        """Keep the measures of one image, by row of the table, and write the file."""
        self.images[image] = {row: rounded(values) for row, values in measures.items()}
        self.seconds[image] = round(seconds, 2)
        self._write([], images=True)
        print(f"{len(self.images)}: {image} in {seconds:.0f} s", file=sys.stderr, flush=True)

    def finish(self, rows: list[Row], *, images: bool = True) -> None:
        """Write the file with the table of results, and print the table."""
        self._write(rows, images=images)
        print(markdown_table(rows))

    def _write(self, rows: list[Row], *, images: bool) -> None:
        content = what_made_it(self.commit) | {
            "settings": self.settings,
            "seconds": round(sum(self.seconds.values()), 1),
            "rows": rows,
        }
        if images:
            content |= {"image_seconds": self.seconds, "images": self.images}
        write_text(self.name, one_line_an_entry(content))

    def mean(self, samples: list[Sample], row: str, measure: str) -> float:
        """Mean of one measure over images."""
        return float(np.mean(self.values(samples, row, measure)))

    def values(self, samples: list[Sample], row: str, measure: str) -> list[float]:
        """One measure of each image."""
        return [self.images[sample.name][row][measure] for sample in samples]

    def summary(self, samples: list[Sample], rows: list[str]) -> dict[str, Best]:
        """ODS and OIS of rows that are the scales of one method."""
        return summarize(
            [[self.images[sample.name][row] for row in rows] for sample in samples]
        )

    def score_row(self, samples: list[Sample], name: str, rows: Sequence[str] = ()) -> Row:
        """OIS of SC, PRI and VI over rows that are the scales of one method, or of one row."""
        summary = self.summary(samples, list(rows or [name]))
        scores: Row = {title: round(summary[key].ois, 3) for key, title in SHOWN.items()}
        return {"": name} | scores


def score(labels: np.ndarray, annotations: Sequence[np.ndarray]) -> Measures:
    """Measure a label image by the three scores of the paper, with the area that weights SC."""
    scores = measure_segmentation(labels, [prepare_annotation(one) for one in annotations])
    return {name: scores[name] for name in (*SHOWN, "area")}


def rounded(values: Measures) -> Measures:
    """Values with five decimals, enough for a file."""
    return {name: round(value, 5) for name, value in values.items()}


def one_line_an_entry(content: dict[str, object]) -> str:
    """JSON in which each entry of a nested dictionary or list has a line of its own."""
    parts = []
    for key, value in content.items():
        text = json.dumps(value)
        if isinstance(value, dict):
            entries = [f"  {json.dumps(name)}: {json.dumps(v)}" for name, v in value.items()]
            text = "{\n" + ",\n".join(entries) + "\n }"
        elif isinstance(value, list):
            text = "[\n" + ",\n".join(f"  {json.dumps(entry)}" for entry in value) + "\n ]"
        parts.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def markdown_table(rows: Sequence[AnyRow]) -> str:
    """Rows with the same keys as a Markdown table."""
    header = list(rows[0])
    lines = [
        header,
        ["---"] * len(header),
        *([str(row[key]) for key in header] for row in rows),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
