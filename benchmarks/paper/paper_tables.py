"""Tables I to IV of the paper with our figures, as Markdown.

Our figures come from results/paper/table1.json, results/paper/table1_cut.json and
results/tables.json; the paper's stand here. A row that has not been computed is left empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.paper.table1 import SCALES
from benchmarks.report import known_results, seconds_an_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MEASURES = ("sc", "pri", "vi")
AGAINST = (
    ("DSC on SLIC, fast cut", "fast-slic", "dsc"),
    ("NCuts", "ncut", "ncut"),
    ("EGB, plain", "egb", "felzenszwalb"),
    ("mean shift, plain", "mean_shift", "mean_shift_plain"),
    ("CAE-TVL", "cae_tvl", "cae_tvl"),
    ("Backprop", "backprop", "backprop"),
    ("hierarchy of mean gradients, by number", "hierarchies", "ucm"),
    ("hierarchy of mean gradients, by gradient", "hierarchies", "ucm_altitude"),
    ("Mumford-Shah hierarchy", "hierarchies", "mumford_shah_tree"),
)
HEAD = "SC | paper | PRI | paper | VI | paper | scales | s/image | images"


class Stage(NamedTuple):
    """One line of Table I: what it is called, where our figures are, and the paper's.

    ``paper`` holds OIS of SC, PRI and VI; a line that the paper does not have has none.
    """

    title: str
    file: str
    row: str
    paper: tuple[float, ...]


class Line(NamedTuple):
    """One line of a table: what it is called, where our figures are, and the paper's.

    ``paper`` holds ODS and OIS of SC, PRI and VI.
    """

    title: str
    row: str
    method: str
    superpixels: str
    paper: tuple[float, ...]


TABLE_1 = [
    Stage("superpixels of the image", "table1", "IMG", (0.405, 0.761, 3.483)),
    Stage(
        "of the reconstruction (8 epochs)",
        "table1",
        "REC, without template term",
        (0.388, 0.756, 3.622),
    ),
    Stage(
        "the same with the template term (8 epochs)",
        "table1",
        "REC, with template term (lambda-1-epoch-8)",
        (),
    ),
    Stage(
        "with the template term (default weights)",
        "table1",
        "REC, with template term (superae-bsds500)",
        (0.453, 0.769, 3.019),
    ),
    Stage("merged by L1", "table1_cut", "L1", (0.477, 0.769, 2.471)),
    Stage("merged by L1 + L2", "table1_cut", "L1 + L2", (0.488, 0.764, 2.315)),
]
TABLE_2 = [
    Line(
        "SLIC, image", "superpixels-img", "slic", "", (0.354, 0.402, 0.698, 0.726, 2.391, 2.306)
    ),
    Line(
        "SLIC, SuperAE",
        "superpixels-superae",
        "slic",
        "",
        (0.376, 0.415, 0.710, 0.745, 2.360, 2.286),
    ),
    Line("SLIC, DSC", "dsc-slic", "dsc", "slic", (0.428, 0.485, 0.709, 0.742, 2.262, 2.079)),
    Line("SLIC, fast cut", "fast-slic", "dsc", "slic", ()),
    Line(
        "mean shift, image",
        "superpixels-img",
        "mean_shift",
        "",
        (0.515, 0.535, 0.771, 0.805, 2.450, 2.429),
    ),
    Line(
        "mean shift, SuperAE",
        "superpixels-superae",
        "mean_shift",
        "",
        (0.497, 0.550, 0.777, 0.795, 2.162, 2.077),
    ),
    Line(
        "mean shift, DSC",
        "dsc-mean_shift",
        "dsc",
        "mean_shift",
        (0.504, 0.543, 0.739, 0.762, 2.014, 1.849),
    ),
    Line("mean shift, fast cut", "fast-mean_shift", "dsc", "mean_shift", ()),
    Line(
        "EGB, image", "superpixels-img", "egb", "", (0.458, 0.467, 0.770, 0.775, 2.334, 2.325)
    ),
    Line(
        "EGB, SuperAE",
        "superpixels-superae",
        "egb",
        "",
        (0.491, 0.500, 0.774, 0.782, 2.190, 2.180),
    ),
    Line("EGB, DSC", "dsc-egb", "dsc", "egb", (0.506, 0.548, 0.737, 0.779, 1.989, 1.853)),
    Line("EGB, fast cut", "fast-egb", "dsc", "egb", ()),
    Line("merge tree of SuperAE, fast cut", "fast-ucm", "dsc", "ucm", ()),
    Line("merge tree of the image, fast cut (default)", "default", "dsc", "ucm", ()),
]
TABLE_3 = [
    Line(
        "k-means, RGB", "clusters", "kmeans_rgb", "", (0.340, 0.344, 0.708, 0.732, 3.156, 3.146)
    ),
    Line(
        "k-means, deep",
        "clusters",
        "kmeans_deep",
        "",
        (0.375, 0.382, 0.718, 0.739, 2.865, 2.859),
    ),
    Line("NCut, RGB", "clusters", "ncut_rgb", "", (0.414, 0.465, 0.717, 0.771, 2.308, 2.213)),
    Line("NCut, deep", "clusters", "ncut_deep", "", (0.386, 0.423, 0.704, 0.754, 2.433, 2.382)),
    Line(
        "DSC",
        "dsc-partitions",
        "dsc_partitions",
        "",
        (0.452, 0.505, 0.726, 0.778, 2.069, 2.002),
    ),
    Line("DSC, fast cut", "fast-partitions", "dsc_partitions", "", ()),
]
TABLE_4 = [
    Line("one segment", "one_segment", "ucm", "", ()),
    Line("SLIC", "superpixels-img", "slic", "", (0.37, 0.38, 0.74, 0.75, 2.56, 2.50)),
    Line("NCuts", "ncut", "ncut", "", (0.45, 0.53, 0.78, 0.80, 2.23, 1.89)),
    Line("EGB, plain", "egb", "felzenszwalb", "", (0.52, 0.57, 0.80, 0.82, 2.21, 1.87)),
    Line(
        "mean shift, plain",
        "mean_shift",
        "mean_shift_plain",
        "",
        (0.54, 0.58, 0.79, 0.81, 1.85, 1.64),
    ),
    Line("gPb-owt-ucm", "hierarchies", "gpb_owt_ucm", "", (0.59, 0.65, 0.83, 0.86, 1.69, 1.48)),
    Line("CAE-TVL", "cae_tvl", "cae_tvl", "", (0.51, 0.56, 0.79, 0.82, 2.11, 2.02)),
    Line("Backprop", "backprop", "backprop", "", (0.47, 0.50, 0.75, 0.77, 2.18, 2.15)),
    Line(
        "Mumford-Shah loss",
        "mumford_shah_loss",
        "mumford_shah_loss",
        "",
        (0.49, 0, 0.71, 0, 2.20, 0),
    ),
    Line("W-Net", "wnet", "wnet", "", (0.57, 0.62, 0.81, 0.84, 1.76, 1.60)),
    Line("DSC on SLIC", "dsc-slic", "dsc", "slic", ()),
    Line(
        "DSC on mean shift",
        "dsc-mean_shift",
        "dsc",
        "mean_shift",
        (0.56, 0.60, 0.80, 0.83, 1.82, 1.62),
    ),
    Line("DSC, default preset", "default", "dsc", "ucm", ()),
    Line("hierarchy of mean gradients, by number", "hierarchies", "ucm", "", ()),
    Line("hierarchy of mean gradients, by gradient", "hierarchies", "ucm_altitude", "", ()),
    Line("Mumford-Shah hierarchy", "hierarchies", "mumford_shah_tree", "", ()),
    Line("merge tree, by altitude", "tree", "tree_altitude", "", ()),
    Line("merge tree, by number", "tree", "tree", "", ()),
]


def ablation_table() -> str:
    """Table I: OIS over four scales, ours beside the paper's."""
    head = "SC | paper | PRI | paper | VI | paper | segments at each scale | images"
    lines = [f"| stage | {head} |", "|---" * 9 + "|"]
    used = {}
    for stage in TABLE_1:
        result = known_results(f"paper/{stage.file}")
        row = next(one for one in result["rows"] if one[""] == stage.row)
        ours = [f"{row[name]:.3f}" for name in ("SC", "PRI", "VI")]
        papers = [f"{one:.3f}" for one in stage.paper] or [""] * 3
        both = [cell for pair in zip(ours, papers, strict=True) for cell in pair]
        last = [_segments(row), str(row["images"])]
        lines.append(f"| {' | '.join([stage.title, *both, *last])} |")
        used[result["command"]] = (result["commit"], result["device"])
    return "\n".join([*lines, "", *_sources(used)])


