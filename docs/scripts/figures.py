"""Figures of the docs: stages and losses of a cut, DSC and other methods, growth of time.

    python docs/scripts/figures.py docs/images

writes stages.png, loss-curves.png and dsc-and-backprop.png, all from the packaged tissue image;
training-loss.png from benchmarks/results/templates/training_tree.csv, which is a loss curve of
``napari-dsc train``; and speed-scaling.png from the results of the speed benchmark. It takes
some minutes.
"""

from __future__ import annotations

import csv
import json
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import napari_dsc
from napari_dsc.images import draw_boundaries
from napari_dsc.params import CutParams, SuperpixelParams, preset
from napari_dsc.sample_data import sample_path

LINES = {"label_loss": "label loss L1", "cut_loss": "cut loss L2", "n_classes": "classes"}
PAPER = {
    "cut_params": CutParams(**preset("paper")["cut"]),  # type: ignore[arg-type]
    "superpixel_params": SuperpixelParams(**preset("paper")["superpixels"]),  # type: ignore[arg-type]
}
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
SPEED = ("speed/speed.json", "speed/speed-1024.json", "speed/speed-large.json")
WHO = {"paper": "preset paper", "fast": "default", "plain": "plain loop"}
COLORS = ("#3b6fc9", "#c9832e", "#2f8f6a")


def draw_cut(stages: Path, losses: Path) -> None:
    """Draw the stages of one cut by the paper's settings, and its losses."""
    run = napari_dsc.Run(sample_path(), device="cpu", **PAPER)
    smoothed, superpixels = run.smoothed, run.superpixels
    steps, pictures = [], []
    for step in run.iter_steps():
        steps.append((float(step.label_loss), float(step.cut_loss), step.n_classes))
        if step.iteration in (8, run.cut_params.n_iterations):
            labels = step.labels()
            title = f"iteration {step.iteration}, {step.n_classes} classes"
            pictures.append((title, draw_boundaries(run.image.pixels, labels)))
    n_superpixels = superpixels.max() + 1
    divided = draw_boundaries(smoothed, superpixels)
    draw_stages(
        stages,
        [
            ("image", run.image.pixels.transpose(1, 2, 0)),
            ("smoothed by SuperAE", smoothed.transpose(1, 2, 0)),
            (f"{n_superpixels} superpixels of the smoothed image", divided),
            *pictures,
        ],
    )
    draw_losses(losses, steps)


def draw_stages(path: Path, pictures: list[tuple[str, np.ndarray]]) -> None:
    """Draw pictures side by side."""
    figure = Figure(figsize=(11, 2), layout="constrained", dpi=90)
    for place, (title, pixels) in enumerate(pictures, start=1):
        axes = figure.add_subplot(1, len(pictures), place)
        axes.imshow(pixels)
        axes.set_title(title, fontsize=7)
        axes.set_axis_off()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    with_few_colors(Image.fromarray(np.asarray(canvas.buffer_rgba())), 200, path)


def with_few_colors(picture: Image.Image, n_colors: int, path: Path) -> None:
    """Write a picture with few colors, which keeps the file below 100 kB."""
    few = picture.convert("RGB").quantize(n_colors, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def draw_training(path: Path) -> None:
    """Draw both terms of the loss over the epochs of a training."""
    rows = list(csv.DictReader((RESULTS / "templates" / "training_tree.csv").open(newline="")))
    figure = Figure(figsize=(6, 2.6), layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="squared color distance")
    titles = {"fidelity": "to the image", "smoothness": "to the mean of the template region"}
    for (name, title), color in zip(titles.items(), COLORS, strict=False):
        epochs = [int(row["number"]) for row in rows]
        axes.plot(epochs, [float(row[name]) for row in rows], color=color, label=title)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    FigureCanvasAgg(figure).print_png(str(path))


def draw_losses(path: Path, steps: list[tuple[float, float, int]]) -> None:
    """Draw both losses and the number of classes over the iterations of a cut."""
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    for place, (label, values, color) in enumerate(
        zip(LINES.values(), zip(*steps, strict=True), COLORS, strict=True), start=1
    ):
        axes = figure.add_subplot(1, 3, place, xlabel="iteration", title=label)
        axes.plot(range(1, len(values) + 1), values, color=color)
        axes.set_ylim(bottom=0)
    FigureCanvasAgg(figure).print_png(str(path))


def draw_scaling(path: Path) -> None:
    """Draw seconds of a step over pixels, with a line for each number of superpixels."""
    rows = [row for name in SPEED for row in json.loads((RESULTS / name).read_text())["rows"]]
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log", xlim=(0.1, 10), ylim=(0.05, 10))
    axes.set(xlabel="megapixels", ylabel="processor seconds a step")
    for (who, title), color in zip(WHO.items(), COLORS, strict=True):
        for m, style in ((100, "o-"), (10_000, "s:")):
            shown = [row for row in rows if (row[""], row["M"], row["K"]) == (who, m, 32)]
            sizes = [math.prod(map(int, row["size"].split("x"))) / 1e6 for row in shown]
            seconds = [row["CPU s a step"] for row in shown]
            axes.plot(sizes, seconds, style, color=color, label=f"{title}, {m} superpixels")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    FigureCanvasAgg(figure).print_png(str(path))


def draw_comparison(path: Path) -> None:
    """Draw DSC, Backprop and three other methods by ``napari-dsc compare``."""
    methods = "dsc,backprop,kmeans_deep,felzenszwalb,mumford_shah_tree"
    with tempfile.TemporaryDirectory() as folder:
        command = ["compare", str(sample_path()), "--methods", methods, "-o", f"{folder}/out"]
        subprocess.run([sys.executable, "-m", "napari_dsc", *command], check=True)
        shutil.copy(Path(folder, "out", "compare.png"), path)
    picture = Image.open(path)
    picture.thumbnail((720, 720))
    with_few_colors(picture, 64, path)


def main() -> None:
    """Draw all figures into a folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    draw_cut(folder / "stages.png", folder / "loss-curves.png")
    draw_training(folder / "training-loss.png")
    draw_scaling(folder / "speed-scaling.png")
    draw_comparison(folder / "dsc-and-backprop.png")


if __name__ == "__main__":
    main()
