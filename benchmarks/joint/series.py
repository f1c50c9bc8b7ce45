"""Score the cut of series and stacks, together and apart.

    python -m benchmarks.joint.series micro

runs `napari_dsc.segment` on sets of `micro` that have nuclei. A class counts as nuclei where
most of its pixels are. `chosen once` decides that in the image with most nuclei and
gives the Dice of these classes in all other images: the stability of classes.
`chosen anew` decides in each image. Scores go into results/joint/series.json.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import tifffile

import napari_dsc
from benchmarks.commands import argument_parser
from benchmarks.report import Row, write_rows
from benchmarks.sets.micro import EMBRYO
from napari_dsc import CutParams, SuperpixelParams


class Nuclei(NamedTuple):
    """A set with nuclei, and the superpixels of its whole and of an image of it."""

    path: str
    axes: str
    spacing: tuple[float, ...]
    n_together: int
    n_apart: int


SETS = {
    "mcf7, 6 frames": Nuclei("timelapse_2dt/{}/mcf7_nuclei_t6.tif", "TYX", (), 400, 400),
    "mouse_embryo_3d, 51 planes": Nuclei(EMBRYO, "ZYX", (1.75, 0.8, 0.8), 1000, 100),
}


def dice(found: np.ndarray, wanted: np.ndarray) -> float:
    """Overlap of two sets of pixels."""
    return float(2 * (found & wanted).sum() / (found.sum() + wanted.sum()))


def nuclear_classes(labels: np.ndarray, is_nucleus: np.ndarray) -> np.ndarray:
    """Classes that lie in nuclei for the most part."""
    inside = np.bincount(labels.ravel(), is_nucleus.ravel())
    return np.flatnonzero(inside > np.bincount(labels.ravel()) / 2)


def scores_of(labels: np.ndarray, is_nucleus: np.ndarray) -> dict[str, float]:
    """Dice with classes chosen in one image, and in each, (T, Y, X) or (Z, Y, X)."""
    fullest = int(is_nucleus.sum((1, 2)).argmax())
    others = np.arange(len(labels)) != fullest
    once = np.isin(labels, nuclear_classes(labels[fullest], is_nucleus[fullest]))
    anew = [
        np.isin(one, nuclear_classes(one, wanted))
        for one, wanted in zip(labels, is_nucleus, strict=True)
    ]
    return {
        "chosen once": round(dice(once[others], is_nucleus[others]), 3),
        "chosen anew": round(dice(np.stack(anew)[others], is_nucleus[others]), 3),
    }


def main() -> None:
    """Cut and score all sets both ways."""
    root = argument_parser(__doc__, "root").parse_args().root
    rows: list[Row] = []
    for name, one in SETS.items():
        is_nucleus = tifffile.imread(root / one.path.format("labels")) > 0
        for how, count in (("together", one.n_together), ("apart", one.n_apart)):
            start = time.perf_counter()
            result = napari_dsc.segment(
                root / one.path.format("images"),
                axes=one.axes,
                spacing=one.spacing,
                superpixel_params=SuperpixelParams(n_superpixels=count),
                cut_params=CutParams(series=how),  # type: ignore[arg-type]
            )
            seconds = round(time.perf_counter() - start, 1)
            scores = scores_of(result.labels, is_nucleus)
            rows.append({"images": name, "cut": how, **scores, "s": seconds})
    write_rows("joint/series", rows)


if __name__ == "__main__":
    main()
