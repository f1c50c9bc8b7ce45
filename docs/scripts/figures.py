"""Pictures of the docs: losses of a cut, DSC beside Backprop, and how time grows.

    python docs/scripts/figures.py docs/images

writes loss-curves.png and dsc-and-backprop.png, both on the packaged tissue image, and
speed-scaling.png from what benchmarks/speed.py measured. It takes some minutes.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import napari_dsc
from napari_dsc.params import CutParams, SuperpixelParams, preset
from napari_dsc.sample_data import sample_path

LINES = {"label_loss": "label loss L1", "cut_loss": "cut loss L2", "n_classes": "classes"}
PAPER = {
    "cut_params": CutParams(**preset("paper")["cut"]),  # type: ignore[arg-type]
    "superpixel_params": SuperpixelParams(**preset("paper")["superpixels"]),  # type: ignore[arg-type]
}
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
SPEED = ("speed.json", "speed-1024.json", "speed-large.json")
WHO = {"paper": "preset paper", "fast": "default", "plain": "plain loop"}
COLORS = ("#3b6fc9", "#c9832e", "#2f8f6a")


def draw_losses(path: Path) -> None:
    """Draw both losses and the number of classes over the paper's iterations of one cut."""
    steps = [
        (float(step.label_loss), float(step.cut_loss), step.n_classes)
        for step in napari_dsc.iter_segment(sample_path(), device="cpu", **PAPER)
    ]
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    for place, (label, values, color) in enumerate(
        zip(LINES.values(), zip(*steps, strict=True), COLORS, strict=True), start=1
    ):
        axes = figure.add_subplot(1, 3, place, xlabel="iteration", title=label)
        axes.plot(range(1, len(values) + 1), values, color=color)
        axes.set_ylim(bottom=0)
    FigureCanvasAgg(figure).print_png(str(path))


def draw_scaling(path: Path) -> None:
    """Draw seconds of a step over the number of pixels, one line a count of superpixels."""
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
    """Draw DSC, Backprop and three more by the command that anybody can give."""
    methods = "dsc,backprop,kmeans_deep,felzenszwalb,mumford_shah_tree"
    with tempfile.TemporaryDirectory() as folder:
        command = ["compare", str(sample_path()), "--methods", methods, "-o", f"{folder}/out"]
        subprocess.run([sys.executable, "-m", "napari_dsc", *command], check=True)
        shutil.copy(Path(folder, "out", "compare.png"), path)
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((720, 720))  # the picture stays below 100 kB
    picture.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Draw everything into the folder given."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    draw_losses(folder / "loss-curves.png")
    draw_scaling(folder / "speed-scaling.png")
    draw_comparison(folder / "dsc-and-backprop.png")


if __name__ == "__main__":
    main()
