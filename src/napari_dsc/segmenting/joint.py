"""Many images in common classes: one network learns from all of them."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from napari_dsc.errors import ComputationError, DSCError
from napari_dsc.machine.progress import Progress, exhausted
from napari_dsc.segmenting.files import TOO_LARGE
from napari_dsc.segmenting.network import iter_learning, kept_small
from napari_dsc.segmenting.series import SeriesRun

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np

    from napari_dsc.cut.joint import Piece
    from napari_dsc.records.record import Record
    from napari_dsc.segmenting.files import Files
    from napari_dsc.segmenting.network import Learned
    from napari_dsc.segmenting.stages import Stages

# bytes of images and superpixels that stay in memory between learning and labels: the films
# and photos of a usual series of experiments, a small share of a workstation's memory
KEPT_BYTES = 2**30


class JointRun:
    """One network for many files, after their survey.

    Parameters
    ----------
    files : Files
        The images.
    stages : Stages
        Stages of the method.
    """

    def __init__(self, files: Files, stages: Stages) -> None:
        self.files, self.stages = files, stages
        self._runs: OrderedDict[int, SeriesRun] = OrderedDict()

    def run(self, place: int) -> SeriesRun:
        """Run of one file, which stays in memory as long as there is room for it.

        Parameters
        ----------
        place : int
            Its place among the images.

        Returns
        -------
        run : SeriesRun
            With the superpixels it has made so far.

        Raises
        ------
        DSCError
            If the file cannot be read.
        """
        runs = self._runs
        if place not in runs:
            runs[place] = SeriesRun(self.files.piece(place), self.stages.fresh())
        runs.move_to_end(place)
        while len(runs) > 1 and sum(run.n_bytes for run in runs.values()) > KEPT_BYTES:
            runs.popitem(last=False)
        return runs[place]

    def release(self, place: int) -> None:
        """Drop the run of a file that is done."""
        self._runs.pop(place, None)

    def iter_learning(self) -> Generator[Progress, None, Learned]:
        """Learn from images drawn by chance.

        Yields
        ------
        progress : Progress
            After each step.

        Returns
        -------
        learned : Learned
            Network for all images.

        Raises
        ------
        DSCError
            If no image can be smoothed and divided.
        """
        usable = list(self.files.members)
        params = self.stages.settings.cut_params
        load = kept_small(lambda place, frame: self.run(place).load(frame), params)

        def draw(rng: np.random.Generator) -> Piece:
            while True:
                member = usable[int(rng.integers(len(usable)))]
                frame = int(rng.integers(member.n_frames))
                try:
                    return load(member.place, frame)
                except DSCError:  # the error comes when its labels are made
                    usable.remove(member)
                    if not usable:
                        raise

        return (yield from iter_learning(draw, self.stages, "learning"))


def cut_files(files: Files, stages: Stages) -> Generator[Progress, None, Record]:
    """Segment many images into common classes.

    Parameters
    ----------
    files : Files
        The images; those that fail are among its `failures`.
    stages : Stages
        Stages of the method.

    Yields
    ------
    progress : Progress
        In the stage ``reading`` after each image; in ``learning`` after each step; in
        ``labels`` after each image, in their order, with its `Segmentation`. An image that
        fails comes with its error.

    Returns
    -------
    record : dict
        Which images were cut together.

    Raises
    ------
    DSCError
        If the images have different numbers of channels, or none can be used.
    """
    yield from files.iter_survey()
    joint = JointRun(files, stages)
    learned = yield from joint.iter_learning()
    yield Progress("labels", 0, len(files))
    for place in range(len(files)):
        if place not in files.failures:
            yield Progress("labels", place + 1, len(files), _labels(joint, place, learned))
    return files.record()


def _labels(joint: JointRun, place: int, learned: Learned) -> Any:
    """Segmentation of one file, or the error that it failed with."""
    files = joint.files
    try:
        run = joint.run(place)
        found = run.result(exhausted(run.iter_classes(learned)), "common")
    except DSCError as error:
        files.failures[place] = error
        return error
    except MemoryError:
        files.failures[place] = ComputationError(TOO_LARGE)
        return files.failures[place]
    finally:
        joint.release(place)
    found.record["joint"] = files.record()
    return found
