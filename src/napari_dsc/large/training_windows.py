"""Windows of a large image on which its network is trained, several in each step."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from napari_dsc.cut.joint import Piece
from napari_dsc.large.tiling import ACROSS, STRIDE, random_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_dsc.large.tiling import Window

# largest number of pixels in a training step, at the resolution of the network
SEEN = 2**20
# side of a window: at least, in pixels of the network, and at most, in pixels of the image
SMALLEST, LARGEST = 256, 1024
# total number of pixels of all windows, at full resolution; more if two steps need more
PIXELS = 2**23


class TrainingWindows(NamedTuple):
    """Windows of a large image, all of the same size.

    Parameters
    ----------
    windows : list of pairs of slice
        Rows and columns of each window.
    grid : (int, int)
        Numbers of windows in a training step, below and beside each other.
    """

    windows: list[Window]
    grid: tuple[int, int]

    @property
    def is_whole(self) -> bool:
        """Whether a step takes all windows; then they cover the image."""
        return self.n_steps == 1

    @property
    def n_steps(self) -> int:
        """Number of steps that take each window once."""
        return math.ceil(len(self.windows) / math.prod(self.grid))


def plan_training_windows(
    shape: tuple[int, int], width: float, scale: float, seed: int
) -> TrainingWindows:
    """Choose the windows of a large image on which its network is trained.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image.
    width : float
        Width of a superpixel in pixels; a window should contain 8 x 8 of them.
    scale : float
        Resolution of the network relative to the image.
    seed : int
        Seed of the positions of the windows.

    Returns
    -------
    training : TrainingWindows
        Windows that cover the image, in order, if they fit into one step; else random
        windows.
    """
    side = STRIDE * round(min(max(ACROSS * width, SMALLEST / scale), LARGEST) / STRIDE)
    sides = [min(side, size) for size in shape]
    needed = [math.ceil(size / part) for size, part in zip(shape, sides, strict=True)]
    most = max(1, int(SEEN / scale**2 / math.prod(sides)))
    rows = min(needed[0], math.isqrt(most))
    columns = min(needed[1], most // rows)
    rows = min(needed[0], most // columns)  # few columns leave room for more rows
    if [rows, columns] == needed:
        return TrainingWindows(_cover(shape, (rows, columns), sides), (rows, columns))
    rng = np.random.default_rng(seed)
    number = max(2 * rows * columns, PIXELS // math.prod(sides))
    return TrainingWindows(
        [random_window(shape, side, rng) for _ in range(number)], (rows, columns)
    )


def _cover(shape: tuple[int, int], grid: tuple[int, int], sides: Sequence[int]) -> list[Window]:
    """Windows that cover the image; the last in each direction may overlap the one before."""
    parts = (
        [slice(min(n * side, size - side), min((n + 1) * side, size)) for n in range(number)]
        for size, number, side in zip(shape, grid, sides, strict=True)
    )
    return list(itertools.product(*parts))


def montage(places: Sequence[Piece], grid: tuple[int, int], rng: np.random.Generator) -> Piece:
    """Join pieces side by side, so that one training step takes many parts of an image.

    Parameters
    ----------
    places : sequence of Piece
        Pieces of the same size.
    grid : (int, int)
        Numbers of pieces below and beside each other.
    rng : Generator
        Chooses the pieces if there are more than the grid needs; otherwise all are used, in
        their order.

    Returns
    -------
    piece : Piece
        The joined piece, in which superpixels of different pieces have different numbers.
    """
    number = math.prod(grid)
    if len(places) != number:
        places = [places[p] for p in rng.choice(len(places), number, replace=False)]
    starts = np.cumsum([0, *(place.superpixels.max() + 1 for place in places[:-1])])
    numbered = [p.superpixels + start for p, start in zip(places, starts, strict=True)]
    rows = range(0, number, grid[1])
    image = torch.cat(
        [torch.cat([p.image for p in places[r : r + grid[1]]], 3) for r in rows], 2
    )
    return Piece(image, np.block([numbered[r : r + grid[1]] for r in rows]))
