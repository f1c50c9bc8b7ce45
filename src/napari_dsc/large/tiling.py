"""Tiles of a large image: how large they may be, where they lie, what they need around them."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

from napari_dsc.errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

# side of tiles in pixels: least, and unless asked for, when a run takes about 4 GiB
LEAST, DEFAULT = 64, 1024
STRIDE = 4
# superpixels on the side of a tile, at least: those at its rim are made with their surroundings
ACROSS = 8
# pixels that the network needs around what it sees
MARGIN = 16


Window = tuple[slice, ...]  # of rows and of columns


class Tile(NamedTuple):
    """Part of a large image; each is a pair of slices, of rows and of columns.

    Parameters
    ----------
    core : pair of slice
        Pixels that have labels once the tile is done; the cores of all tiles are the image.
    divided : pair of slice
        Pixels that superpixels are made of: the core, and more below and to the right.
    read : pair of slice
        Pixels that the networks see.
    """

    core: Window
    divided: Window
    read: Window


class Tiling(NamedTuple):
    """How a large image is taken apart.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image.
    side : int
        Largest side of a core in pixels.
    halo : int
        Pixels that superpixels may reach beyond the core.
    margin : int
        Pixels that the networks see beyond those.
    """

    shape: tuple[int, int]
    side: int
    halo: int
    margin: int

    @property
    def n_tiles(self) -> int:
        """Number of tiles."""
        return math.prod(math.ceil(size / self.side) for size in self.shape)

    @property
    def tile_pixels(self) -> int:
        """Pixels that are read for the largest tile, at most."""
        sides = (min(self.side, size) + self.halo + 2 * self.margin for size in self.shape)
        return math.prod(sides)

    def tiles(self) -> Iterator[Tile]:
        """Tiles row by row, from the left; their sides differ by 4 pixels at most."""
        parts = (_starts(size, self.side) for size in self.shape)
        yield from map(self._around, itertools.product(*parts))

    def _around(self, core: Window) -> Tile:
        pairs = zip(core, self.shape, strict=True)
        divided = tuple(slice(c.start, min(c.stop + self.halo, n)) for c, n in pairs)
        return Tile(core, divided, widened(divided, self.margin, self.shape))


def _starts(size: int, side: int) -> list[slice]:
    """Parts of a length, nearly alike, that begin where the strides of the network do."""
    n_parts = math.ceil(size / side)
    stops = [STRIDE * round(size * place / n_parts / STRIDE) for place in range(n_parts)]
    return [slice(a, b) for a, b in zip(stops, [*stops[1:], size], strict=True)]


def plan_tiling(
    shape: tuple[int, int], side: int, n_superpixels: int, scale: float
) -> tuple[Tiling, float]:
    """Take a large image apart.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image.
    side : int
        Side of the tiles.
    n_superpixels : int
        Number of superpixels of the whole image, ``M``.
    scale : float
        Resolution of the network relative to the image.

    Returns
    -------
    tiling : Tiling
        Superpixels are about as wide as asked for, but no wider than an eighth of a tile.
    width : float
        Their width in pixels.
    """
    width = min(math.sqrt(math.prod(shape) / n_superpixels), side / ACROSS)
    halo = _multiple(max(2 * width, 2 * MARGIN))
    return Tiling(shape, side, halo, _multiple(max(MARGIN / scale, MARGIN))), width


def _multiple(length: float) -> int:
    return STRIDE * math.ceil(length / STRIDE)


def check_side(side: int) -> None:
    """Refuse tiles that are too small for superpixels and network.

    Parameters
    ----------
    side : int
        Side in pixels.

    Raises
    ------
    InvalidParameterError
        If it is below 64.
    """
    if side < LEAST:
        raise InvalidParameterError(f"tile={side}: expected {LEAST} or more")


def random_window(shape: tuple[int, int], side: int, rng: np.random.Generator) -> Window:
    """Square window at a place that the strides of the network reach.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image.
    side : int
        Side of the window, which is cut where the image is smaller.
    rng : Generator
        Draws the place.

    Returns
    -------
    rows, columns : slice
        They start at multiples of 4.
    """
    places = [4 * int(rng.integers(0, max(0, size - side) // 4 + 1)) for size in shape]
    return tuple(
        slice(place, min(place + side, size)) for place, size in zip(places, shape, strict=True)
    )


def widened(window: Window, margin: int, shape: tuple[int, int]) -> Window:
    """Window with a margin on each side, as far as the image reaches.

    Parameters
    ----------
    window : pair of slice
        Rows and columns.
    margin : int
        Pixels to add on each side.
    shape : (int, int)
        Height and width of the image.

    Returns
    -------
    window : pair of slice
        Rows and columns.
    """
    sizes = zip(window, shape, strict=True)
    return tuple(slice(max(0, w.start - margin), min(w.stop + margin, n)) for w, n in sizes)
