"""The merge tree, DSC and both together on image sets whose labels are regions.

    python benchmarks/region_sets.py micro scores-regions --limit 3

runs ``napari-dsc evaluate folder`` on each set of `micro` once for each row of methods, into a
folder of its own inside the second; a run that was stopped goes on where it was. Of the stack
of plant cells every eighth plane is taken, because the cut takes planes only. What is known so
far goes into results/region_sets.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import tifffile
from micro import REGIONS, SETS, ImageSet
from report import command_line
from tables import note_commit

RESULTS = Path(__file__).parent / "results" / "region_sets.json"
PLANT = "plant_ovule_planes"
STACK = "plant_ovule_3d/{}/ovule_cells_left.tif"
NAMES = ("fibsem_medulla_2d", "superalloy_sem", "ebc_layers_sem", "texture_collage", "axon_sem")
CHOSEN = {name: SETS[name] for name in NAMES} | {
    PLANT: ImageSet("unlabeled", "regions", REGIONS)
}
COUNTS = "2,3,4,6,8,11,15,20,30,40,60,80,100,150,200,300,400,600"
ROWS = {
    "altitudes": ["--method", "tree_altitude,felzenszwalb"],
    "counts": ["--method", "tree,ucm", "--scales", COUNTS],
    "dsc": ["--method", "dsc", "--superpixels", "slic,ucm", "--scales", "400,100,30"],
}


def take_planes(root: Path, output: Path) -> None:
    """Every eighth plane of the stack of plant cells, as an image and a label image each."""
    for kind, dtype in (("images", np.uint8), ("labels", np.uint16)):
        folder = output / PLANT / kind
        folder.mkdir(parents=True, exist_ok=True)
        stack = tifffile.imread(root / STACK.format(kind))
        for number in range(4, len(stack), 8):
            iio.imwrite(folder / f"z{number:02}.png", stack[number].astype(dtype))


def main() -> None:
    """Run the rows asked for on every set, and collect all that are complete."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--rows", default=",".join(ROWS))
    given = parser.parse_args()
    take_planes(given.root, given.scores)
    for row in given.rows.split(","):
        for name, kind in CHOSEN.items():
            folder = given.scores / row / name
            note_commit(folder)
            images = (given.scores if name == PLANT else given.root) / name
            command = [sys.executable, "-m", "napari_dsc", "evaluate", "folder"]
            command += [str(images / part) for part in ("images", "labels")]
            command += ["-o", str(folder), "--zero", kind.zero, *ROWS[row]]
            command += ["--cut.result", kind.result, "--limit", str(given.limit)]
            command += ["--device", "cpu", "--processes", "1", "--quiet"]
            subprocess.run(command, check=True)
            RESULTS.write_text(json.dumps(collect(given.scores), indent=1) + "\n")


def collect(scores: Path) -> dict[str, object]:
    """Best scores of every method that is complete, by set."""
    sets = {}
    for name, kind in CHOSEN.items():
        rows = []
        for row in ROWS:
            folder = scores / row / name
            if not (folder / "summary.json").exists():
                continue
            summary = json.loads((folder / "summary.json").read_text())
            rows += [
                {key: one[key] for key in ("method", "superpixels", "images")}
                | {"seconds_an_image": one["seconds_an_image"]}
                | {"best": {key: one["best"][key] for key in kind.scores}}
                | {"commit": (folder / "commit").read_text(), "device": summary["device"]}
                for one in summary["rows"]
            ]
        sets[name] = {"zero": kind.zero, "result": kind.result, "rows": rows}
    return {"command": command_line(), "sets": sets}


if __name__ == "__main__":
    main()
