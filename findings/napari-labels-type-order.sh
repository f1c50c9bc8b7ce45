#!/usr/bin/env bash
# napari 0.9.2 draws a Labels layer under the images once the integer type of its data changes.
#
# Two images and, above them, a Labels layer of uint16 whose labels cover everything. The labels
# are on top. The same labels as uint8 are assigned to `layer.data`: the upper image is on top,
# although the layer list still shows the labels as the uppermost layer. The same type again does
# not bring them back; moving a layer in the list, or `viewer.layers.events.reordered()`, does.
#
# Cause: for another type napari makes another vispy node, which starts with the draw order 0
# (napari/_vispy/layers/scalar_field.py, _on_display_change reads the order of the new node).
#
# Needs Python 3.11 or newer, xvfb-run and the libraries of Qt. Output seen, with napari 0.9.2,
# vispy 0.17.0, PyQt6 6.11.0 and Mesa's software renderer on Linux:
#   uint16: labels on top
#   uint8: image on top
#   uint16 again: image on top
#   after reordered(): labels on top
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "napari[pyqt6]==0.9.2"
cat > "$folder/order.py" << 'PYTHON'
import napari
import numpy as np
from qtpy.QtWidgets import QApplication

viewer = napari.Viewer()
white = np.ones((64, 64), np.float32)
for name in ("lower", "upper"):
    viewer.add_image(white, name=name, contrast_limits=(0, 1))
labels = viewer.add_labels(np.ones((64, 64), np.uint16), opacity=1)


def top():
    QApplication.processEvents()
    picture = viewer.screenshot(canvas_only=True, flash=False)
    height, width = picture.shape[:2]
    is_white = (picture[height // 2, width // 2, :3] > 250).all()
    return "image on top" if is_white else "labels on top"


seen = [f"uint16: {top()}"]
labels.data = labels.data.astype(np.uint8)
seen.append(f"uint8: {top()}")
labels.data = labels.data.astype(np.uint16)
seen.append(f"uint16 again: {top()}")
viewer.layers.events.reordered()
seen.append(f"after reordered(): {top()}")
print("\n".join(seen))
expected = ["labels", "image", "image", "labels"]
raise SystemExit([line.split()[-3] for line in seen] != expected)
PYTHON
xvfb-run -a -s "-screen 0 1280x1024x24" "$folder/venv/bin/python" "$folder/order.py"
