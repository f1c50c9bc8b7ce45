"""Time series, and the planes of a stack that are cut apart."""

import dataclasses
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from napari_dsc.cut.joint import Piece
from napari_dsc.images import to_label_image
from napari_dsc.labels.numbering import Classes, without_gaps
from napari_dsc.labels.regions import connected_regions, numbered_on
from napari_dsc.machine.progress import Progress, exhausted
from napari_dsc.records.record import Record, hashes_of
from napari_dsc.segmenting.cutting.learning import Learned, iter_learning, kept_small
from napari_dsc.segmenting.pieces import Frames, OneImage, iter_each, open_pieces
from napari_dsc.segmenting.results import Segmentation
from napari_dsc.segmenting.run import Run
from napari_dsc.segmenting.settings import Settings
from napari_dsc.segmenting.stages import Stages


class SeriesRun:
    """Frames or planes, one after the other; of each only the superpixels are kept.

    Parameters
    ----------
    pieces : OneImage, Frames or Planes
        One image or more.
    stages : Stages
        Their clock and notes become those of the run.

    Attributes
    ----------
    figures : dict
        How the cut ended, for the record.
    """

    def __init__(self, pieces: OneImage, stages: Stages) -> None:
        self.pieces, self.stages = pieces, stages
        stages.check(pieces.piece(0))
        self.figures: Record = {}
        self._superpixels: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def n_bytes(self) -> int:
        """Memory of the images and of all superpixels, roughly."""
        first = self.pieces.piece(0)
        return len(self) * first.pixels.size * (first.dtype.itemsize + 2)

    def iter_smoothed(self) -> Generator[Progress, None, np.ndarray]:
        """Smooth the images.

        Yields
        ------
        progress : Progress
            After each image.

        Returns
        -------
        smoothed : array
            In axes, type and units of the original.
        """
        pieces, restored = self.pieces, self.stages.restored
        each = iter_each("smoothing", len(self), lambda one: restored(pieces.piece(one)))
        return pieces.series.join((yield from each))

    def smoothed(self) -> np.ndarray:
        """Smoothed images, in axes, type and units of the original."""
        return exhausted(self.iter_smoothed())

    def iter_superpixels(self) -> Generator[Progress, None, np.ndarray]:
        """Make the superpixels.

        Yields
        ------
        progress : Progress
            After each image.

        Returns
        -------
        superpixels : unsigned int array
            From 1, numbered on from image to image, in axes of the original.
        """
        yield from iter_each("superpixels", len(self), self._superpixels_of)
        return self._joined_superpixels()

    def load(self, number: int) -> Piece:
        """Image and superpixels, ready for the network of the cut."""
        superpixels = self._superpixels_of(number).astype(np.int64)
        return self.stages.piece(self.pieces.piece(number), superpixels)

    def iter_classes(self, learned: Learned) -> Generator[Progress, None, list[Classes]]:
        """Classify the superpixels of each image by a trained network.

        Parameters
        ----------
        learned : Learned
            The network.

        Yields
        ------
        progress : Progress
            After each image.

        Returns
        -------
        found : list of Classes
            One for each image.
        """
        self.figures = learned.figures
        self.stages.clock.add("cut", learned.seconds)
        steps = iter_each("labels", len(self), lambda one: learned.classes(self.load(one)))
        return (yield from steps)

    def iter_apart(self) -> Generator[Progress, None, list[Classes]]:
        """Cut each image separately; the planes of a frame that is a stack are cut together.

        Yields
        ------
        progress : Progress
            After each step.

        Returns
        -------
        found : list of Classes
            One for each image.
        """
        settings = self.stages.settings
        together = dataclasses.replace(settings.cut_params, series="together")
        stages = self.stages.under(settings.replace(cut_params=together))
        each = settings.cut_params.n_iterations
        total = each * len(self)
        yield Progress("cut", 0, total)
        found, figures = [], []
        for number in range(len(self)):
            image = self.pieces.piece(number)
            one = OneImage(dataclasses.replace(self.pieces.series, frames=(image,)))
            run = Run.on(one, stages, self._superpixels_of(number).astype(np.int64))
            for step in run.iter_steps():
                yield Progress("cut", number * each + step.iteration, total, step)
            found.append(Classes.of(step))
            figures.append(Learned.figures_of(step))
        self.figures = {name: [one[name] for one in figures] for name in figures[0]}
        return found

    def result(self, found: Sequence[Classes], numbering: str = "consecutive") -> Segmentation:
        """Segmentation of all images, in axes of the original.

        Parameters
        ----------
        found : sequence of Classes
            One for each image.
        numbering : str
            ``common`` keeps the numbers of classes that other files share.

        Returns
        -------
        segmentation : Segmentation
            Its smoothed images are made when they are asked for.
        """
        if numbering != "common":
            found = without_gaps(found)
        made = Segmentation(
            labels=self._labels(found),
            superpixels=self._joined_superpixels(),
            classes_of_superpixels=np.concatenate([one.classes for one in found]),
            probabilities=np.concatenate([one.probabilities for one in found]),
            record=self.record(found) | {"numbering": numbering},
            smooth=self.smoothed,
            geometry=self.pieces.geometry,
        )
        return made.within(self.pieces.valid())

    def record(self, found: Sequence[Classes] = ()) -> Record:
        """Record of all images.

        Parameters
        ----------
        found : sequence of Classes
            One for each image, if they were cut.

        Returns
        -------
        record : dict
            Ready for JSON.
        """
        record: dict[str, Any] = self.stages.record(self.pieces.piece(0))
        record["image"] |= series_image_record(self.pieces)
        record |= {"n_images": len(self), **self.figures}
        if found:
            classes = [one.classes for one in found]
            record["n_superpixels"] = sum(map(len, classes))
            record["n_classes"] = len(np.unique(np.concatenate(classes)))
        return record

    def _labels(self, found: Sequence[Classes]) -> np.ndarray:
        """Label image in axes of the original, everywhere; regions are numbered on."""
        maps = []
        for number, one in enumerate(found):
            smallest = one.classes.astype(np.min_scalar_type(one.probabilities.shape[1]))
            maps.append(smallest[self._superpixels_of(number)])
        if self.stages.settings.cut_params.result == "regions":
            maps = numbered_on([connected_regions(each) for each in maps])
        return to_label_image(self.pieces.place(maps))

    def _superpixels_of(self, number: int) -> np.ndarray:
        """Superpixels of an image from 0, in the smallest type that holds them."""
        if number not in self._superpixels:
            made = self.stages.superpixels(self.pieces.piece(number))
            self._superpixels[number] = made.astype(np.min_scalar_type(int(made.max())))
        return self._superpixels[number]

    def _joined_superpixels(self) -> np.ndarray:
        each = [self._superpixels_of(number) for number in range(len(self))]
        return to_label_image(self.pieces.place(numbered_on(each)), self.pieces.valid())


