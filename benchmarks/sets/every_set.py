"""Segment an image of every set of `micro`, from the shell and in a napari window.

    python -m benchmarks.sets.every_set micro labels

runs ``napari-dsc segment`` on the first image of each set with no flag but its axes, and checks
that the labels have its shape in space and time. Then it opens the same image in a window (so
start it by ``xvfb-run`` where there is no screen), presses Run in the Segment dock, and
compares the labels with those of the shell. The folder `labels` receives the labels and
pictures of the windows; labels that are there are not made again. Figures go into
results/sets/every_set.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from benchmarks.commands import NAPARI_DSC, argument_parser
from benchmarks.report import write_rows
from napari_dsc.files import read_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# axes that the README of a set gives; YX or YXC without a word
AXES = {
    "fibsem_medulla_3d": "ZYX",
    "imc_pancreas_5ch": "CYX",
    "mouse_embryo_3d": "ZYX",
    "plant_ovule_3d": "ZYX",
    "s2_ndvi_landcover": "TYX",
    "timelapse_2dt": "TYX",
}
WHOLE = {"ZYX": "whole stack", "TYX": "all frames"}

Row = dict[str, Any]


def image_of(folder: Path) -> Path:
    """First image of a set."""
    return sorted((folder / "images").iterdir())[0]


def segment_in_shell(path: Path, axes: str, output: Path) -> Row:
    """Run the command, unless its labels are there."""
    told = output.with_suffix(".json")
    if not told.exists():
        command = [*NAPARI_DSC, "segment", str(path), "-o", str(output)]
        flags = ["--axes", axes] if axes else []
        start = time.perf_counter()
        done = subprocess.run(
            [*command, *flags, "--json", "--quiet", "--overwrite"],
            check=True,
            stdout=subprocess.PIPE,
        )
        seconds = round(time.perf_counter() - start, 1)
        told.write_text(json.dumps(json.loads(done.stdout) | {"whole_seconds": seconds}))
    found: Row = json.loads(told.read_text())
    return found


def wait(seconds: float, until: Callable[[], bool] = lambda: False) -> None:
    """Let the window live for some time, or until something holds."""
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        QApplication.processEvents()
        time.sleep(0.005)


def segment_in_window(path: Path, axes: str, picture: Path) -> tuple[np.ndarray, float, float]:
    """Labels that the dock makes, its seconds, and the longest wait of the window in ms."""
    import napari
    from qtpy.QtCore import QTimer

    viewer = napari.Viewer(show=False, show_welcome_screen=False)
    [layer] = viewer.open(path, plugin="napari")
    if axes:
        layer.axis_labels = tuple(axes.lower())
    viewer.window.show(block=False)
    viewer.window.resize(1180, 860)
    _, dock = viewer.window.add_plugin_dock_widget("napari-dsc", "Segment")
    wait(60, lambda: not dock.compute.survey.is_running)
    dock.reset()
    if axes in WHOLE:
        dock.image_panel.what.setCurrentText(WHOLE[axes])
    wait(1)
    beats: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(time.perf_counter()))
    timer.start(5)
    start = time.perf_counter()
    dock.run_bar.run_button.click()
    wait(3600, lambda: not dock.run_bar.is_running)
    seconds = time.perf_counter() - start
    timer.stop()
    wait(0.5)
    shown = Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)[..., :3])
    shown.quantize(128, dither=Image.Dither.NONE).save(picture, optimize=True)
    name = f"{layer.name} [DSC]"
    assert name in viewer.layers, dock.run_bar.status.text()
    labels = np.asarray(viewer.layers[name].data)
    viewer.close()
    return labels, round(seconds, 1), round(1000 * float(np.diff(beats).max()))


def row_of(folder: Path, labels_folder: Path, has_window: bool) -> Row:
    """Both ways on one set."""
    path, axes = image_of(folder), AXES.get(folder.name, "")
    output = labels_folder / f"{folder.name}.tif"
    told = segment_in_shell(path, axes, output)
    image, labels = read_image(path), read_image(output)
    kept = [
        n for n, axis in zip(image.pixels.shape, axes or "YXC", strict=False) if axis != "C"
    ]
    is_right = list(labels.pixels.shape) == kept and labels.spacing == image.spacing
    row = {
        "set": folder.name,
        "axes": axes or "none",
        "shape": " x ".join(map(str, image.pixels.shape)),
        "classes": told["n_classes"],
        "shape and spacing": "same" if is_right else "differ",
        "shell s": told["whole_seconds"],
    }
    if has_window:
        found, seconds, longest = segment_in_window(path, axes, output.with_suffix(".png"))
        is_same = np.array_equal(found, labels.pixels)
        row |= {"labels of the dock": "same" if is_same else "differ", "dock s": seconds}
        row |= {"longest wait ms": longest}
    return row


def main() -> None:
    """Go through all sets."""
    parser = argument_parser(__doc__, "root", "labels")
    parser.add_argument("--shell-only", action="store_true")
    parser.add_argument("--only", nargs="*", default=[], help="names of sets")
    arguments = parser.parse_args()
    arguments.labels.mkdir(exist_ok=True)
    os.environ["NAPARI_CONFIG"] = ""  # settings of the user stay as they are
    rows = []
    for folder in sorted(path for path in arguments.root.iterdir() if path.is_dir()):
        if arguments.only and folder.name not in arguments.only:
            continue
        rows.append(row_of(folder, arguments.labels, not arguments.shell_only))
        print(rows[-1], file=sys.stderr, flush=True)
    if arguments.shell_only or arguments.only:
        return
    write_rows("sets/every_set", rows)


if __name__ == "__main__":
    main()
