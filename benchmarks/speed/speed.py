"""How fast the stages are, beside the loop one writes first and beside Backprop.

    python -m benchmarks.speed.speed [--sizes 321x481 1024x1024 ...] [-M 100 1000 ...] [-K 8 32]
        [--who paper fast plain backprop smoothing slic ...] [--steps 3] [--device cpu]

takes a few steps of each in turn, several rounds in one process, and gives medians of processor
and wall-clock seconds (on a GPU, wall-clock alone tells), what a whole run would take by them,
and the largest memory. "plain" is the loop of `plain_cut.py`, the paper's method as one writes
it first; "paper" is the same method here, "fast" the default preset without its early end. The
image is drawn from a seed, and superpixels are blocks: for the time of a step their shape
hardly matters. Superpixel methods make as many as the first of the counts. Needs Linux.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

from benchmarks.commands import argument_parser
from benchmarks.report import PAPER, Row, write_rows
from benchmarks.speed.plain_cut import iter_plain_cut
from napari_dsc import CutParams, Run, SuperpixelParams
from napari_dsc.baselines.fitted import iter_backprop
from napari_dsc.machine.device import resolve_device
from napari_dsc.params import BackpropParams
from napari_dsc.superae.applied import embedding_of
from napari_dsc.superae.weights import load_weights
from napari_dsc.superpixels.methods import SUPERPIXEL_METHODS, over_segment_pixels

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

LOOPS = ("paper", "fast", "plain", "backprop")
STATUS, PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclasses.dataclass
class Measured:
    """Seconds and memory of calls, and how many calls a whole run takes.

    `make` gives an iterator; each call takes its next value. The iterator lives for a
    round, so that what it asks of the allocator does not speed up the others.
    """

    make: Callable[[], Iterator[object]]
    n_calls: int
    first: list[float] = dataclasses.field(default_factory=list)
    cpu: list[float] = dataclasses.field(default_factory=list)
    wall: list[float] = dataclasses.field(default_factory=list)
    megabytes: float = 0.0

    def measure(self, n_steps: int) -> None:
        """One round."""
        PEAK.write_text("5")  # the largest memory is counted anew
        iterator, cpu = self.make(), time.process_time()
        next(iterator)
        self.first.append(time.process_time() - cpu)
        for _ in range(n_steps if self.n_calls > 1 else 0):
            cpu, wall = time.process_time(), time.perf_counter()
            next(iterator)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.cpu.append(time.process_time() - cpu)
            self.wall.append(time.perf_counter() - wall)
        self.megabytes = max(self.megabytes, _resident("VmHWM"))

    def in_all(self) -> float:
        """Processor seconds of a whole run."""
        first = float(np.median(self.first))
        return first + (self.n_calls - 1) * float(np.median(self.cpu or [0.0]))


def _resident(name: str) -> float:
    """A line of Linux' account of this process, in MB."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024 / 1e6


