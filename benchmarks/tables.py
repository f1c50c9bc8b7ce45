"""Score DSC and its rivals on the Berkeley data set, for the paper's tables I to IV.

    python -m benchmarks.tables BSDS500 scores --every 4
    python -m benchmarks.tables BSDS500 scores --every 4 --rows dsc-slic

runs ``napari-dsc evaluate bsds500`` once for each row below, into a folder of its own inside
`scores`, with the commits it was computed at. A row that was stopped goes on where it was; one
that is complete is only read. What is known so far goes into results/tables.json, from which
docs/results.md is rendered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.commands import evaluate, scores_parser, summary_of
from benchmarks.report import known_results, write_known

if TYPE_CHECKING:
    from pathlib import Path

COUNTS = ["--scales", "100,50,20,10"]
# spelled out, so that another default does not change the tables
SMOOTHED = ["--superpixel.source", "smoothed"]
ORIGINAL = ["--superpixel.source", "original"]
SLIC_100 = ["--superpixels", "slic", "--superpixel.n-superpixels", "100"]
KINDS = "slic,egb,mean_shift"
# the paper's cut, with convolutions in bfloat16: twice as fast, the scores alike
CUT = ["--preset", "paper", "--cut.precision", "bfloat16"]
DSC = ["--method", "dsc", *CUT, *COUNTS]
# the plugin's own cut, on superpixels as in the paper
FAST = ["--method", "dsc", "--preset", "fast", *SMOOTHED, *COUNTS]

BACKPROP = ["--backprop.precision", "bfloat16"]
MUMFORD_SHAH = ["--method", "mumford_shah_loss", "--mumford-shah.precision", "bfloat16"]
CLUSTERS = "kmeans_rgb,ncut_rgb,kmeans_deep,ncut_deep"

ROWS: dict[str, list[str]] = {
    "superpixels-img": ["--method", KINDS, *ORIGINAL, *COUNTS],
    "superpixels-superae": ["--method", KINDS, *SMOOTHED, *COUNTS],
    "hierarchies": ["--method", "gpb_owt_ucm,ucm,ucm_altitude,mumford_shah_tree"],
    "egb": ["--method", "felzenszwalb"],
    "mean_shift": ["--method", "mean_shift_plain"],
    "ncut": ["--method", "ncut", *SLIC_100, *ORIGINAL],
    "clusters": ["--method", CLUSTERS, *SLIC_100, *SMOOTHED],
    "dsc-slic": [*DSC, "--superpixels", "slic"],
    "dsc-mean_shift": [*DSC, "--superpixels", "mean_shift"],
    "dsc-egb": [*DSC, "--superpixels", "egb"],
    "dsc-partitions": ["--method", "dsc_partitions", *CUT, *SLIC_100],
    "default": ["--method", "dsc", *COUNTS],
    "fast-slic": [*FAST, "--superpixels", "slic"],
    "fast-ucm": [*FAST, "--superpixels", "ucm"],
    "fast-mean_shift": [*FAST, "--superpixels", "mean_shift"],
    "fast-egb": [*FAST, "--superpixels", "egb"],
    "fast-partitions": ["--method", "dsc_partitions", "--preset", "fast", *SLIC_100, *SMOOTHED],
    "tree": ["--method", "tree,tree_altitude"],
    # for all validation images: --every 1
    "tree-val": ["--method", "gpb_owt_ucm,tree_altitude"],
    "backprop": ["--method", "backprop", *BACKPROP, *SLIC_100, *SMOOTHED],
    "mumford_shah_loss": [*MUMFORD_SHAH, "--scales", "2,4"],
    "one_segment": ["--method", "ucm", "--scales", "1"],
    "cae_tvl": ["--method", "cae_tvl"],
    "wnet": ["--method", "wnet"],
}


def main() -> None:
    """Run the rows asked for, and collect all that are complete."""
    parser = scores_parser(__doc__, ROWS)
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    for row in given.rows.split(","):
        words = ["bsds500", str(given.root), "--every", str(given.every), *ROWS[row]]
        evaluate(words, given.scores / row, given)
    write_known("tables", collect(given.scores))


def collect(scores: Path) -> dict[str, object]:
    """Summaries of all complete rows, each with its command and commit; others stay."""
    collected: dict[str, object] = known_results("tables")
    for row in ROWS:
        summary = summary_of(scores / row)
        for one in summary.get("rows", []):  # the means at each scale stay in the folder
            del one["scales"]
        collected |= {row: summary} if summary else {}
    return collected


if __name__ == "__main__":
    main()
