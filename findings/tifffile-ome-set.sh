#!/usr/bin/env bash
# tifffile 2026.3.3: a file of a multi-file OME-TIFF set reads as the first image of the set.
#
# Microscopes save positions as one OME-TIFF each, whose shared XML names the images of all
# files. Here a.ome.tif holds 100 everywhere and b.ome.tif 200, both compressed. While both lie in
# one folder, `imread("b.ome.tif")` gives the pixels of a.ome.tif, and warns of a closed file; once
# a.ome.tif is gone, the same call gives those of b.ome.tif. (Uncompressed, it gives them in both
# cases.) The image of the file itself is the series that has pages in it: `file.series[1]` here.
#
# Needs Python 3.11 or newer. Output seen, with tifffile 2026.3.3 and numpy 2.3.5 on Linux:
#   b.ome.tif beside a.ome.tif: 100
#   b.ome.tif alone: 200
#   series 1 of b.ome.tif: 200
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "tifffile==2026.3.3" "numpy==2.3.5"
cat > "$folder/set.py" << 'PYTHON'
import logging
import sys
from pathlib import Path

import numpy as np
import tifffile

logging.getLogger("tifffile").setLevel(logging.CRITICAL)
folder = Path(sys.argv[1])
ids = {name: f"urn:uuid:00000000-0000-0000-0000-00000000000{i}" for i, name in enumerate("ab")}
images = "".join(
    f'<Image ID="Image:{i}"><Pixels ID="Pixels:{i}" DimensionOrder="XYCZT" Type="uint16" '
    'SizeX="8" SizeY="6" SizeC="1" SizeZ="1" SizeT="1"><Channel ID="Channel:0" '
    f'SamplesPerPixel="1"/><TiffData IFD="0" PlaneCount="1"><UUID FileName="{name}.ome.tif">'
    f"{ids[name]}</UUID></TiffData></Pixels></Image>"
    for i, name in enumerate("ab")
)
for name, value in (("a", 100), ("b", 200)):
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/'
        f'Schemas/OME/2016-06" UUID="{ids[name]}">{images}</OME>'
    )
    pixels = np.full((6, 8), value, np.uint16)
    options = {"description": xml, "metadata": None, "compression": "zlib"}
    tifffile.imwrite(folder / f"{name}.ome.tif", pixels, **options)
beside = tifffile.imread(folder / "b.ome.tif").max()
with tifffile.TiffFile(folder / "b.ome.tif") as file:
    own = file.series[1].asarray().max()
(folder / "a.ome.tif").unlink()
alone = tifffile.imread(folder / "b.ome.tif").max()
print(f"b.ome.tif beside a.ome.tif: {beside}")
print(f"b.ome.tif alone: {alone}")
print(f"series 1 of b.ome.tif: {own}")
raise SystemExit((beside, alone, own) != (100, 200, 200))
PYTHON
"$folder/venv/bin/python" "$folder/set.py" "$folder"
