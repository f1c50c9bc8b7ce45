"""The class tree on an image in tiles: learned from windows of the image."""

import itertools
import math
from collections.abc import Generator
from functools import partial
from typing import NamedTuple

import numpy as np

from napari_dsc.classes.growth import Learned
from napari_dsc.images.masks import filled, missing_pixels
from napari_dsc.large.tiling import Tile, Tiling, Window, random_window
from napari_dsc.machine import memory
from napari_dsc.machine.progress import Progress
from napari_dsc.segmenting.classing.one import (
    MOST_CLASSES,
    chosen_number,
    notes_on_number,
)
from napari_dsc.segmenting.classing.shared import N_LEARNED, assigned, iter_learning
from napari_dsc.segmenting.tiles import TiledRun, segment_tiles

SIDE = 512  # of a window that is learned from
# pixels that finer superpixels may reach beyond a tile, and that are seen around it
HALO, MARGIN = 32, 64
TRIES = 16  # windows that are looked at for each that is learned from
LEAST_SHARE = 0.05  # of pixels with a value, below which a window says too little


class Part(NamedTuple):
    """Part of a large image, as `Stages` sees images."""

    pixels: np.ndarray
    valid: np.ndarray | None
    volume_spacing: tuple[float, ...] = ()


class ClassTiles(TiledRun):
    """Classes of windows of a large image, then labels tile by tile."""

    smaller = "smaller tiles (--tile)"

    @property
    def seed(self) -> int:
        """Seed of the places that are looked at."""
        return self.stages.settings.tree_params.tree_seed

    @property
    def most(self) -> int:
        """Largest number of classes."""
        return self.stages.settings.class_params.classes or MOST_CLASSES

    def plan(self, side: int) -> Tiling:
        """Tiles of at most a side."""
        return Tiling(self.source.shape, side, HALO, MARGIN)

    def bytes_of_tile(self) -> float:
        """Memory that a tile takes, roughly."""
        n_pixels = self.tiling.tile_pixels
        return memory.AROUND + memory.bytes_to_divide(n_pixels, "ucm")

    def iter_learning(self) -> Generator[Progress, None, Learned]:
        """Learn classes from at most eight windows, which is the value."""
        parts = [partial(self._part, window) for window in self._windows()]
        learned: Learned = yield from iter_learning(parts, self.stages)
        grouping, asked = learned.grouping, self._asked
        shown = min(asked or grouping.n_default, len(grouping.linkage) + 1)
        notes = notes_on_number(grouping.n_outstanding, asked, shown)
        self.stages.notes.extend(notes)
        self.counts["n_outstanding"] = grouping.n_outstanding
        return learned

    def _windows(self) -> list[Window]:
        """Windows that cover a small image; else windows at random places with values."""
        shape = self.source.shape
        numbers = [math.ceil(size / SIDE) for size in shape]
        if math.prod(numbers) <= N_LEARNED:
            sides = [math.ceil(size / n) for size, n in zip(shape, numbers, strict=True)]
            starts = (range(0, size, side) for size, side in zip(shape, sides, strict=True))
            return [
                tuple(
                    slice(s, min(s + side, n))
                    for s, side, n in zip(c, sides, shape, strict=True)
                )
                for c in itertools.product(*starts)
            ]
        rng, found = np.random.default_rng(self.seed), list[Window]()
        for _ in range(TRIES * N_LEARNED):
            window = random_window(shape, SIDE, rng)
            if self._share(window) >= LEAST_SHARE:
                found.append(window)
            if len(found) == N_LEARNED:
                break
        return found or [window]

    def _share(self, window: Window) -> float:
        """Share of the pixels of a window that have a value."""
        missing = missing_pixels(self.source.read(*window), None)
        return 1.0 if missing is None else float(1 - missing.mean())

    def _part(self, window: Window) -> Part:
        part = self.source.read(*window)
        missing = missing_pixels(part, None)
        pixels = self.normalization.apply(filled(part, missing, self.normalization.low))
        return Part(pixels, None if missing is None else ~missing)

    def label(self, tile: Tile, learned: Learned, canvas: np.ndarray) -> int:
        """Write class plus 1 of the superpixels that reach into the core of a tile.

        Parameters
        ----------
        tile : Tile
            The next in the order of the tiling.
        learned : Learned
            The classes.
        canvas : (Y, X) uint array
            Class plus 1 of each pixel, 0 where there is none yet; changed in place.

        Returns
        -------
        n_superpixels : int
            How many were written. Each is written whole, across the border of the core, and
            stays; tiles that come later fill what is left.
        """
        part = self._part(tile.read)
        if part.valid is not None and not part.valid.any():
            return 0
        grown = assigned(part, learned, self.stages)
        classes = grown.tree.classes(chosen_number(grown.tree, self._asked))
        is_free = canvas[tile.read] == 0
        if part.valid is not None:
            is_free &= part.valid
        pairs = zip(tile.core, tile.read, strict=True)
        core = tuple(slice(c.start - r.start, c.stop - r.start) for c, r in pairs)
        is_written = np.zeros(len(classes), bool)
        is_written[grown.superpixels[core][is_free[core]]] = True
        new = is_free & is_written[grown.superpixels]
        canvas[tile.read][new] = (classes[grown.superpixels[new]] + 1).astype(canvas.dtype)
        return int(is_written.sum())

    @property
    def _asked(self) -> int:
        return self.stages.settings.class_params.classes


classes_tiles = partial(segment_tiles, ClassTiles)
"""Segmenter of `Tiles` by the class tree."""
