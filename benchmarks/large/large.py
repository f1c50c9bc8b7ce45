"""Time and memory of the segmentation of a large image.

    python -m benchmarks.large.large NAME mosaic.tif labels.ome.zarr [flags of segment]

runs ``napari-dsc segment``, and writes its time and its largest memory into
results/large/NAME.json. Needs Linux or macOS.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import time
from pathlib import Path

import tifffile

from benchmarks.report import RESULTS
from benchmarks.tables import commit
from napari_dsc.records.record import command_record

if __name__ == "__main__":
    name, source, output, *flags = sys.argv[1:]
    with tifffile.TiffFile(source) as file:
        shape = " x ".join(map(str, file.series[0].shape))
    words = ["segment", source, "-o", output, *flags]
    start = time.perf_counter()
    program = [sys.executable, "-m", "napari_dsc", *words]
    child = os.spawnv(os.P_WAIT, sys.executable, program)
    if child:
        sys.exit(child)
    wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if platform.system() == "Darwin" else 1024
    row = {
        "image": shape,
        "minutes": round(wall / 60, 1),
        "processor minutes": round((used.ru_utime + used.ru_stime) / 60, 1),
        "GiB at most": round(used.ru_maxrss * unit / 2**30, 2),
    }
    content = {
        "command": command_record("napari-dsc", words),
        "commit": commit(Path(__file__).parents[2]),
        "rows": [row],
    }
    (RESULTS / "large" / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    print(row)
