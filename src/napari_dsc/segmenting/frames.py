"""Images of a series, and what is made of each of them."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_dsc.images import to_label_image
from napari_dsc.labels.regions import connected_regions, numbered_on
from napari_dsc.records.record import hashes_of
from napari_dsc.segmenting.learned import (
    Classes,
    Learned,
    figures_of,
    iter_learning,
    kept_small,
    piece_of,
)
from napari_dsc.segmenting.results import Segmentation
from napari_dsc.segmenting.run import Run

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_dsc.cut.joint import Piece
    from napari_dsc.cut.objective import CutStep
    from napari_dsc.images import ImageSeries
    from napari_dsc.records.record import Record
    from napari_dsc.segmenting.results import Step


class SeriesStep(NamedTuple):
    """How far the cut of a series is.

    Parameters
    ----------
    stage : str
        ``superpixels``, ``cut`` or ``labels``.
    done, total : int
        Images that have superpixels or classes, or iterations of the cut.
    step : CutStep, Step or None
        Last step of the cut, while it goes on: on one of the images.
    """

    stage: str
    done: int
    total: int
    step: CutStep | Step | None = None


class Frames:
    """Images of a series, with as little in memory of what is made of each as is needed.

    Parameters
    ----------
    series : ImageSeries
        One image or more.
    keep_smoothed : bool
        Whether `smoothed` will be asked for after superpixels were, to make it once.
    **options
        Keyword arguments of `Run`.

    Attributes
    ----------
    runs : list of Run
        One for each image, with one smoothing network for all.
    figures : dict
        How the cut ended, for the record.
    """

    def __init__(
        self, series: ImageSeries, *, keep_smoothed: bool = False, **options: Any
    ) -> None:
        self.series = series
        self.runs = [Run(frame, **options) for frame in series.frames]
        for run in self.runs[1:]:
            run.model = self.runs[0].model
        self.figures: Record = {}
        self._seconds: dict[str, float] = {}
        self._keeps_smoothed = keep_smoothed
        self._smoothed: dict[int, np.ndarray] = {}
        self._superpixels: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.runs)

    def smoothed(self) -> np.ndarray:
        """Smoothed images, in axes, type and units of the original."""
        return self.series.join([self._smooth(number) for number in range(len(self))])

    def superpixels(self) -> np.ndarray:
        """Superpixels from 1, numbered on from image to image, in axes of the original."""
        return self._joined(numbered_on([self._divide(number) for number in range(len(self))]))

    def piece(self, number: int) -> Piece:
        """Image and superpixels, ready for a network."""
        run = self.runs[number]
        run.superpixels = self._divide(number).astype(np.int64)
        piece = piece_of(run)
        _forget(run)
        return piece

    def iter_classes(self) -> Generator[SeriesStep, None, list[Classes]]:
        """Classes of the superpixels of each image, together or apart as parameters say.

        Yields
        ------
        step : SeriesStep
            After each image and each iteration.

        Returns
        -------
        found : list of Classes
            One for each image. Together, a class means the same in all of them.
        """
        for number in range(len(self)):
            self._divide(number)
            yield SeriesStep("superpixels", number + 1, len(self))
        first = self.runs[0]
        if first.cut_params.series == "apart":
            return (yield from self._iter_apart())
        load = kept_small(self.piece, first.cut_params)
        learned = yield from _numbered(
            iter_learning(
                lambda rng: load(int(rng.integers(len(self)))), first.model, first.cut_params
            ),
            first.cut_params.n_iterations,
        )
        return (yield from self.iter_classes_by(learned))

    def iter_classes_by(self, learned: Learned) -> Generator[SeriesStep, None, list[Classes]]:
        """Classes of the superpixels of each image, by a network that learned already.

        Parameters
        ----------
        learned : Learned
            The network.

        Yields
        ------
        step : SeriesStep
            After each image.

        Returns
        -------
        found : list of Classes
            One for each image.
        """
        self.figures = learned.figures
        self._seconds["cut"] = learned.seconds
        found = []
        for number in range(len(self)):
            found.append(learned.classes(self.piece(number)))
            yield SeriesStep("labels", number + 1, len(self))
        return found

    def labels(self, found: Sequence[Classes]) -> np.ndarray:
        """Label image in axes of the original.

        Parameters
        ----------
        found : sequence of Classes
            One for each image.

        Returns
        -------
        labels : unsigned int array
            From 1; regions are numbered on from image to image.
        """
        maps = []
        for number, one in enumerate(found):
            smallest = one.classes.astype(np.min_scalar_type(one.probabilities.shape[1]))
            maps.append(smallest[self._divide(number)])
        if self.runs[0].cut_params.result == "regions":
            maps = numbered_on([connected_regions(each) for each in maps])
        return self._joined(maps)

    def segmentation(self, found: Sequence[Classes]) -> Segmentation:
        """All that is known of the images, in axes of the original.

        Parameters
        ----------
        found : sequence of Classes
            One for each image.

        Returns
        -------
        segmentation : Segmentation
            With `labels`, `superpixels`, `smoothed` and `record`.
        """
        return Segmentation(
            labels=self.labels(found),
            superpixels=self.superpixels(),
            smoothed=self.smoothed(),
            classes_of_superpixels=np.concatenate([one.classes for one in found]),
            probabilities=np.concatenate([one.probabilities for one in found]),
            record=self.record(found),
        )

    def record(self, found: Sequence[Classes] = ()) -> Record:
        """Record of the first run, with hashes, notes and seconds of all.

        Parameters
        ----------
        found : sequence of Classes
            One for each image, if they were cut.

        Returns
        -------
        record : dict
            Ready for JSON.
        """
        record, runs = self.runs[0].record(), self.runs
        seconds = dict(self._seconds)
        for stage, taken in [one for run in runs for one in run.seconds.items()]:
            seconds[stage] = seconds.get(stage, 0) + taken
        image: dict[str, Any] = record["image"]  # type: ignore[assignment]
        if len(runs) > 1:
            image |= {"axes": self.series.axes, "shape": [len(runs), *image["shape"]]}
            if self.series.along == "Z":  # planes have the hash of their stack
                image["spacing"] = list(self.series.spacing)
            else:
                image["sha256"] = hashes_of(run.image.sha256 for run in runs)
        classes = [one.classes for one in found]
        counts = (
            {
                "n_superpixels": sum(map(len, classes)),
                "n_classes": len(np.unique(np.concatenate(classes))),
            }
            if classes
            else {}
        )
        return record | {
            "image": image,
            "notes": list(dict.fromkeys(note for run in runs for note in run.notes)),
            "seconds": {stage: round(taken, 3) for stage, taken in seconds.items()},
            "n_images": len(runs),
            **self.figures,
            **counts,
        }

    def _iter_apart(self) -> Generator[SeriesStep, None, list[Classes]]:
        found, figures = [], []
        each = self.runs[0].cut_params.n_iterations
        for number, run in enumerate(self.runs):
            run.superpixels = self._divide(number).astype(np.int64)
            given, run.cut_params = run.cut_params, replace(run.cut_params, series="together")
            try:  # its planes are cut together, if it is a stack
                for step in run.iter_steps():
                    done = number * each + step.iteration
                    yield SeriesStep("cut", done, len(self) * each, step)
            finally:
                run.cut_params = given
            found.append(Classes(step.classes.cpu().numpy(), step.assignment.cpu().numpy()))
            figures.append(figures_of(step))
            _forget(run)
        self.figures = {name: [one[name] for one in figures] for name in figures[0]}
        return found

    def _divide(self, number: int) -> np.ndarray:
        """Superpixels of an image from 0, in the smallest type that holds them."""
        if number not in self._superpixels:
            run = self.runs[number]
            made = run.superpixels
            self._superpixels[number] = made.astype(np.min_scalar_type(int(made.max())))
            if self._keeps_smoothed:
                self._smoothed[number] = run.image.restore(run.smoothed)
            _forget(run)
        return self._superpixels[number]

    def _smooth(self, number: int) -> np.ndarray:
        if number in self._smoothed:
            return self._smoothed.pop(number)
        run = self.runs[number]
        restored = run.image.restore(run.smoothed)
        _forget(run)
        return restored

    def _joined(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """One label image of labels from 0."""
        runs = zip(self.runs, parts, strict=True)
        return to_label_image(
            self.series.join([run.image.restore_labels(part) for run, part in runs])
        )


def _numbered(
    steps: Generator[CutStep, None, Learned], total: int
) -> Generator[SeriesStep, None, Learned]:
    """Steps of the cut among those of a series."""
    with contextlib.closing(steps):
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                learned: Learned = end.value
                return learned
            yield SeriesStep("cut", step.iteration, total, step)


def _forget(run: Run) -> None:
    """Drop the large arrays that a run made, which it would make again if asked."""
    for name in ("smoothed", "superpixels"):
        vars(run).pop(name, None)
