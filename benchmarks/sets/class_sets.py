"""The class tree beside its rivals on image sets whose labels are classes.

    python -m benchmarks.sets.class_sets micro scores-classes

`micro` holds a folder for each set with ``images`` and ``labels``. The first, third, ... image
of a set is for tuning, the others are for reporting; a set of one image is only reported. The
script runs ``napari-dsc evaluate folder`` once for each set and row of methods, into a folder
of its own inside the second; a run that was stopped goes on where it was. What is known so far
goes into results/sets/class_sets.json, or class_sets_tuning.json with ``--half tuning``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.commands import command_line, evaluate, scores_parser, summary_of
from benchmarks.report import write_known
from benchmarks.sets.micro import COUNTS, FEW, SETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

NAMES = (
    "axon_sem",
    "ebc_layers_sem",
    "s2_ndvi_landcover",
    "sandstone_ct",
    "superalloy_sem",
    "texture_collage",
)
MEASURES = ("sc", "pri", "vi", "ari")
LOWER_IS_BETTER = ("vi",)


class Row(NamedTuple):
    """Flags of ``napari-dsc evaluate``, and the scale that the method has by default."""

    flags: tuple[str, ...]
    default: float


KMEANS = ("--method", "kmeans_rgb", "--scales", FEW, "--superpixel.n-superpixels")
CLASSES = ("--method", "classes", "--class.grain")
ROWS = {
    "kmeans-100": Row((*KMEANS, "100"), 8),
    "kmeans-2500": Row((*KMEANS, "2500"), 8),
    "otsu": Row(("--method", "multi_otsu"), 3),
    "felzenszwalb": Row(("--method", "felzenszwalb"), 400),
    "tree-altitude": Row(("--method", "tree_altitude"), 1.7),
    "tree-number": Row(("--method", "tree", "--scales", COUNTS), 20),
    "cut": Row(("--method", "dsc", "--scales", "100,50,20,10"), 100),
    "classes-fine": Row((*CLASSES, "fine"), 0),
    "classes-texture": Row((*CLASSES, "texture"), 0),
    "classes-regions": Row((*CLASSES, "regions"), 0),
}
GRAINS = ("classes-fine", "classes-texture")
RIVALS = tuple(name for name in ROWS if not name.startswith("classes"))


def half_of(folder: Path, half: str, output: Path) -> Path:
    """Folder with links to every second image of a set and to its labels."""
    images = sorted((folder / "images").iterdir())
    chosen = images[1::2] or images if half == "reporting" else images[0::2]
    for image in chosen:
        [labels] = (folder / "labels").glob(f"{image.stem}.*")
        for path in (image, labels):
            link = output / path.parent.name / path.name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(path.resolve())
    return output


def main() -> None:
    """Run the rows asked for on every set, and collect all that are complete."""
    parser = scores_parser(__doc__, ROWS)
    parser.add_argument("--half", choices=("reporting", "tuning"), default="reporting")
    parser.add_argument("--weights", default="", help="of the class tree")
    given = parser.parse_args()
    scores = given.scores / given.half
    for row in given.rows.split(","):
        for name in NAMES:
            folder = half_of(given.root / name, given.half, scores / "images" / name)
            words = ["folder", str(folder / "images"), str(folder / "labels"), "--quiet"]
            words += ["--zero", SETS[name].zero, *ROWS[row].flags]
            words += ["--axes", SETS[name].axes] if SETS[name].axes else []
            words += ["--weights", given.weights] if given.weights else []
            evaluate(words, scores / row / name, given)
        suffix = "" if given.half == "reporting" else "_tuning"
        write_known(f"sets/class_sets{suffix}", collect(scores))


def collect(scores: Path) -> dict[str, Any]:
    """Best and default scores of each set and row, their means, and the lines won."""
    rows = {row: _of_row(scores / row, one.default) for row, one in ROWS.items()}
    known = {row: of_sets for row, of_sets in rows.items() if len(of_sets) == len(NAMES)}
    if all(row in known for row in GRAINS):
        known["classes"] = {name: _chosen(name, known) for name in NAMES}
    means = {
        row: {
            kind: {
                key: float(np.mean([one[kind][key] for one in found.values()]))
                for key in MEASURES
            }
            for kind in ("best", "default")
        }
        for row, found in known.items()
    }
    won = {
        kind: {row: _lines_won(known, row, kind) for row in RIVALS if row in known}
        for kind in ("best", "default")
        if "classes" in known
    }
    return {"command": command_line(), "sets": known, "means": means, "lines_won": won}


def _of_row(folder: Path, default: float) -> dict[str, Any]:
    """Scores of the sets that are complete: at the best scale, and at the default."""
    found = {}
    for name in NAMES:
        summary = summary_of(folder / name)
        for row in summary.get("rows", []):
            scales = {one["scale"]: one for one in row["scales"]}
            fixed = [one for scale, one in scales.items() if scale]  # 0 differs by image
            found[name] = {
                "images": row["images"],
                "seconds_an_image": row["seconds_an_image"],
                "best": {key: _better(key)(one[key] for one in fixed) for key in MEASURES},
                "default": {key: scales[default][key] for key in MEASURES},
                "commit": summary["commit"],
            }
    return found


def _chosen(name: str, known: dict[str, Any]) -> dict[str, Any]:
    """Scores of the class tree with the better grain of a set, and with its defaults."""
    fine, texture = (known[row][name] for row in GRAINS)
    better = {key: _better(key)((fine["best"][key], texture["best"][key])) for key in MEASURES}
    return {"best": better, "default": fine["default"]}


def _better(key: str) -> Callable[[Iterable[float]], float]:
    """Choice of the better of several scores."""
    return min if key in LOWER_IS_BETTER else max


def _lines_won(known: dict[str, Any], row: str, kind: str) -> int:
    """Number of sets and measures in which the class tree is ahead of a rival."""
    return sum(
        (known["classes"][name][kind][key] > known[row][name][kind][key])
        != (key in LOWER_IS_BETTER)
        for name in NAMES
        for key in MEASURES
    )


if __name__ == "__main__":
    main()
