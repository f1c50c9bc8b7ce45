"""The cut on an image in tiles: one network, trained on places of the image."""

import dataclasses
import math
from collections.abc import Generator
from functools import partial

import numpy as np
import torch

from napari_dsc.cut.joint import Piece, coarse_piece, iter_joint_cut, iter_piece_cut
from napari_dsc.large.source import Source
from napari_dsc.large.tiling import Tile, Tiling, plan_tiling
from napari_dsc.large.training_windows import montage, plan_training_windows
from napari_dsc.large.work import Work
from napari_dsc.large.writers import CHUNK
from napari_dsc.machine import memory
from napari_dsc.machine.progress import Progress
from napari_dsc.params.presets import NO_LIMIT
from napari_dsc.segmenting.stages import Stages, check_losses
from napari_dsc.segmenting.tiles import TiledRun, segment_tiles
from napari_dsc.superae.applied import embedding_of
from napari_dsc.superae.model import Embedding


class CutTiles(TiledRun):
    """One network for a large image, then labels tile by tile.

    Parameters
    ----------
    source : Source
        The image, open.
    stages : Stages
        Stages of the method. ``n_superpixels`` counts for the whole image, but superpixels are
        no wider than an eighth of a tile; ``megapixels`` are those that the network sees in a
        step.
    """

    smaller = "smaller tiles (--tile) or fewer classes (--n-partitions)"

    def __init__(self, source: Source, stages: Stages) -> None:
        self.cut_params = stages.settings.cut_params
        limit = math.sqrt(self.cut_params.megapixels * 1e6) / CHUNK
        self.scale = min(self.cut_params.resolution, limit)
        super().__init__(source, stages)
        # the scale is the same for pieces and tiles, whatever their size
        params = dataclasses.replace(
            self.cut_params, resolution=self.scale, megapixels=NO_LIMIT
        )
        method = (stages.model, stages.settings.superpixel_params, params)
        self._work = Work(source, self.normalization, *method, self.width)

    @property
    def seed(self) -> int:
        """Seed of the places that are looked at."""
        return self.cut_params.seed

    @property
    def most(self) -> int:
        """Largest number of classes."""
        return self.cut_params.n_partitions

    @property
    def is_of_regions(self) -> bool:
        """Whether connected regions are labeled, not classes."""
        return self.cut_params.result == "regions"

    def plan(self, side: int) -> Tiling:
        """Tiles of at most a side, and the width of the superpixels."""
        asked = self.stages.settings.superpixel_params.n_superpixels
        tiling, self.width = plan_tiling(self.source.shape, side, asked, self.scale)
        n_made = round(math.prod(self.source.shape) / self.width**2)
        if n_made > asked:
            self.stages.notes.append(
                f"about {n_made} superpixels instead of {asked}, because a tile of "
                f"{tiling.side} pixels should hold some: n_superpixels of a large image count "
                "for all of it"
            )
        return tiling

    def bytes_of_tile(self) -> float:
        """Memory that a tile takes, roughly."""
        n_pixels, classes = self.tiling.tile_pixels, self.cut_params.n_partitions
        return memory.bytes_of_tile(n_pixels, classes, self.scale)

    def iter_learning(self) -> Generator[Progress, None, Embedding]:
        """Cut places of the image out, and train the network on them, which is the value."""
        tiles = self._work.params
        training = plan_training_windows(self.source.shape, self.width, self.scale, tiles.seed)
        places: list[Piece] = []
        for window in training.windows:
            with self.stages.clock.stage("places"):
                found = self._work.piece(window, self.tiling.margin)
                places.append(coarse_piece(found, tiles))
            yield Progress("reading", len(places), len(training.windows))
        params = dataclasses.replace(tiles, resolution=1.0)  # places are small already
        with torch.inference_mode(False):
            embedding = embedding_of(self._work.model, params.n_partitions, params.seed)
            draw = partial(montage, places, training.grid)
            steps = (
                iter_piece_cut(draw(np.random.default_rng()), embedding, params)
                if training.is_whole
                else iter_joint_cut(draw, embedding, params, training.n_steps)
            )
        for number in range(1, params.n_iterations + 2):  # the last freezes the statistics
            with self.stages.clock.stage("cut"), torch.inference_mode(False):
                step = next(steps, None)
                if step is not None:
                    check_losses(step)
            yield Progress("learning", min(number, params.n_iterations), params.n_iterations)
        return embedding

    def label(self, tile: Tile, learned: Embedding, canvas: np.ndarray) -> int:
        """Write class plus 1 into free pixels of a canvas; return how many superpixels."""
        return self._work.label(tile, learned, canvas)


cut_tiles = partial(segment_tiles, CutTiles)
"""Segmenter of `Tiles` by the cut."""
