"""Score DSC and its rivals on labeled image sets of microscopy and materials science.

    python -m benchmarks.sets.micro micro scores-micro --limit 3

`micro` holds a folder for each set with ``images`` and ``labels``. The script runs ``napari-dsc
evaluate folder`` once for each set and row of methods, into a folder of its own inside the
second; a run that was stopped goes on where it was. Of a set in `TAKEN` some files, planes or
frames are put into the folder ``sets`` there first. What is known so far goes into
results/sets/micro.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tifffile

from benchmarks.commands import command_line, evaluate, scores_parser, summary_of
from benchmarks.report import known_results, write_known

if TYPE_CHECKING:
    from pathlib import Path


class Numbers(NamedTuple):
    """Superpixels to choose the best number from, and those that k-means and Backprop merge."""

    superpixels: str = "100,50,20,10"
    merged: int = 100


class ImageSet(NamedTuple):
    """What the labels of a set mean, and the scores that say most there."""

    zero: str
    result: str
    scores: tuple[str, ...]
    numbers: Numbers = Numbers()
    axes: str = ""


class Taken(NamedTuple):
    """What of a file makes up a set: so many planes of a stack, or every frame by itself."""

    path: str
    n_planes: int = 0
    are_frames: bool = False


REGIONS, OBJECTS = ("sc", "pri", "vi", "ari"), ("dice", "ap50")
FINE, DEEP = Numbers("1000,300,100,30", 300), Numbers("1000,500,200", 500)
SETS = {
    "axon_sem": ImageSet("region", "classes", REGIONS),
    "ebc_layers_sem": ImageSet("unlabeled", "classes", REGIONS),
    "fibsem_medulla_2d": ImageSet("unlabeled", "regions", REGIONS),
    "sandstone_ct": ImageSet("region", "classes", REGIONS),
    "superalloy_sem": ImageSet("region", "classes", REGIONS),
    "texture_collage": ImageSet("region", "classes", REGIONS),
    "dsb2018_brightfield": ImageSet("background", "classes", OBJECTS, FINE),
    "dsb2018_fluo": ImageSet("background", "classes", OBJECTS, FINE),
    "dsb2018_histology": ImageSet("background", "classes", OBJECTS, FINE),
    "usiigaci_phase": ImageSet("background", "classes", OBJECTS, FINE),
    "timelapse_2dt": ImageSet("background", "classes", OBJECTS, FINE),
    "imc_pancreas_5ch": ImageSet("background", "regions", ("ari", "ap50_labels"), FINE, "CYX"),
    "s2_ndvi_landcover": ImageSet("unlabeled", "classes", ("ari", "pri"), FINE, "CYX"),
    "fibsem_medulla_3d": ImageSet("unlabeled", "regions", REGIONS, DEEP, "ZYX"),
    "plant_ovule_3d_cells": ImageSet("unlabeled", "regions", REGIONS, DEEP, "ZYX"),
    "plant_ovule_3d_nuclei": ImageSet("background", "classes", OBJECTS, DEEP, "ZYX"),
    "mouse_embryo_3d": ImageSet("background", "classes", OBJECTS, DEEP, "ZYX"),
}
# files of stacks; {} is "images" or "labels"
OVULE = "plant_ovule_3d/{}/ovule_cells_left.tif"
FIBSEM = "fibsem_medulla_3d/{}/medulla_z000_100.tif"
EMBRYO = "mouse_embryo_3d/{}/8_cell_stage.tif"
TAKEN = {
    "timelapse_2dt": Taken("timelapse_2dt/{}/mcf7_nuclei_t6.tif", are_frames=True),
    "fibsem_medulla_3d": Taken(FIBSEM, n_planes=20),
    "plant_ovule_3d_cells": Taken(OVULE, n_planes=32),
    "plant_ovule_3d_nuclei": Taken("plant_ovule_3d/{}/ovule_nuclei_1135.tif", n_planes=100),
}
COUNTS = "2,3,4,6,8,11,15,20,30,40,60,80,100,150,200,300,400,600"
ROWS = {
    "intensities": "multi_otsu",
    "kmeans": "kmeans_rgb",
    "mean_shift": "mean_shift",
    "planes": "felzenszwalb,mumford_shah_tree",
    "mean_shift_plain": "mean_shift_plain",
    "stacks": "egb",
    "tree": "tree",
    "dsc": "dsc",
    "classes": "classes",
    "backprop": "backprop",
}
BY_NUMBER = ("mean_shift", "stacks", "dsc")
PLANES_ONLY = ("planes", "mean_shift_plain")
FEW = "2,3,4,5,6,8,12,16,32,64"  # as few classes as other methods may have
SCALES = {"tree": COUNTS, "kmeans": FEW}


def truth_of(root: Path, path: str) -> np.ndarray:
    """Labels of a stack that somebody drew, (Z, Y, X) int64."""
    labels: np.ndarray = tifffile.imread(root / path.format("labels")).astype(np.int64)
    return labels


def folder_of(name: str, root: Path, scores: Path) -> Path:
    """Folder of a set; what is taken of a file is written first."""
    if name not in TAKEN:
        return root / name
    one = TAKEN[name]
    folder = scores / "sets" / name
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        whole = tifffile.imread(root / one.path.format(kind))
        parts = whole if one.are_frames else whole[None, : one.n_planes]
        for number, part in enumerate(parts):
            axes = {"axes": "ZYX"[-part.ndim :]}
            path = folder / kind / f"{number:03}.tif"
            tifffile.imwrite(path, np.ascontiguousarray(part), metadata=axes)
    return folder


def is_for(row: str, kind: ImageSet) -> bool:
    """Whether a row of methods divides such images."""
    is_stack = "Z" in kind.axes
    return is_stack if row == "stacks" else not (is_stack and row in PLANES_ONLY)


def flags_of(row: str, kind: ImageSet) -> list[str]:
    """Flags of a row of methods for a set."""
    flags = ["--method", ROWS[row], "--zero", kind.zero, "--cut.result", kind.result]
    if row in BY_NUMBER:
        flags += ["--scales", kind.numbers.superpixels]
    elif row in SCALES:
        flags += ["--scales", SCALES[row]]
    flags += ["--superpixel.n-superpixels", str(kind.numbers.merged)]
    flags += ["--cut.precision", "bfloat16"]
    if kind.numbers != Numbers():
        flags += ["--backprop.precision", "bfloat16"]  # twice as fast, the scores alike
    return flags + (["--axes", kind.axes] if kind.axes else [])


def main() -> None:
    """Run the rows asked for on every set, and collect all that are complete."""
    parser = scores_parser(__doc__, ROWS)
    parser.add_argument("--limit", type=int, default=0)
    given = parser.parse_args()
    for row in given.rows.split(","):
        for name, kind in SETS.items():
            if not is_for(row, kind):
                continue
            folder = folder_of(name, given.root, given.scores)
            words = ["folder", str(folder / "images"), str(folder / "labels")]
            words += ["--limit", str(given.limit), *flags_of(row, kind)]
            evaluate(words, given.scores / row / name, given)
            write_known("sets/micro", collect(given.scores))


def collect(scores: Path) -> dict[str, object]:
    """Scores that say most of each set, for every method that is complete; others stay."""
    before = known_results("sets/micro").get("sets", {})
    sets: dict[str, object] = {}
    for name, kind in SETS.items():
        rows = {one["method"]: one for one in before.get(name, {"rows": []})["rows"]}
        for row in ROWS:
            summary = summary_of(scores / row / name)
            for method in summary.get("rows", []):
                best = {key: method["best"][key] for key in kind.scores}
                rows[method["method"]] = {
                    "method": method["method"],
                    "images": method["images"],
                    "failed": method["failed"],
                    "seconds_an_image": method["seconds_an_image"],
                    "best": best,
                    "command": command_line(),
                    "commit": summary["commit"],
                    "device": summary["device"],
                }
        found = {"zero": kind.zero, "result": kind.result, "rows": list(rows.values())}
        sets[name] = found
    return {"sets": sets}


if __name__ == "__main__":
    main()
