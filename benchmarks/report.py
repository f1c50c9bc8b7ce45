"""What every benchmark here shares: its arguments, its JSON file and its Markdown table."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tables import SOURCES, commit

from napari_dsc.evaluation.bsds500 import Sample, list_samples
from napari_dsc.evaluation.measures import measure_segmentation, prepare_annotation
from napari_dsc.evaluation.summary import Best, summarize
from napari_dsc.machine.allocator import keep_freed_memory
from napari_dsc.machine.device import resolve_device
from napari_dsc.records.record import command_record, device_record

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("napari-dsc", "torch", "numpy", "scipy", "scikit-image", "higra")

Measures = dict[str, float]
Row = dict[str, str | float]


def argument_parser(description: str, every: int = 1) -> argparse.ArgumentParser:
    """Parser of the arguments that all benchmarks on BSDS500 take."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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


def known_results(name: str) -> dict[str, Any]:
    """Content of a file in results/; empty if it has not been made."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def seconds_an_image(row: dict[str, Any] | None) -> str:
    """Cell with the seconds of a row of scores; empty if there is none."""
    return f"{row['seconds_an_image']:.1f}" if row else ""


class Report:
    """Results of one benchmark, in a file that grows image by image and can be resumed.

    Parameters
    ----------
    name : str
        Name of the file in ``benchmarks/results``.
    settings : dict
        What the figures depend on, the choice of images aside; results made with other
        settings are not continued.
    """

    def __init__(self, name: str, settings: dict[str, str | float]) -> None:
        self.path = RESULTS / f"{name}.json"
        self.settings = settings
        self.commit = commit(SOURCES)
        self.images: dict[str, dict[str, Measures]] = {}
        self.seconds: dict[str, float] = {}
        if self.path.exists():
            self._resume()

    def _resume(self) -> None:
        content = json.loads(self.path.read_text())
        if content["settings"] != self.settings:
            sys.exit(f"{self.path} was made with {content['settings']}; move it away first")
        self.commit = content.get("commit", self.commit)  # that it was begun with
        self.images = content.get("images", {})
        self.seconds = content.get("image_seconds", {})

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
        RESULTS.mkdir(exist_ok=True)
        content: dict[str, object] = {
            "command": command_line(),
            "settings": self.settings,
            "versions": {"python": platform.python_version()}
            | {name: importlib.metadata.version(name) for name in LIBRARIES},
            "commit": self.commit,
            "device": device_record(resolve_device()),
            "seconds": round(sum(self.seconds.values()), 1),
            "rows": rows,
        }
        if images:
            content["image_seconds"] = self.seconds
            content["images"] = self.images
        partial = self.path.with_suffix(".part")
        partial.write_text(one_line_an_entry(content))
        partial.replace(self.path)

    def mean(self, samples: list[Sample], row: str, measure: str) -> float:
        """Mean of one measure over images."""
        values = [self.images[sample.name][row][measure] for sample in samples]
        return float(np.mean(values))

    def summary(self, samples: list[Sample], rows: list[str]) -> dict[str, Best]:
        """ODS and OIS of rows that are the scales of one method."""
        return summarize(
            [[self.images[sample.name][row] for row in rows] for sample in samples]
        )

    def score_row(self, samples: list[Sample], row: str) -> Row:
        """SC, PRI and VI of a row that is a method with one scale."""
        summary = self.summary(samples, [row])
        return {
            "": row,
            "SC": round(summary["sc"].ois, 3),
            "PRI": round(summary["pri"].ois, 3),
            "VI": round(summary["vi"].ois, 3),
        }


def score(labels: np.ndarray, annotations: Sequence[np.ndarray]) -> Measures:
    """Measure a label image by the three scores of the paper, with the area that weights SC."""
    scores = measure_segmentation(labels, [prepare_annotation(one) for one in annotations])
    return {name: scores[name] for name in ("sc", "pri", "vi", "area")}


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


def command_line() -> str:
    """Return the command that was given, without the folders of this machine."""
    return command_record(f"python benchmarks/{Path(sys.argv[0]).name}", sys.argv[1:])


def markdown_table(rows: list[Row]) -> str:
    """Rows with the same keys as a Markdown table."""
    header = list(rows[0])
    lines = [
        header,
        ["---"] * len(header),
        *([str(row[key]) for key in header] for row in rows),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