def _segments(row: dict[str, Any]) -> str:
    """Numbers of segments at the scales of Table I; one file has them with the scores."""
    scales = [f"scale {scale}: SC / PRI / VI / count" for scale in SCALES]
    counts = [row[scale].rsplit(" / ", 1)[1] for scale in scales if scale in row]
    return " / ".join(counts) or row["segments at each scale"]


def bsds_table(lines: Iterable[Line]) -> str:
    """Ours beside the paper's; each cell is ODS / OIS."""
    results = known_results("tables")
    rows = [f"| method | {HEAD} |", "|---" * 10 + "|"]
    used = {}
    for line in lines:
        row = results.get(line.row, {"rows": []})
        found = [
            one
            for one in row["rows"]
            if one["method"] == line.method and line.superpixels in ("", one["superpixels"])
        ]
        cells = [_ours(found[0] if found else None, key) for key in MEASURES]
        papers = [_pair(line.paper[2 * n : 2 * n + 2], 3) for n in range(3)]
        both = [cell for pair in zip(cells, papers, strict=True) for cell in pair]
        last = _counts(found[0]) if found else [""] * 3
        rows.append(f"| {' | '.join([line.title, *both, *last])} |")
        if found:
            used[row["command"]] = (row["commit"], row["device"])
    return "\n".join([*rows, "", *_sources(used)])


