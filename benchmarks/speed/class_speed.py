"""Processor seconds of the class tree beside the merge tree and the cut.

    python -m benchmarks.speed.class_speed BSDS500 --every 10

segments images of the validation split by each method in turn, in one process with one thread,
and measures how long another number of classes or regions takes. The same is done for an image
of two megapixels. Medians go into results/speed/class_speed.json.
"""

from __future__ import annotations

from functools import partial

import numpy as np

import napari_dsc
from benchmarks.report import Row, bsds_parser, selected_samples, timed, write_rows
from napari_dsc import Settings
from napari_dsc.files import read_image

METHODS = ("tree", "classes", "dsc")
LEVELS = (3, 7, 20)
LARGE = (1200, 1700)  # two megapixels


def seconds_of(image: np.ndarray, method: str) -> float:
    """Seconds of one run, without loading the network."""
    return timed(lambda: napari_dsc.segment(image, Settings(method=method, device="cpu")))[1]


def milliseconds_of_a_level(image: np.ndarray) -> tuple[float, float]:
    """Time of another number of classes, and of another number of regions, in milliseconds."""
    result = napari_dsc.segment(image, method="classes", device="cpu")
    _ = result.classes(2), result.regions(2)  # what is computed once
    found = [
        [1000 * timed(partial(call, n))[1] for n in LEVELS]
        for call in (result.classes, result.regions)
    ]
    return float(np.median(found[0])), float(np.median(found[1]))


def main() -> None:
    """Measure all, and write the table."""
    parser = bsds_parser(__doc__, every=10)
    parser.set_defaults(threads=1)
    samples = selected_samples(parser.parse_args())
    images = [read_image(sample.image).pixels for sample in samples]
    for method in METHODS:  # loads what is loaded once
        seconds_of(images[0][:64, :64], method)
    runs: dict[str, list[float]] = {method: [] for method in METHODS}
    for image in images:
        for method in METHODS:
            runs[method].append(seconds_of(image, method))
    medians = {method: float(np.median(found)) for method, found in runs.items()}
    levels = np.median([milliseconds_of_a_level(image) for image in images[:3]], axis=0)
    tiled = np.tile(images[0], (6, 6, 1))[: LARGE[0], : LARGE[1]]
    of_large = milliseconds_of_a_level(tiled)
    rows: list[Row] = [
        {"": f"{method}, s a photograph", "median": round(one, 2)}
        for method, one in medians.items()
    ]
    ratio = [b / a for a, b in zip(runs["tree"], runs["classes"], strict=True)]
    rows += [
        {"": "classes over tree", "median": round(float(np.median(ratio)), 2)},
        {"": "another number of classes, ms a photograph", "median": round(levels[0], 1)},
        {"": "another number of regions, ms a photograph", "median": round(levels[1], 1)},
        {"": "another number of classes, ms at 2 megapixels", "median": round(of_large[0], 1)},
        {"": "another number of regions, ms at 2 megapixels", "median": round(of_large[1], 1)},
    ]
    write_rows("speed/class_speed", rows)


if __name__ == "__main__":
    main()
