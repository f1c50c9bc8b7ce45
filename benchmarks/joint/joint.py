"""Score the cut of folders, jointly and image by image.

    python -m benchmarks.joint.joint micro

runs `napari_dsc.iter_joint` on sets of `micro` that have nuclei, and `napari_dsc.segment` on
each image. A class counts as nuclei where most of its pixels are. `chosen once` decides that in
the image with most nuclei and gives the Dice of these classes in all other images;
`chosen anew` decides in each. Scores go into results/joint/joint.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import imageio.v3 as iio
import numpy as np

import napari_dsc
from benchmarks.commands import argument_parser
from benchmarks.joint.series import dice, nuclear_classes
from benchmarks.report import Row, write_rows
from napari_dsc import Settings, SuperpixelParams
from napari_dsc.machine.progress import exhausted
from napari_dsc.segmenting.joint import Files, JointRun
from napari_dsc.segmenting.stages import Stages

if TYPE_CHECKING:
    from pathlib import Path

SETS = ("dsb2018_fluo", "dsb2018_histology")
SUPERPIXELS = SuperpixelParams(n_superpixels=300)


def one_by_one(paths: list[Path]) -> list[np.ndarray]:
    """Labels of images cut each by a network of its own."""
    return [napari_dsc.segment(path, superpixel_params=SUPERPIXELS).labels for path in paths]


def jointly(paths: list[Path]) -> list[np.ndarray]:
    """Labels in common classes."""
    return [
        found.labels for found in napari_dsc.iter_joint(paths, superpixel_params=SUPERPIXELS)
    ]


def jointly_unlike(paths: list[Path]) -> list[np.ndarray]:
    """Labels in common classes, of images that are stretched each by itself."""
    settings = Settings(superpixel_params=SUPERPIXELS)
    files = Files(paths, settings)
    exhausted(files.iter_survey())
    files.normalization = {}
    joint = JointRun(files, Stages(settings))
    learned = exhausted(joint.iter_learning())
    runs = [joint.run(place) for place in range(len(paths))]
    return [run.result(exhausted(run.iter_classes(learned))).labels for run in runs]


HOW = {
    "jointly": jointly,
    "jointly, stretched one by one": jointly_unlike,
    "one by one": one_by_one,
}


def scores_of(labels: list[np.ndarray], are_nuclei: list[np.ndarray]) -> dict[str, float]:
    """Dice with classes chosen in one image, and in each."""
    fullest = int(np.argmax([one.sum() for one in are_nuclei]))
    pairs = list(zip(labels, are_nuclei, strict=True))
    chosen = nuclear_classes(*pairs.pop(fullest))
    once = [np.isin(one, chosen).ravel() for one, _ in pairs]
    anew = [np.isin(one, nuclear_classes(one, wanted)).ravel() for one, wanted in pairs]
    wanted = np.concatenate([each.ravel() for _, each in pairs])
    return {
        "chosen once": round(dice(np.concatenate(once), wanted), 3),
        "chosen anew": round(dice(np.concatenate(anew), wanted), 3),
    }


def main() -> None:
    """Cut and score all sets in all ways."""
    root = argument_parser(__doc__, "root").parse_args().root
    rows: list[Row] = []
    for name in SETS:
        paths = sorted((root / name / "images").iterdir())
        are_nuclei = [iio.imread(root / name / "labels" / path.name) > 0 for path in paths]
        for how, cut in HOW.items():
            scores = scores_of(cut(paths), are_nuclei)
            rows.append({"images": f"{name}, {len(paths)}", "cut": how, **scores})
    write_rows("joint/joint", rows)


if __name__ == "__main__":
    main()
