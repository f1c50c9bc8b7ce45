"""Tables of the sets of microscopy and materials science, as Markdown.

Their figures come from results/sets/micro.json and results/sets/region_sets.json. A figure that
has not been computed is left empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.report import known_results, seconds_an_image
from benchmarks.sets.micro import SETS
from napari_dsc.evaluation.measures import MEASURES as TITLES

if TYPE_CHECKING:
    from collections.abc import Callable

SHOWN = (
    "dsc",
    "classes",
    "tree",
    "backprop",
    "felzenszwalb",
    "mean_shift",
    "mean_shift_plain",
    "multi_otsu",
    "kmeans_rgb",
    "mumford_shah_tree",
)
STANDS_FOR = {"egb": "felzenszwalb"}  # in stacks, brought to a number of regions
REGION_MEASURES = ("sc", "pri", "vi", "ari")
# method and kind of superpixels
REGION_WAYS = {
    "tree": ("tree_altitude", ""),
    "tree, by number": ("tree", ""),
    "dsc": ("dsc", "slic"),
    "dsc on the tree": ("dsc", "ucm"),
    "felzenszwalb": ("felzenszwalb", ""),
    "gradients": ("ucm", ""),
}


def micro_table() -> str:
    """One line for each image set and measure, one column for each method."""
    sets = known_results("sets/micro").get("sets", {})
    lines = [
        f"| set | measure | images | {' | '.join(SHOWN)} |",
        "|---" * (3 + len(SHOWN)) + "|",
    ]
    commands = {row["command"]: None for one in sets.values() for row in one["rows"]}
    for name, kind in SETS.items():
        by_method = _by_method(sets, name)
        for key in kind.scores:
            cells = [_cell(by_method.get(method), key) for method in SHOWN]
            images = max((row["images"] for row in by_method.values()), default="")
            lines.append(f"| {name} | {TITLES[key].title} | {images} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(f"- `{command}`" for command in commands)])


def _by_method(sets: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Rows of a set by the column they stand in."""
    rows = sets.get(name, {"rows": []})["rows"]
    return {STANDS_FOR.get(row["method"], row["method"]): row for row in rows}


def against_table() -> str:
    """In how many lines of the table of image sets the cut is ahead of each other method."""
    sets = known_results("sets/micro").get("sets", {})
    lines = ["| the cut against | ahead | behind | of lines |", "|---" * 4 + "|"]
    for method in SHOWN[1:]:
        leads = [lead for name in SETS for lead in _leads(_by_method(sets, name), name, method)]
        counts = (sum(one > 0 for one in leads), sum(one < 0 for one in leads), len(leads))
        lines.append(f"| {method} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)


def _leads(rows: dict[str, dict[str, Any]], name: str, method: str) -> list[float]:
    """By how much the cut is better than a method, at each score of a set; both rounded."""
    if method not in rows:
        return []
    leads = []
    for key in SETS[name].scores:
        ours, theirs = (float(_cell(rows[one], key)) for one in ("dsc", method))
        leads.append(theirs - ours if key == "vi" else ours - theirs)
    return leads


def region_sets_table() -> str:
    """One line for each set of regions and measure, one column for each way."""
    found = known_results("sets/region_sets")
    lines = [
        f"| set | measure | images | {' | '.join(REGION_WAYS)} |",
        "|---" * (3 + len(REGION_WAYS)) + "|",
    ]
    for name, content in found["sets"].items():
        rows = {(one["method"], one["superpixels"]): one for one in content["rows"]}
        images = max(one["images"] for one in content["rows"])
        for key in REGION_MEASURES:
            cells = [_cell(rows.get(which), key) for which in REGION_WAYS.values()]
            lines.append(f"| {name} | {TITLES[key].title} | {images} | {' | '.join(cells)} |")
        cells = [seconds_an_image(rows.get(which)) for which in REGION_WAYS.values()]
        lines.append(f"| {name} | s/image | {images} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"`{found['command']}`"])


def _cell(row: dict[str, Any] | None, key: str) -> str:
    return f"{row['best'][key]['ods']:.3f}" if row else ""


CLASS_ROWS = {
    "kmeans-100": "k-means, 100 superpixels",
    "kmeans-2500": "k-means, 2500 superpixels",
    "otsu": "multi-Otsu",
    "felzenszwalb": "Felzenszwalb",
    "tree-altitude": "merge tree, one altitude",
    "tree-number": "merge tree, one number",
    "cut": "cut (`dsc`)",
    "classes-fine": "class tree, `fine`",
    "classes-texture": "class tree, `texture`",
    "classes": "class tree, grain by set",
}


def class_table() -> str:
    """Means over six sets at the best scale of each and at the default, and lines won."""
    known = known_results("sets/class_sets")
    titles = [TITLES[key].title for key in REGION_MEASURES]
    head = [
        "method",
        *titles,
        *(f"{one}, default" for one in titles),
        "ahead",
        "ahead, default",
    ]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row, title in CLASS_ROWS.items():
        if row not in known["means"]:
            continue
        means, cells = known["means"][row], [title]
        for kind in ("best", "default"):
            cells += [f"{means[kind][key]:.3f}" for key in REGION_MEASURES]
        cells += [str(known["lines_won"][kind].get(row, "")) for kind in ("best", "default")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"`{known['command']}`"])


TABLES: dict[str, Callable[[], str]] = {
    "region-sets": region_sets_table,
    "image-sets": micro_table,
    "image-sets-against": against_table,
    "class-sets": class_table,
}
