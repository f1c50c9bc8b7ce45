"""Score DSC and its rivals on labelled image sets of microscopy and materials science.

    python benchmarks/micro.py micro scores-micro --limit 3

`micro` holds a folder for each set with ``images`` and ``labels``. The script runs ``napari-dsc
evaluate folder`` once for each set and row of methods, into a folder of its own inside the
second; a run that was stopped goes on where it was. What is known so far goes into
results/micro.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from report import command_line
from tables import note_commit

RESULTS = Path(__file__).parent / "results" / "micro.json"


class ImageSet(NamedTuple):
    """What the labels of a set mean, and the scores that say most there."""

    zero: str
    result: str
    scores: tuple[str, ...]


REGIONS, OBJECTS = ("sc", "pri", "vi", "ari"), ("dice", "ap50")
SETS = {
    "axon_sem": ImageSet("region", "classes", REGIONS),
    "ebc_layers_sem": ImageSet("unlabelled", "classes", REGIONS),
    "fibsem_medulla_2d": ImageSet("unlabelled", "regions", REGIONS),
    "sandstone_ct": ImageSet("region", "classes", REGIONS),
    "superalloy_sem": ImageSet("region", "classes", REGIONS),
    "texture_collage": ImageSet("region", "classes", REGIONS),
    "dsb2018_brightfield": ImageSet("background", "classes", OBJECTS),
    "dsb2018_fluo": ImageSet("background", "classes", OBJECTS),
    "dsb2018_histology": ImageSet("background", "classes", OBJECTS),
    "usiigaci_phase": ImageSet("background", "classes", OBJECTS),
}
ROWS = {
    "quick": "felzenszwalb,mean_shift,multi_otsu,kmeans_rgb,mumford_shah_tree",
    "dsc": "dsc",
    "backprop": "backprop",
}
SCALES = {"dsc": "100,50,20,10", "quick": "", "backprop": ""}


def main() -> None:
    """Run the rows asked for on every set, and collect all that are complete."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--processes", type=int, default=0)
    parser.add_argument("--rows", default=",".join(ROWS))
    given = parser.parse_args()
    for row in given.rows.split(","):
        for name, kind in SETS.items():
            folder = given.scores / row / name
            note_commit(folder)
            images = [str(given.root / name / part) for part in ("images", "labels")]
            command = [sys.executable, "-m", "napari_dsc", "evaluate", "folder", *images]
            command += ["-o", str(folder), "--method", ROWS[row], "--zero", kind.zero]
            command += ["--scales", SCALES[row]] if SCALES[row] else []
            command += ["--cut.result", kind.result, "--cut.precision", "bfloat16"]
            command += ["--limit", str(given.limit), "--device", given.device]
            command += ["--processes", str(given.processes)]
            subprocess.run(command, check=True)
    RESULTS.write_text(json.dumps(collect(given.scores), indent=1) + "\n")


def collect(scores: Path) -> dict[str, object]:
    """Scores that say most of each set, for every method that is complete."""
    sets: dict[str, object] = {}
    for name, kind in SETS.items():
        rows = []
        for row in ROWS:
            folder = scores / row / name
            if not (folder / "summary.json").exists():
                continue
            summary = json.loads((folder / "summary.json").read_text())
            for method in summary["rows"]:
                best = {key: method["best"][key] for key in kind.scores}
                rows.append(
                    {
                        "method": method["method"],
                        "images": method["images"],
                        "seconds_an_image": method["seconds_an_image"],
                        "best": best,
                        "commit": (folder / "commit").read_text(),
                        "device": summary["device"],
                    }
                )
        sets[name] = {"zero": kind.zero, "result": kind.result, "rows": rows}
    return {"command": command_line(), "sets": sets}


if __name__ == "__main__":
    main()
