"""One picture of all image sets: the first image of each, and what each method makes of it.

    python -m benchmarks.sets.contact_sheet micro sheet docs/images/contact-sheet.jpg

runs ``napari-dsc compare`` on the first image of each set that benchmarks/sets/micro.py scores,
into a folder of its own inside `sheet`, each method at the scale that was best for the set.
What lies there already is only drawn, stacks by their middle plane.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image as Picture

from benchmarks.commands import NAPARI_DSC, argument_parser
from benchmarks.report import known_results
from benchmarks.sets.micro import SETS, folder_of
from benchmarks.sets.set_tables import SHOWN, STANDS_FOR
from napari_dsc.cli.work.run_comparison import Choice
from napari_dsc.files import read_labels
from napari_dsc.images import draw_boundaries, load_image

if TYPE_CHECKING:
    from pathlib import Path

LEFT_OUT = "mean_shift_plain"  # one column of mean shift is enough
CELL = 1.6  # inches
MOST_PIXELS = 256  # a cell shows no more
MOST, QUALITY = (900, 2000), 30  # about 250 kB


def main() -> None:
    """Segment what is missing, and draw the sheet."""
    parser = argument_parser(__doc__, "root", "sheet", "picture")
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    sets = known_results("sets/micro")["sets"]
    chosen = {name: choices(sets[name]) for name in SETS if sets.get(name, {}).get("rows")}
    for name, methods in chosen.items():
        folder = given.sheet / name
        files = {one: folder / Choice(one, scale).file for one, scale in methods.items()}
        missing = {one: methods[one] for one, file in files.items() if not file.exists()}
        if missing:
            image = first(folder_of(name, given.root, given.sheet) / "images")
            compare(image, missing, folder, name, given.device)
    draw(given.root, given.sheet, chosen, given.picture)


def choices(one: dict[str, Any]) -> dict[str, float]:
    """Methods of a set, each with the scale that is best by the set's first measure."""
    return {
        row["method"]: next(iter(row["best"].values()))["scale"]
        for row in one["rows"]
        if row["method"] != LEFT_OUT
    }


def first(folder: Path) -> Path:
    """First image of a folder."""
    return min(path for path in folder.iterdir() if not path.name.startswith("."))


def compare(
    image: Path, methods: dict[str, float], folder: Path, name: str, device: str
) -> None:
    """Write a label image of each method."""
    words = ",".join(f"{method}:{scale:g}" for method, scale in methods.items())
    command = [*NAPARI_DSC, "compare", str(image), "-o", str(folder)]
    kind = SETS[name]
    command += ["--methods", words, "--device", device, "--cut.result", kind.result]
    command += ["--superpixel.n-superpixels", str(kind.numbers.merged), "--overwrite"]
    command += ["--cut.precision", "bfloat16", "--backprop.precision", "bfloat16"]
    command += ["--axes", kind.axes] if kind.axes else []
    subprocess.run(command, check=False)  # it tells which methods failed; theirs stay empty


def draw(root: Path, sheet: Path, chosen: dict[str, dict[str, float]], picture: Path) -> None:
    """One row a set: image, annotation, methods."""
    columns = ["image", "annotation", *(one for one in SHOWN if one != LEFT_OUT)]
    figure = Figure((CELL * len(columns), CELL * len(chosen)), layout="constrained", dpi=80)
    canvas = FigureCanvasAgg(figure)
    grid = figure.subplots(len(chosen), len(columns), squeeze=False)
    for axes, title in zip(grid[0], columns, strict=True):
        axes.set_title(title, fontsize=7)
    for row, (name, methods) in zip(grid, chosen.items(), strict=True):
        folder = folder_of(name, root, sheet)
        pixels = load_image(first(folder / "images"), SETS[name].axes).pixels
        truth = read_labels(first(folder / "labels"))
        files = {one: sheet / name / Choice(one, at).file for one, at in methods.items()}
        found = {
            STANDS_FOR.get(m, m): read_labels(file)
            for m, file in files.items()
            if file.exists()
        }
        flat = np.zeros(pixels.shape[1:], np.int64)
        shown = {"image": flat, "annotation": truth} | found
        if flat.ndim > 2:
            middle = len(flat) // 2
            pixels = pixels[:, middle]
            shown = {column: labels[middle] for column, labels in shown.items()}
        for axes, column in zip(row, columns, strict=True):
            axes.set_xticks([])
            axes.set_yticks([])
            if column in shown:
                axes.imshow(cell(pixels, shown[column]))
        row[0].set_ylabel(name, fontsize=6)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    colors = Picture.fromarray(pixels[..., :3])
    colors.thumbnail(MOST, Picture.Resampling.LANCZOS)
    colors.save(picture, quality=QUALITY)


def cell(pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Image with boundaries, thinned to the pixels that a cell can show."""
    step = max(1, round(max(labels.shape) / MOST_PIXELS))
    thin = (slice(step // 2, None, step),) * 2
    return draw_boundaries(pixels[(slice(None), *thin)], labels[thin])


if __name__ == "__main__":
    main()
