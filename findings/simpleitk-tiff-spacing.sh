#!/usr/bin/env bash
# SimpleITK 2.5.7 reads no pixel size along Z from a TIFF stack: it is 1.0 whatever the file says.
#
# A stack of 6 planes is written by tifffile as OME-TIFF and as ImageJ TIFF, with pixels of 2 um in
# the plane and planes 5 um apart. Both forms carry the distance of the planes (PhysicalSizeZ; the
# line `spacing` of ImageJ), and tifffile reads them back. SimpleITK takes X and Y from the
# resolution tags, in millimeters, and gives 1.0 for Z: volumes and distances are wrong by a
# factor of 200 without a warning. Give the spacing by `image.SetSpacing(...)`.
#
# Needs Python 3.11 or newer. Output seen, with SimpleITK 2.5.7 and tifffile 2026.3.3 on Linux:
#   ome: z spacing 1.0
#   imagej: z spacing 1.0
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet \
  "SimpleITK==2.5.7" "tifffile==2026.3.3" "numpy==2.3.5"
cat > "$folder/spacing.py" << 'PYTHON'
import sys
from pathlib import Path

import numpy as np
import SimpleITK
import tifffile

folder = Path(sys.argv[1])
stack = np.arange(6 * 20 * 30, dtype=np.uint16).reshape(6, 20, 30)
per_cm = {"resolution": (5000, 5000), "resolutionunit": "CENTIMETER"}  # pixels of 2 um
sizes = {"PhysicalSizeX": 2, "PhysicalSizeY": 2, "PhysicalSizeZ": 5}
tifffile.imwrite(folder / "ome.ome.tif", stack, metadata={"axes": "ZYX"} | sizes, **per_cm)
about = {"axes": "ZYX", "spacing": 5, "unit": "um"}
tifffile.imwrite(folder / "imagej.tif", stack, imagej=True, metadata=about, resolution=(0.5, 0.5))
with tifffile.TiffFile(folder / "imagej.tif") as file:
    assert file.imagej_metadata["spacing"] == 5
found = {}
for name in ("ome.ome.tif", "imagej.tif"):
    found[name] = SimpleITK.ReadImage(str(folder / name)).GetSpacing()[2]
    print(f"{name.partition('.')[0]}: z spacing {found[name]}")
raise SystemExit(set(found.values()) != {1.0})
PYTHON
"$folder/venv/bin/python" "$folder/spacing.py" "$folder"
