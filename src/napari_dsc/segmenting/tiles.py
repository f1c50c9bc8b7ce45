"""An image in tiles, which does not fit into memory or is stored by chunks."""

import abc
import math
import shutil
import tempfile
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from napari_dsc.errors import InvalidParameterError, OutputError
from napari_dsc.files.writers import temporary_beside
from napari_dsc.images.normalization import normalization_note
from napari_dsc.labels.regions import iter_regions, region_numbers
from napari_dsc.large.source import Source, open_source
from napari_dsc.large.tiling import DEFAULT, Tile, Tiling, check_side
from napari_dsc.large.writers import CHUNK, Labels, write_labels
from napari_dsc.machine import allocator, memory
from napari_dsc.machine.progress import Progress
from napari_dsc.records.record import Record
from napari_dsc.segmenting.pieces import Tiles
from napari_dsc.segmenting.stages import Stages
from napari_dsc.superae.weights import check_dimensions

RESERVED_AT_ONCE = 2**24


class TiledRun(abc.ABC):
    """A large image: something is learned from parts of it, then labels are made by tiles.

    Parameters
    ----------
    source : Source
        The image, open.
    stages : Stages
        Stages of the method; their clock and notes become those of the run.

    Attributes
    ----------
    tiling : Tiling
        How the image is divided into tiles.
    counts : dict of str to int
        ``n_classes`` or ``n_regions``, and ``n_superpixels``, once the run is done.

    Raises
    ------
    InvalidImageError
        If the image cannot be used.
    InvalidParameterError
        If the tiles are too small.
    WeightsError
        If the weights are three-dimensional.
    """

    smaller: ClassVar[str]
    """What takes less memory, for the error."""

    def __init__(self, source: Source, stages: Stages) -> None:
        self.source, self.stages, self.device = source, stages, stages.device
        check_dimensions(stages.weights, "YX")
        settings = stages.settings
        side = settings.tile or DEFAULT
        check_side(side)
        self.tiling = self.plan(side)
        self._check_memory()
        self.counts: dict[str, int] = {}
        self.normalization = source.normalization(settings.image_params, self.seed)
        about = (self.normalization, source.dtype, len(source.channels), settings.image_params)
        stages.notes += normalization_note(*about)

    @property
    @abc.abstractmethod
    def seed(self) -> int:
        """Seed of the places that are looked at."""

    @property
    @abc.abstractmethod
    def most(self) -> int:
        """Largest number of classes."""

    @property
    def is_of_regions(self) -> bool:
        """Whether connected regions are labeled, not classes."""
        return False

    @abc.abstractmethod
    def plan(self, side: int) -> Tiling:
        """Tiles of at most a side."""

    @abc.abstractmethod
    def bytes_of_tile(self) -> float:
        """Memory that a tile takes, roughly."""

    @abc.abstractmethod
    def iter_learning(self) -> Generator[Progress, None, Any]:
        """Learn from parts of the image; what is learned is the value."""

    @abc.abstractmethod
    def label(self, tile: Tile, learned: Any, canvas: np.ndarray) -> int:
        """Write class plus 1 into free pixels of a canvas; return how many superpixels."""

    def _check_memory(self) -> None:
        needed, free = self.bytes_of_tile(), memory.free_bytes(self.device)
        if needed > free:
            raise InvalidParameterError(
                f"tile={self.tiling.side}: a tile of this side takes about "
                f"{needed / 2**30:.1f} GiB of memory, {free / 2**30:.1f} GiB are free; use "
                f"{self.smaller}"
            )

    def describe(self) -> str:
        """Size, tiles and memory in one line, before the run."""
        height, width = self.source.shape
        return (
            f"axes {self.source.axes} (from {self.source.axes_origin}), {height} x {width} "
            f"pixels in {self.tiling.n_tiles} tiles of up to {self.tiling.side} x "
            f"{self.tiling.side}; about {self.bytes_of_tile() / 2**30:.1f} GiB of memory, "
            f"{memory.free_bytes(self.device) / 2**30:.1f} GiB are free"
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
        beside = temporary_beside(path.resolve())
        with (
            allocator.freed_memory_kept(),
            tempfile.TemporaryDirectory(
                prefix=f"{beside.stem}-", suffix=beside.suffix, dir=beside.parent
            ) as folder,
        ):
            learned = yield from self.iter_learning()
            file = Path(folder) / "classes"
            dtype = np.min_scalar_type(self.most)
            _reserve(file, math.prod(self.source.shape) * dtype.itemsize)
            canvas = np.memmap(file, dtype, "r+", shape=self.source.shape)
            yield from self._iter_classes(learned, canvas)
            yield Progress("writing", 0, 1)
            with self.stages.clock.stage("writing"):
                labels = self._labels(canvas)
                del canvas
                write_labels(
                    path,
                    labels,
                    record=self.record(),
                    spacing=self.source.spacing,
                    unit=self.source.unit,
                    translation=self.source.translation,
                )
                del labels  # the file can go only when nobody looks at it
            yield Progress("writing", 1, 1)

    def record(self) -> Record:
        """Everything needed to repeat the run, ready for JSON; see `Stages.record`."""
        source = self.source
        image: Record = {
            "sha256": source.sha256(),
            "axes": source.axes,
            "axes_from": source.axes_origin,
            "shape": list(source.shape),
            "n_channels": len(source.channels),
            "dtype": str(source.dtype),
            "spacing": list(source.spacing),
            "unit": source.unit,
            **({"translation": list(source.translation)} if source.translation else {}),
            "normalization": dict(self.normalization._asdict()),
            "notes": list(source.notes),
        }
        tiles = {"side": self.tiling.side, "n_tiles": self.tiling.n_tiles}
        record = self.stages.record_of(image, tiles=tiles)
        return record | {"numbering": "consecutive"} | self.counts

    def _iter_classes(self, learned: Any, canvas: np.ndarray) -> Iterator[Progress]:
        """Write class plus 1 of each pixel into an array of zeros, tile by tile."""
        n_superpixels = 0
        for number, tile in enumerate(self.tiling.tiles(), 1):
            with self.stages.clock.stage("labels"):
                n_superpixels += self.label(tile, learned, canvas)
            yield Progress("labels", number, self.tiling.n_tiles)
        self.counts["n_superpixels"] = n_superpixels

    def _labels(self, canvas: np.ndarray) -> Labels:
        """Labels to write: the classes, or their connected regions."""

        def bands() -> Iterator[np.ndarray]:
            for top in range(0, len(canvas), CHUNK):
                yield np.asarray(canvas[top : top + CHUNK])

        found = np.unique(np.concatenate([np.unique(band) for band in bands()]))
        self.counts["n_classes"] = int(np.count_nonzero(found))  # 0 has no value
        if not self.is_of_regions:
            renumbered = np.zeros(int(found[-1]) + 1, canvas.dtype)
            found = found[found > 0]  # 0 has no value
            renumbered[found] = np.arange(1, len(found) + 1)
            numbered = partial(map, renumbered.__getitem__)
            return Labels(self.source.shape, canvas.dtype, lambda: numbered(bands()))
        numbers = region_numbers(bands) + 1
        if found[0] == 0:
            shown = zip(bands(), iter_regions(bands, numbers), strict=True)
            kept = np.unique(np.concatenate([np.unique(one[band > 0]) for band, one in shown]))
            numbers = (np.searchsorted(kept, numbers) + 1) * np.isin(numbers, kept)
        n_regions = self.counts["n_regions"] = int(numbers.max())
        numbers = numbers.astype(np.min_scalar_type(n_regions))
        return Labels(self.source.shape, numbers.dtype, lambda: iter_regions(bands, numbers))


def _check_space(output: Path, n_bytes: int) -> None:
    """Refuse an image that is too large for the disk, before all of it is read."""
    free = shutil.disk_usage(output.resolve().parent).free
    if n_bytes > free:
        raise OutputError(
            f"{output}: not enough disk space: the intermediate labels need {n_bytes} bytes, "
            f"{free} are free"
        )


def _reserve(file: Path, n_bytes: int) -> None:
    """Write zeros, since a disk that fills up under a memory map would end the process."""
    zeros = bytes(min(n_bytes, RESERVED_AT_ONCE))
    try:
        with file.open("wb") as opened:
            for start in range(0, n_bytes, RESERVED_AT_ONCE):
                opened.write(zeros[: n_bytes - start])
    except OSError as error:
        raise OutputError(
            f"{file.parent.parent}: not enough disk space: the intermediate labels need "
            f"{n_bytes} bytes ({error.strerror})"
        ) from error


def segment_tiles(
    way: type[TiledRun], pieces: Tiles, stages: Stages
) -> Generator[Progress, None, Record]:
    """Segment a large image, and write the labels.

    Parameters
    ----------
    way : type
        How: a subclass of `TiledRun`.
    pieces : Tiles
        The image and the output.
    stages : Stages
        Stages of the method.

    Yields
    ------
    progress : Progress
        First in the stage ``reading``, with one sentence on size, tiles and memory; then
        after each part of the work. Closing the generator leaves no files.

    Returns
    -------
    record : dict
        How the labels were made, as it stands in the output.
    """
    settings = stages.settings
    with open_source(
        pieces.image,
        axes=settings.axes,
        spacing=settings.spacing,
        channels=settings.channels,
        level=settings.level,
    ) as source:
        _check_space(pieces.output, math.prod(source.shape))
        run = way(source, stages)
        notes = (run.describe(), *source.notes, *stages.notes)
        for note in notes:
            yield Progress("reading", 0, 1, note)
        yield from run.iter_save(pieces.output)
        return run.record()
