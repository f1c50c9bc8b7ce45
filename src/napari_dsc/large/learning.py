"""What the network of a large image learns from: places drawn from it, put side by side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_dsc.cut.joint import Piece
from napari_dsc.large.tiling import ACROSS, STRIDE, random_window

if TYPE_CHECKING:
    from collections.abc import Sequence

# side of what the network sees in a step, and of the smallest place
SEEN, SMALLEST = 1024, 256
# places drawn from an image, at least and at most, and their pixels in all
FEWEST, MOST, PIXELS = 8, 64, 2**23


def windows_to_learn_from(
    shape: tuple[int, int], width: float, seed: int
) -> list[tuple[slice, slice]]:
    """Places of a large image.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image.
    width : float
        Width of a superpixel in pixels; a place holds eight times eight of them or more.
    seed : int
        Seed of the places.

    Returns
    -------
    windows : list of pairs of slice
        Rows and columns, all of the same size.
    """
    side = STRIDE * round(min(max(ACROSS * width, SMALLEST), SEEN) / STRIDE)
    number = min(max(PIXELS // side**2, FEWEST), MOST)
    window = math.prod(min(side, size) for size in shape)
    # of a small image, places would be much the same
    number = min(number, math.ceil((2 * math.prod(shape) - window) / window))
    rng = np.random.default_rng(seed)
    return [random_window(shape, side, rng) for _ in range(number)]


def montage(places: Sequence[Piece], rng: np.random.Generator) -> Piece:
    """Put some places side by side, so that one step sees several parts of an image.

    Parameters
    ----------
    places : sequence of Piece
        All of the same size.
    rng : Generator
        Chooses among them.

    Returns
    -------
    piece : Piece
        As many places in each direction as there are and fit into 1024 pixels.
    """
    height, width = places[0].superpixels.shape
    most = math.isqrt(len(places))
    n_rows, n_columns = (min(max(1, SEEN // size), most) for size in (height, width))
    chosen = rng.choice(len(places), n_rows * n_columns, replace=False)
    counts = [int(places[place].superpixels.max()) + 1 for place in chosen]
    starts = np.cumsum([0, *counts[:-1]])
    numbered = [
        places[place].superpixels + start for place, start in zip(chosen, starts, strict=True)
    ]
    rows = range(0, len(chosen), n_columns)
    image = torch.cat(
        [torch.cat([places[p].image for p in chosen[r : r + n_columns]], 3) for r in rows], 2
    )
    return Piece(image, np.block([numbered[r : r + n_columns] for r in rows]))
