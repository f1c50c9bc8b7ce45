"""A large image made of photographs, to try large images on.

    python -m benchmarks.large.mosaic BSDS500 mosaic.tif [--side 20000] [--seed 0]

writes a tiled BigTIFF of side x side colors. Photographs of the training split lie in rows of
their height, in a random order, mirrored at random; each row begins at a random place, so that
their borders are nowhere near a grid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import imageio.v3 as iio
import numpy as np
import tifffile

from benchmarks.commands import argument_parser

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEIGHT, WIDTH = 321, 481
TILE = 512


def photographs(root: Path) -> list[np.ndarray]:
    """Photographs of the training split, all lying."""
    paths = sorted((root / "data" / "images" / "train").glob("*.jpg"))
    images = [np.asarray(iio.imread(path)) for path in paths]
    return [image if image.shape[0] == HEIGHT else np.rot90(image) for image in images]


def mosaic(images: Sequence[np.ndarray], side: int, seed: int) -> np.ndarray:
    """Mosaic, (side, side, 3) uint8."""
    rng = np.random.default_rng(seed)
    whole = np.empty((side, side, 3), np.uint8)
    for top in range(-int(rng.integers(HEIGHT)), side, HEIGHT):
        for left in range(-int(rng.integers(WIDTH)), side, WIDTH):
            image = images[int(rng.integers(len(images)))][:, :: rng.choice([-1, 1])]
            rows, columns = slice(max(0, top), top + HEIGHT), slice(max(0, left), left + WIDTH)
            target = whole[rows, columns]
            target[:] = image[rows.start - top :, columns.start - left :][
                : target.shape[0], : target.shape[1]
            ]
    return whole


def main() -> None:
    """Write the mosaic."""
    parser = argument_parser(__doc__, "root", "output")
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    pixels = mosaic(photographs(given.root), given.side, given.seed)
    tifffile.imwrite(given.output, pixels, tile=(TILE, TILE), photometric="rgb", bigtiff=True)


if __name__ == "__main__":
    main()
