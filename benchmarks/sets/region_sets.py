"""The merge tree, DSC and both together on image sets whose labels are regions.

    python -m benchmarks.sets.region_sets micro scores-regions --limit 3

runs ``napari-dsc evaluate folder`` on each set of `micro` once for each row of methods, into a
folder of its own inside the second; a run that was stopped goes on where it was. Of the stack
of plant cells every eighth plane is taken, because the cut takes planes only. What is known so
far goes into results/sets/region_sets.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import imageio.v3 as iio
import numpy as np
import tifffile

from benchmarks.commands import command_line, evaluate, scores_parser, summary_of
from benchmarks.report import write_known
from benchmarks.sets.micro import OVULE, REGIONS, SETS, ImageSet

if TYPE_CHECKING:
    from pathlib import Path

PLANT = "plant_ovule_planes"
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
        stack = tifffile.imread(root / OVULE.format(kind))
        for number in range(4, len(stack), 8):
            iio.imwrite(folder / f"z{number:02}.png", stack[number].astype(dtype))


def main() -> None:
    """Run the rows asked for on every set, and collect all that are complete."""
    parser = scores_parser(__doc__, ROWS)
    parser.set_defaults(device="cpu", processes=1)
    parser.add_argument("--limit", type=int, default=0)
    given = parser.parse_args()
    take_planes(given.root, given.scores)
    for row in given.rows.split(","):
        for name, kind in CHOSEN.items():
            folder = (given.scores if name == PLANT else given.root) / name
            words = ["folder", str(folder / "images"), str(folder / "labels")]
            words += ["--limit", str(given.limit), "--zero", kind.zero, "--quiet"]
            words += ["--cut.result", kind.result, *ROWS[row]]
            evaluate(words, given.scores / row / name, given)
            write_known("sets/region_sets", collect(given.scores))


def collect(scores: Path) -> dict[str, object]:
    """Best scores of every method that is complete, by set."""
    sets = {}
    for name, kind in CHOSEN.items():
        rows = []
        for row in ROWS:
            summary = summary_of(scores / row / name)
            rows += [
                {key: one[key] for key in ("method", "superpixels", "images")}
                | {"seconds_an_image": one["seconds_an_image"]}
                | {"best": {key: one["best"][key] for key in kind.scores}}
                | {"commit": summary["commit"], "device": summary["device"]}
                for one in summary.get("rows", [])
            ]
        sets[name] = {"zero": kind.zero, "result": kind.result, "rows": rows}
    return {"command": command_line(), "sets": sets}


if __name__ == "__main__":
    main()