def _ours(found: dict[str, Any] | None, key: str) -> str:
    return (
        ""
        if found is None
        else _pair((found["best"][key]["ods"], found["best"][key]["ois"]), 3)
    )


def _counts(found: dict[str, Any]) -> list[str]:
    """How many scales and images a row has, and the seconds an image took."""
    n_scales = len(found["settings"]["scales"])
    return [str(n_scales), seconds_an_image(found), str(found["images"])]


def _pair(figures: tuple[float, ...], digits: int) -> str:
    return " / ".join(f"{one:.{digits}f}" if one else "-" for one in figures)


def _sources(used: dict[str, tuple[str, dict[str, Any]]]) -> list[str]:
    return [
        f"- `{command}` (commit {commit}, {device['model']} {device['name']}, "
        f"{device['threads']} thread)"
        for command, (commit, device) in used.items()
    ]


def lead_table() -> str:
    """How far the default preset is ahead of others: its scores less theirs."""
    results = known_results("tables")
    default = results["default"]["rows"][0]["best"]
    lines = ["| the default preset against | SC | PRI | VI |", "|---" * 4 + "|"]
    for title, row, method in AGAINST:
        other = next(one for one in results[row]["rows"] if one["method"] == method)["best"]
        leads = [
            [default[key][how] - other[key][how] for how in ("ods", "ois")] for key in MEASURES
        ]
        cells = [" / ".join(f"{one:+.3f}" for one in pair) for pair in leads]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def tree_table() -> str:
    """The merge tree and gPb-owt-ucm on all validation images; each cell is ODS / OIS."""
    row = known_results("tables")["tree-val"]
    lines = ["| method | SC | PRI | VI | thresholds | s/image | images |", "|---" * 7 + "|"]
    for one in row["rows"]:
        cells = [_ours(one, key) for key in MEASURES]
        lines.append(f"| {' | '.join([one['method'], *cells, *_counts(one)])} |")
    return "\n".join([*lines, "", *_sources({row["command"]: (row["commit"], row["device"])})])


TABLES: dict[str, Callable[[], str]] = {
    "tree-bsds500": tree_table,
    "paper-table-1": ablation_table,
    "paper-table-2": lambda: bsds_table(TABLE_2),
    "paper-table-3": lambda: bsds_table(TABLE_3),
    "paper-table-4": lambda: bsds_table(TABLE_4),
    "default-preset": lead_table,
}