def drawn_image(height: int, width: int) -> np.ndarray:
    """Blurred noise of several scales, (3, Y, X) float32 in 0 to 1."""
    rng = np.random.default_rng(0)
    image = np.zeros((3, height, width), np.float32)
    for cell in (8, 64):
        noise = rng.random((3, height // cell + 2, width // cell + 2))
        image += ndimage.zoom(noise, (1, cell, cell), order=1)[:, :height, :width] / 2
    return image


def blocks(height: int, width: int, n_superpixels: int) -> np.ndarray:
    """About so many equal blocks, (Y, X) int64."""
    rows = max(1, round((n_superpixels * height / width) ** 0.5))
    columns = max(1, round(n_superpixels / rows))
    down, along = np.arange(height) * rows // height, np.arange(width) * columns // width
    labels: np.ndarray = down[:, None] * columns + along
    return labels


def cut_run(pixels: np.ndarray, superpixels: np.ndarray, device: str, cut: CutParams) -> Run:
    """A run that starts at the cut."""
    image = np.moveaxis((pixels * 255).astype(np.uint8), 0, -1)
    return Run(image, device=device, superpixels=superpixels, cut_params=cut)


def plain_steps(run: Run) -> Iterator[object]:
    """The plain loop with the weights of a run."""
    params = run.settings.cut_params
    model = load_weights(run.stages.weights).to(run.device, torch.float32)
    embedding = embedding_of(model, params.n_partitions, params.seed)
    image = torch.from_numpy(run.image.pixels).to(run.device).unsqueeze(0)
    return iter_plain_cut(image, run.superpixels, embedding, params)


def loops(
    pixels: np.ndarray, superpixels: np.ndarray, who: list[str], device: str, n_partitions: int
) -> dict[str, Measured]:
    """The loops asked for; each call takes one step."""
    # without an early end: every loop takes as many steps as are measured
    fast = CutParams(n_partitions=n_partitions, patience=0)
    paper = dataclasses.replace(PAPER, n_partitions=n_partitions)
    makers: dict[str, Callable[[], Iterator[object]]] = {
        "paper": lambda: cut_run(pixels, superpixels, device, paper).iter_steps(),
        "fast": lambda: cut_run(pixels, superpixels, device, fast).iter_steps(),
        "plain": lambda: plain_steps(cut_run(pixels, superpixels, device, paper)),
        "backprop": lambda: iter_backprop(
            pixels, superpixels, BackpropParams(), resolve_device(device)
        ),
    }
    lengths = {"fast": fast.n_iterations}
    return {
        name: Measured(makers[name], lengths.get(name, 128)) for name in LOOPS if name in who
    }


def stages(pixels: np.ndarray, who: list[str], device: str, m: int) -> dict[str, Measured]:
    """Smoothing and the superpixel methods asked for; one call is a whole run."""
    image = np.moveaxis((pixels * 255).astype(np.uint8), 0, -1)

    def superpixels(name: str) -> Iterator[object]:
        params = SuperpixelParams(superpixels=name, n_superpixels=m)  # type: ignore[arg-type]
        yield over_segment_pixels(pixels, params)

    def smoothed() -> Iterator[object]:
        yield Run(image, device=device).smoothed

    found = {"smoothing": Measured(smoothed, 1)}
    found |= {
        name: Measured(functools.partial(superpixels, name), 1) for name in SUPERPIXEL_METHODS
    }
    return {name: measured for name, measured in found.items() if name in who}


def rows_of(
    measured: dict[str, Measured], arguments: argparse.Namespace, start: Row
) -> list[Row]:
    """Measure in turn; one row for each."""
    for _ in range(arguments.rounds):
        for one in measured.values():
            one.measure(arguments.steps)
    rows = []
    for name, one in measured.items():
        row: Row = {"": name}
        row |= start
        for title, seconds in (("CPU s", one.cpu), ("wall s", one.wall)):
            row[f"{title} a step"] = round(float(np.median(seconds)), 3) if seconds else ""
        row |= {"steps": one.n_calls, "CPU s in all": round(one.in_all(), 1)}
        plain = measured.get("plain")
        row["times faster"] = round(plain.in_all() / one.in_all(), 1) if plain else ""
        row["peak MB"] = round(one.megabytes)
        rows.append(row)
    return rows


def main() -> None:
    """Measure what was asked for; print the table."""
    parser = argument_parser(__doc__)
    parser.add_argument("--sizes", nargs="+", default=["321x481"])
    parser.add_argument("-M", "--n-superpixels", nargs="+", type=int, default=[100])
    parser.add_argument("-K", "--n-partitions", nargs="+", type=int, default=[32])
    everyone = [*LOOPS, "smoothing", *SUPERPIXEL_METHODS]
    parser.add_argument("--who", nargs="+", default=everyone, choices=everyone)
    parser.add_argument("--steps", type=int, default=3, help="besides a first one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--name", default="speed", help="of the file in results/speed")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows: list[Row] = []
    for size in arguments.sizes:
        height, width = map(int, size.split("x"))
        pixels = drawn_image(height, width)
        for m in arguments.n_superpixels:
            superpixels = blocks(height, width, m)
            for k in arguments.n_partitions:
                measured = loops(pixels, superpixels, arguments.who, arguments.device, k)
                rows += rows_of(measured, arguments, {"size": size, "M": m, "K": k})
        found = stages(pixels, arguments.who, arguments.device, arguments.n_superpixels[0])
        start: Row = {"size": size, "M": arguments.n_superpixels[0], "K": ""}
        rows += rows_of(found, arguments, start)
    settings = {"device": arguments.device}
    write_rows(f"speed/{arguments.name}", rows, settings=settings)


if __name__ == "__main__":
    main()
