"""The method on an image that does not fit into memory."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from napari_dsc.cut.joint import Piece, iter_joint_cut, iter_lone_cut, seen_piece
from napari_dsc.errors import OutputError
from napari_dsc.large.connecting import iter_regions, region_numbers
from napari_dsc.large.learning import montage, plan_lesson
from napari_dsc.large.tiling import (
    check_side,
    choose_side,
    plan_tiling,
)
from napari_dsc.large.work import Work
from napari_dsc.large.writing import CHUNK, Labels, write_labels
from napari_dsc.machine.allocator import freed_memory_kept
from napari_dsc.machine.device import resolve_device
from napari_dsc.machine.memory import bytes_of_tile, free_bytes
from napari_dsc.params import CutParams, ImageParams, SuperpixelParams
from napari_dsc.params.presets import NO_LIMIT
from napari_dsc.records.record import Record, device_record, params_record, software_record
from napari_dsc.segmenting.clock import Stages
from napari_dsc.segmenting.guidance import refuse_tree_affinity
from napari_dsc.superae.embedding import embedding_of
from napari_dsc.superae.weights import DEFAULT, check_dimensions, find_weights, load_weights

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from napari_dsc.large.source import Source
    from napari_dsc.superae.model import Embedding

RESERVED_AT_ONCE = 2**24


class Progress(NamedTuple):
    """How far a run is.

    Attributes
    ----------
    stage : str
        ``reading``, ``learning``, ``labels`` or ``writing``.
    done, total : int
        Parts of the stage.
    """

    stage: str
    done: int
    total: int


class LargeRun:
    """One network for a large image, then labels tile by tile.

    Parameters
    ----------
    source : Source
        The image, open.
    weights, device, image_params, superpixel_params, cut_params
        As `napari_dsc.Run` takes them. ``n_superpixels`` counts for the whole image, but
        superpixels are no wider than an eighth of a tile; ``megapixels`` are those that the
        network sees in a step.
    tile : int
        Side of the tiles in pixels; 0 takes the largest that fits into memory.

    Attributes
    ----------
    tiling : Tiling
        How the image is taken apart.
    counts : dict of str to int
        ``n_classes`` or ``n_regions``, and ``n_superpixels``, once the run is done.
    notes : list of str
        Sentences for the user on what was done otherwise than asked for.

    Raises
    ------
    InvalidImageError
        If the image cannot be used.
    InvalidParameterError
        If `tile` is too small.
    WeightsError
        If the weights cannot be found or do not fit.
    DeviceUnavailableError
        If the device does not exist.
    """

    def __init__(  # noqa: PLR0913 - the public keyword arguments, each written once
        self,
        source: Source,
        *,
        weights: str | Path = DEFAULT,
        device: str = "auto",
        image_params: ImageParams = ImageParams(),
        superpixel_params: SuperpixelParams = SuperpixelParams(),
        cut_params: CutParams = CutParams(),
        tile: int = 0,
    ) -> None:
        self.source, self.device = source, resolve_device(device)
        self.weights = find_weights(weights)
        check_dimensions(self.weights, "YX")
        self.image_params, self.superpixel_params = image_params, superpixel_params
        refuse_tree_affinity(cut_params)
        self.cut_params = cut_params
        self.scale = min(cut_params.resolution, math.sqrt(cut_params.megapixels * 1e6) / CHUNK)
        side = tile or choose_side(self.device, cut_params, self.scale)
        check_side(side)
        asked = superpixel_params.n_superpixels
        self.tiling, self.width = plan_tiling(source.shape, side, asked, self.scale)
        self.counts: dict[str, int] = {}
        self.notes = list[str]()
        n_made = round(math.prod(source.shape) / self.width**2)
        if n_made > asked:
            self.notes.append(
                f"about {n_made} superpixels instead of {asked}, because a tile of "
                f"{self.tiling.side} pixels should hold some: n_superpixels of a large image "
                "count for all of it"
            )
        self._stages = Stages(self.device)
        self.normalization = source.normalization(image_params, cut_params.seed)
        with torch.inference_mode(False):
            model = load_weights(self.weights).to(self.device, torch.float32)
        # the scale is the same for pieces and tiles, whatever their size
        params = dataclasses.replace(cut_params, resolution=self.scale, megapixels=NO_LIMIT)
        self._work = Work(
            source, self.normalization, model, superpixel_params, params, self.width
        )

    def describe(self) -> str:
        """Size, tiles and memory in one line, before the run."""
        height, width = self.source.shape
        classes = self.cut_params.n_partitions
        needed = bytes_of_tile(self.tiling.tile_pixels, classes, self.scale)
        return (
            f"axes {self.source.axes} (from {self.source.axes_origin}), {height} x {width} "
            f"pixels in {self.tiling.n_tiles} tiles of up to {self.tiling.side} x "
            f"{self.tiling.side}; about {needed / 2**30:.1f} GiB of memory, "
            f"{free_bytes(self.device) / 2**30:.1f} GiB are free"
        )

    def iter_save(self, path: Path) -> Iterator[Progress]:
        """Do everything, and write the labels.

        Parameters
        ----------
        path : Path
            See `write_labels`.

        Yields
        ------
        progress : Progress
            After each part of the work; closing the generator ends the run and leaves no
            files.
        """
        with (
            freed_memory_kept(),
            tempfile.TemporaryDirectory(
                prefix=".napari-dsc-", dir=path.resolve().parent
            ) as folder,
        ):
            embedding = yield from self._iter_learning()
            file = Path(folder) / "classes"
            dtype = np.min_scalar_type(self.cut_params.n_partitions)
            _reserve(file, math.prod(self.source.shape) * dtype.itemsize)
            canvas = np.memmap(file, dtype, "r+", shape=self.source.shape)
            yield from self._iter_classes(embedding, canvas)
            yield Progress("writing", 0, 1)
            with self._stages.stage("writing"):
                labels = self._labels(canvas)
                del canvas
                write_labels(
                    path,
                    labels,
                    record=self.record(),
                    spacing=self.source.spacing,
                    unit=self.source.unit,
                )
                del labels  # the file can go only when nobody looks at it
            yield Progress("writing", 1, 1)

    def record(self) -> Record:
        """Everything needed to repeat the run, ready for JSON; see `Run.record`."""
        source = self.source
        params = {
            "image": self.image_params,
            "superpixels": self.superpixel_params,
            "cut": self.cut_params,
        }
        return {
            "software": software_record(),
            "device": device_record(self.device),
            "image": {
                "sha256": source.sha256(),
                "axes": source.axes,
                "axes_from": source.axes_origin,
                "shape": list(source.shape),
                "n_channels": len(source.channels),
                "dtype": str(source.dtype),
                "spacing": list(source.spacing),
                "unit": source.unit,
                "normalization": dict(self.normalization._asdict()),
                "notes": list(source.notes),
            },
            "weights": {"name": self.weights.name, "sha256": self.weights.sha256},
            "method": "dsc",
            "parameters": params_record(params),
            "tiles": {"side": self.tiling.side, "n_tiles": self.tiling.n_tiles},
            "seconds": {name: round(value, 3) for name, value in self._stages.seconds.items()},
            "notes": list(self.notes),
            **self.counts,
        }

    def _iter_learning(self) -> Generator[Progress, None, Embedding]:
        """Cut places of the image out, and train the network on them, which is the value."""
        tiles = self._work.params
        lesson = plan_lesson(self.source.shape, self.width, self.scale, tiles.seed)
        places: list[Piece] = []
        for window in lesson.windows:
            with self._stages.stage("places"):
                found = self._work.piece(window, self.tiling.margin)
                places.append(seen_piece(found, tiles))
            yield Progress("reading", len(places), len(lesson.windows))
        params = dataclasses.replace(tiles, resolution=1.0)  # places are small already
        with torch.inference_mode(False):
            embedding = embedding_of(self._work.model, params.n_partitions, params.seed)
            draw = partial(montage, places, lesson.grid)
            steps = (
                iter_lone_cut(draw(np.random.default_rng()), embedding, params)
                if lesson.is_whole
                else iter_joint_cut(draw, embedding, params, lesson.n_steps)
            )
        for number in range(1, params.n_iterations + 2):  # the last freezes the statistics
            with self._stages.stage("cut"), torch.inference_mode(False):
                next(steps, None)
            yield Progress("learning", min(number, params.n_iterations), params.n_iterations)
        return embedding

    def _iter_classes(self, embedding: Embedding, canvas: np.ndarray) -> Iterator[Progress]:
        """Write class plus 1 of each pixel into an array of zeros, tile by tile."""
        n_superpixels = 0
        for number, tile in enumerate(self.tiling.tiles(), 1):
            with self._stages.stage("labels"):
                n_superpixels += self._work.label(tile, embedding, canvas)
            yield Progress("labels", number, self.tiling.n_tiles)
        self.counts["n_superpixels"] = n_superpixels

    def _labels(self, canvas: np.ndarray) -> Labels:
        """What is written: the classes, or the connected regions of them."""

        def bands() -> Iterator[np.ndarray]:
            for top in range(0, len(canvas), CHUNK):
                yield np.asarray(canvas[top : top + CHUNK])

        found = np.unique(np.concatenate([np.unique(band) for band in bands()]))
        self.counts["n_classes"] = len(found)
        if self.cut_params.result == "classes":
            return Labels(self.source.shape, canvas.dtype, bands)
        numbers = region_numbers(bands)
        n_regions = self.counts["n_regions"] = int(numbers.max()) + 1
        numbers = (numbers + 1).astype(np.min_scalar_type(n_regions))
        return Labels(self.source.shape, numbers.dtype, lambda: iter_regions(bands, numbers))


def _reserve(file: Path, n_bytes: int) -> None:
    """Write zeros, since a disk that fills up under a memory map would end the process."""
    zeros = bytes(min(n_bytes, RESERVED_AT_ONCE))
    try:
        with file.open("wb") as opened:
            for start in range(0, n_bytes, RESERVED_AT_ONCE):
                opened.write(zeros[: n_bytes - start])
    except OSError as error:
        raise OutputError(
            f"{file.parent.parent}: no space for the {n_bytes} bytes of the classes on their "
            f"way ({error.strerror})"
        ) from error
