"""Pictures of the real window for the documentation.

    xvfb-run -a -s "-screen 0 1600x1000x24" python docs/scripts/window_pictures.py docs/images

writes dock-empty.png, dock-running.png, dock-result.png, dock-correct.png, dock-light.png and
preferences.png. If a file is the second argument, the script also writes into it the seconds
from Run to the first preview and to the result of each sample.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ["NAPARI_CONFIG"] = ""  # an empty name: settings of the user stay as they are

import napari
from PIL import Image
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

SIZE = (1180, 860)
SAMPLES = ("tissue", "nuclei", "neuropil", "cell", "photo")


def wait(seconds: float, until: Callable[[], bool] = lambda: False) -> None:
    """Process events for some time, or until a condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        QApplication.processEvents()
        time.sleep(0.005)


def save(pixels: np.ndarray, path: Path) -> None:
    """Write a picture with 128 colors, which keeps it small."""
    picture = Image.fromarray(pixels[..., :3]).quantize(128, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)


def window(viewer: napari.Viewer, path: Path) -> None:
    """Take a picture of the whole window."""
    wait(1)
    save(viewer.screenshot(canvas_only=False, flash=False), path)


def open_window(sample: str, theme: str = "dark") -> tuple[napari.Viewer, Any]:
    """Window with a sample and the Segment dock."""
    viewer = napari.Viewer(show=False, show_welcome_screen=False)
    viewer.theme = theme
    viewer.open_sample("napari-dsc", sample)
    viewer.window.show(block=False)
    viewer.window.resize(*SIZE)
    _, dock = viewer.window.add_plugin_dock_widget("napari-dsc", "Segment")
    wait(60, lambda: not dock.compute.survey.is_running)
    wait(1)
    return viewer, dock


def time_sample(sample: str) -> dict[str, float]:
    """Seconds from Run to the first preview and to the result, with the defaults."""
    viewer, dock = open_window(sample)
    before = len(viewer.layers)
    start = time.perf_counter()
    dock.run_bar.run_button.click()
    wait(600, lambda: len(viewer.layers) > before)
    first = time.perf_counter() - start
    wait(1800, lambda: not dock.run_bar.is_running)
    last = time.perf_counter() - start
    viewer.close()
    return {"first preview": round(first, 1), "result": round(last, 1)}


def take_correction(viewer: napari.Viewer, path: Path) -> None:
    """Take a picture of the Correct dock with 1.5 times as many labels as the run gave."""
    shown, dock = viewer.window.add_plugin_dock_widget("napari-dsc", "Correct")
    wait(60, lambda: dock.editor is not None)
    viewer.layers.selection.active = dock.editor.layer
    slider = dock.number.slider
    slider.setValue(slider.value() * 3 // 2)
    shown.raise_()
    dock.next.click()
    window(viewer, path)
    dock.editor.layer.undo()
    viewer.window.remove_dock_widget(dock)


def take_pictures(folder: Path) -> None:
    """Take all pictures of the docks."""
    viewer, dock = open_window("tissue")
    window(viewer, folder / "dock-empty.png")
    dock.restore({"n_superpixels": 200})
    dock.run_bar.run_button.click()
    wait(600, lambda: dock.run_bar.bar.value() >= 40)
    window(viewer, folder / "dock-running.png")
    wait(600, lambda: not dock.run_bar.is_running)
    window(viewer, folder / "dock-result.png")
    take_correction(viewer, folder / "dock-correct.png")
    dialog = viewer.window._open_preferences_dialog()
    names = [dialog._list.item(row).text() for row in range(dialog._list.count())]
    dialog._list.setCurrentRow(next(i for i, name in enumerate(names) if "Superpixel" in name))
    wait(1)
    dialog.grab().save(str(folder / "preferences.png"))
    dialog.close()
    viewer.theme = "light"
    window(viewer, folder / "dock-light.png")
    viewer.close()


def main() -> None:
    """Take the pictures; with a file as second argument, time the samples into it."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    take_pictures(folder)
    if len(sys.argv) > 2:
        times = {sample: time_sample(sample) for sample in SAMPLES}
        Path(sys.argv[2]).write_text(json.dumps(times, indent=2) + "\n")
        print(json.dumps(times, indent=2))


if __name__ == "__main__":
    main()
