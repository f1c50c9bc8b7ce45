"""Pictures of the results page: losses of a cut, and DSC beside Backprop.

    python docs/scripts/figures.py docs/images

writes loss-curves.png and dsc-and-backprop.png, both on the packaged tissue image. It takes
some minutes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import napari_dsc
from napari_dsc.sample_data import sample_path

LINES = {"label_loss": "label loss L1", "cut_loss": "cut loss L2", "n_classes": "classes"}
COLORS = ("#3b6fc9", "#c9832e", "#2f8f6a")


def draw_losses(path: Path) -> None:
    """Draw both losses and the number of classes over the iterations of one cut."""
    steps = [
        (float(step.label_loss), float(step.cut_loss), step.n_classes)
        for step in napari_dsc.iter_segment(sample_path(), device="cpu")
    ]
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    for place, (label, values, color) in enumerate(
        zip(LINES.values(), zip(*steps, strict=True), COLORS, strict=True), start=1
    ):
        axes = figure.add_subplot(1, 3, place, xlabel="iteration", title=label)
        axes.plot(range(1, len(values) + 1), values, color=color)
        axes.set_ylim(bottom=0)
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
    draw_comparison(folder / "dsc-and-backprop.png")


if __name__ == "__main__":
    main()
