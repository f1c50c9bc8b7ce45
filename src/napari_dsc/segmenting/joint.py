"""Files that are cut together: one network learns from all of them."""

from collections import Counter, OrderedDict
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from napari_dsc.cut.joint import Piece
from napari_dsc.errors import ComputationError, DSCError, InvalidImageError
from napari_dsc.images import Pool, always
from napari_dsc.machine.progress import Progress, exhausted
from napari_dsc.records.record import N_LISTED, Record, sha256_of
from napari_dsc.segmenting.cutting.learning import Learned, iter_learning, kept_small
from napari_dsc.segmenting.pieces import OneImage, needs_tiles, open_pieces
from napari_dsc.segmenting.series import SeriesRun
from napari_dsc.segmenting.settings import Settings
from napari_dsc.segmenting.stages import Stages

UNLIKE = "joint: the images differ in type, so each is normalized by itself"
TOO_LARGE = "out of memory; crop or downscale the image"


class Member(NamedTuple):
    """One of many images, as far as all must know of it."""

    place: int
    n_channels: int
    n_frames: int
    sha256: str
    description: str


class Files:
    """Images, or files of them, that are cut by one network; they are read when needed.

    Parameters
    ----------
    images : sequence of array or path
        As `napari_dsc.Run` takes them; of any size, with one number of channels. The frames
        of a time series count as images.
    settings : Settings
        Percentiles are those of all images together.

    Attributes
    ----------
    members : list of Member
        Images that can be used, in an order that does not depend on that of `images`.
    failures : dict of int to DSCError
        Why others cannot, by their place in `images`.
    normalization : dict
        Intensities that become 0 and 1 in all images, found by the survey; empty if each is
        normalized by itself, because their types differ.
    notes : list of str
        Sentences for the user.
    """

    kind: ClassVar[str] = "files"

    def __init__(self, images: Sequence[ArrayLike | Path], settings: Settings) -> None:
        self.images, self.settings = images, settings
        self.members: list[Member] = []
        self.failures: dict[int, DSCError] = {}
        self.normalization: dict[str, object] = {}
        self.notes = list[str]()
        self._pool = Pool()

    def __len__(self) -> int:
        return len(self.images)

    def piece(self, number: int) -> OneImage:
        """Read one image, normalized as all are."""
        return open_pieces(self.images[number], self.settings, always(self.normalization))

    def describe(self) -> str:
        """Number of images, for people."""
        return f"{len(self)} images"

    def iter_survey(self) -> Generator[Progress, None, None]:
        """Read every image once, one at a time, to find those that can be used.

        Yields
        ------
        progress : Progress
            After each image, with the error if it cannot be used.

        Raises
        ------
        InvalidImageError
            At the end, if the numbers of channels differ or no image can be used.
        """
        for place in range(len(self)):
            try:
                self.members.append(self._member(place))
            except DSCError as error:
                self.failures[place] = error
            yield Progress("reading", place + 1, len(self), self.failures.get(place))
        if not self.members:
            raise InvalidImageError(
                f"joint: none of {len(self)} images can be used, expected one or more"
            ) from next(iter(self.failures.values()), None)
        self._check_channels()
        if self._pool.is_alike():
            found = self._pool.normalization(self.settings.image_params)
            self.normalization = dict(found._asdict())
            self._pool.drawn.clear()
        else:
            self.notes.append(UNLIKE)
        self.members.sort(key=lambda member: (member.sha256, member.place))

    def record(self) -> Record:
        """Which images were cut together, for the records of all.

        Returns
        -------
        record : dict
            Their number, a hash of all, up to 100 their hashes one by one, sorted, and the
            intensities that become 0 and 1.
        """
        hashes = [member.sha256 for member in self.members]
        record: Record = {
            "n_images": len(hashes),
            "sha256": sha256_of(hashes),
            "normalization": self.normalization,
        }
        return record | ({"images": hashes} if len(hashes) <= N_LISTED else {})

    def _member(self, place: int) -> Member:
        image: Any = self.images[place]
        if needs_tiles(image, self.settings, can_be_whole=True):
            raise InvalidImageError(
                f"{image}: would be segmented in tiles, which joint cannot do; leave it "
                "out, or segment it alone"
            )
        try:
            pieces = open_pieces(image, self.settings, self._pool.note)
        except MemoryError as error:
            raise ComputationError(TOO_LARGE) from error
        first = pieces.piece(0)
        hashes = [pieces.piece(number).sha256 for number in range(len(pieces))]
        sha256 = hashes[0] if len(hashes) == 1 else sha256_of(hashes)
        return Member(place, len(first.pixels), len(hashes), sha256, pieces.describe())

    def _check_channels(self) -> None:
        usual = Counter(member.n_channels for member in self.members).most_common(1)[0][0]
        example = next(one for one in self.members if one.n_channels == usual)
        for member in self.members:
            if member.n_channels != usual:
                raise InvalidImageError(
                    f"{self._named(member)}: {member.n_channels} channels, expected {usual} as "
                    f"in {self._named(example)} to cut them together"
                )

    def _named(self, member: Member) -> str:
        image = self.images[member.place]
        return str(image) if isinstance(image, Path) else f"image {member.place}"


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
        """Run of the file at a place, which stays in memory as long as there is room for it.

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
