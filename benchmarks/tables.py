"""Score DSC and its rivals on the Berkeley data set, for the paper's tables I to IV.

    python benchmarks/tables.py BSDS500 scores --every 4
    python benchmarks/tables.py BSDS500 scores --every 4 --rows dsc-slic

runs ``napari-dsc evaluate bsds500`` once for each row below, into a folder of its own inside
`scores`. A row that was stopped goes on where it was; one that is complete is only read. What
is known so far goes into results/tables.json, from which docs/results.md is rendered.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "tables.json"
COUNTS = ["--scales", "100,50,20,10"]
KINDS = "slic,egb,mean_shift"
# the paper's cut, with convolutions in bfloat16: twice as fast, the scores alike
CUT = ["--method", "dsc", "--cut.precision", "bfloat16", *COUNTS]

ROWS: dict[str, list[str]] = {
    "superpixels-img": ["--method", KINDS, "--superpixel.source", "original", *COUNTS],
    "superpixels-superae": ["--method", KINDS, *COUNTS],
    "hierarchies": ["--method", "gpb_owt_ucm,ucm,ucm_altitude,mumford_shah_tree"],
    "egb": ["--method", "felzenszwalb"],
    "ncut": ["--method", "ncut", "--superpixel.source", "original"],
    "clusters": ["--method", "kmeans_rgb,ncut_rgb,kmeans_deep,ncut_deep"],
    "dsc-slic": [*CUT, "--superpixels", "slic"],
    "dsc-mean_shift": [*CUT, "--superpixels", "mean_shift"],
    "dsc-egb": [*CUT, "--superpixels", "egb"],
    "dsc-partitions": ["--method", "dsc_partitions", "--cut.precision", "bfloat16"],
    "backprop": ["--method", "backprop", "--backprop.precision", "bfloat16"],
    "mumford_shah_loss": ["--method", "mumford_shah_loss", "--scales", "4,8"],
    "cae_tvl": ["--method", "cae_tvl"],
    "wnet": ["--method", "wnet"],
}


def main() -> None:
    """Run the rows asked for, and collect all that are complete."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--processes", type=int, default=0)
    parser.add_argument("--rows", default=",".join(ROWS))
    given = parser.parse_args()
    given.scores.mkdir(parents=True, exist_ok=True)
    for row in given.rows.split(","):
        command = [sys.executable, "-m", "napari_dsc", "evaluate", "bsds500", str(given.root)]
        command += ["-o", str(given.scores / row), "--every", str(given.every)]
        command += ["--device", given.device, "--processes", str(given.processes), *ROWS[row]]
        subprocess.run(command, check=True)
        (given.scores / row / "commit").write_text(commit())
    RESULTS.write_text(json.dumps(collect(given.scores), indent=1) + "\n")


def commit() -> str:
    """Commit of the working tree."""
    here = Path(__file__).parent
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, check=True
    )
    return found.stdout.decode().strip()


def collect(scores: Path) -> dict[str, object]:
    """Summaries of all complete rows, each with its command and commit."""
    collected: dict[str, object] = {}
    for row in ROWS:
        folder = scores / row
        if not (folder / "commit").exists():
            continue
        summary = json.loads((folder / "summary.json").read_text())
        words = [
            Path(word).name if "/" in word else word for word in summary["command"].split()
        ]
        summary["command"] = " ".join(words)
        summary["commit"] = (folder / "commit").read_text()
        for one in summary["rows"]:  # the means at each scale stay in the folder
            del one["scales"]
        collected[row] = summary
    return collected


if __name__ == "__main__":
    main()