def whole_run(image: Any, settings: Settings) -> SeriesRun:
    """Run of an image for stages before the cut, to which a stack is one piece."""
    together = dataclasses.replace(settings.cut_params, series="together")
    whole = settings.replace(cut_params=together)
    return SeriesRun(open_pieces(image, whole), Stages(settings))


def series_image_record(pieces: OneImage) -> Record:
    """Part of an image's record that a series changes; empty for one image."""
    if len(pieces) == 1:
        return {}
    series, first = pieces.series, pieces.piece(0)
    record: Record = {"axes": series.axes, "shape": [len(pieces), *first.pixels.shape[1:]]}
    if not isinstance(pieces, Frames):  # planes have the hash of their stack
        place: Record = {"spacing": list(series.spacing)}
        starts = {"translation": list(series.translation)} if series.translation else {}
        return record | place | starts
    hashes = hashes_of(pieces.piece(number).sha256 for number in range(len(pieces)))
    return record | {"sha256": hashes}


def cut_series(pieces: OneImage, stages: Stages) -> Generator[Progress, None, Segmentation]:
    """Segment frames or planes by the cut, together or apart as the settings say.

    Parameters
    ----------
    pieces : Frames or Planes
        The images.
    stages : Stages
        Stages of the method.

    Yields
    ------
    progress : Progress
        After each image and each step.

    Returns
    -------
    segmentation : Segmentation
        In the shape of the original. Together, a class means the same in all images.
        Superpixels, and labels where regions were asked for, are numbered on from image to
        image.
    """
    run, params = SeriesRun(pieces, stages), stages.settings.cut_params
    yield from run.iter_superpixels()
    if params.series == "apart":
        apart = yield from run.iter_apart()
        return run.result([without_gaps([one])[0] for one in apart])
    load = kept_small(run.load, params)

    def draw(rng: np.random.Generator) -> Piece:
        return load(int(rng.integers(len(run))))

    learned = yield from iter_learning(draw, stages, "cut")
    return run.result((yield from run.iter_classes(learned)))
