"""How closely every superpixel method meets the number asked for, and how long it takes.

    python benchmarks/superpixel_counts.py BSDS500 --every 10 --output superpixel_counts.json

reads ``BSDS500/data/images/val/*.jpg``, prints a Markdown table and writes it as JSON.
Deviations are shares of the number asked for, seconds those of the processor on an image;
"blurred" is a Gaussian of 1.5 pixels.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TypedDict

import imageio.v3 as iio
import numpy as np
from scipy import ndimage

from napari_dsc.params import SuperpixelParams
from napari_dsc.superpixels import METHODS, over_segment_pixels

COUNTS = (10, 20, 50, 100, 500)
BLURS = {"original": 0.0, "blurred": 1.5}


class Row(TypedDict):
    """One method at one count over all images."""

    method: str
    n_superpixels: int
    images: str
    n_images: int
    worst_deviation: float
    mean_deviation: float
    mean_seconds: float
    worst_seconds: float


def read_pixels(path: Path, blur: float) -> np.ndarray:
    """Image file as (C, Y, X) float32 in 0 to 1, blurred by a Gaussian."""
    pixels = np.moveaxis(iio.imread(path), -1, 0).astype(np.float32) / 255
    blurred: np.ndarray = ndimage.gaussian_filter(pixels, (0, blur, blur))
    return blurred


def measure(paths: list[Path], params: SuperpixelParams, images: str) -> Row:
    """Deviations and processor seconds of one method at one count."""
    deviations, seconds = [], []
    for path in paths:
        pixels = read_pixels(path, BLURS[images])
        start = time.process_time()
        superpixels = over_segment_pixels(pixels, params)
        seconds.append(time.process_time() - start)
        deviations.append(abs(int(superpixels.max()) + 1 - params.n_superpixels))
    return Row(
        method=params.method,
        n_superpixels=params.n_superpixels,
        images=images,
        n_images=len(paths),
        worst_deviation=round(max(deviations) / params.n_superpixels, 4),
        mean_deviation=round(float(np.mean(deviations)) / params.n_superpixels, 4),
        mean_seconds=round(float(np.mean(seconds)), 3),
        worst_seconds=round(max(seconds), 3),
    )


def main() -> None:
    """Measure every method at every count and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="folder of BSDS500")
    parser.add_argument("--every", type=int, default=10, help="take every Nth image")
    parser.add_argument("--output", type=Path, default=Path("superpixel_counts.json"))
    options = parser.parse_args()
    paths = sorted(options.root.glob("data/images/val/*.jpg"))[:: options.every]
    print("| method | M | images | worst deviation | mean | s mean | s worst |")
    print("|---|---|---|---|---|---|---|")
    rows = []
    for method in METHODS:
        for n_superpixels in COUNTS:
            params = SuperpixelParams(method=method, n_superpixels=n_superpixels)
            for images in BLURS:
                row = measure(paths, params, images)
                rows.append(row)
                print(
                    f"| {method} | {n_superpixels} | {images} | {row['worst_deviation']:.1%} "
                    f"| {row['mean_deviation']:.1%} | {row['mean_seconds']:.2f} "
                    f"| {row['worst_seconds']:.2f} |",
                    flush=True,
                )
    options.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
