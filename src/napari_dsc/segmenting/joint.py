"""One network for many images: class k means the same in each of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from napari_dsc.errors import (
    ComputationError,
    DSCError,
    InvalidImageError,
)
from napari_dsc.images import Pool, always
from napari_dsc.params import CutParams, ImageParams
from napari_dsc.records.record import N_LISTED, sha256_of
from napari_dsc.segmenting.frames import Frames
from napari_dsc.segmenting.learned import iter_learning, kept_small, refuse_alone
from napari_dsc.segmenting.series import last_of, open_series

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from typing import Unpack

    import numpy as np
    from numpy.typing import ArrayLike

    from napari_dsc.cut.joint import Piece
    from napari_dsc.cut.objective import CutStep
    from napari_dsc.records.record import Record
    from napari_dsc.segmenting.learned import Learned
    from napari_dsc.segmenting.pipeline import RunOptions
    from napari_dsc.segmenting.results import Segmentation


UNLIKE = "joint: the images are not of one type, so each is stretched by itself"


class Member(NamedTuple):
    """One of many images, as far as all must know of it."""

    place: int
    n_channels: int
    n_frames: int
    sha256: str


class JointRun:
    """The cut of many images by one network; images are read when they are needed.

    Parameters
    ----------
    images : sequence of array or path
        As `napari_dsc.Run` takes them; of any size, with one number of channels. The frames
        of a time series count as images.
    **options
        Keyword arguments of `napari_dsc.Run`; percentiles are those of all images together.

    Attributes
    ----------
    members : list of Member
        Images that can be used, in an order that does not depend on that of `images`.
    failures : dict of int to DSCError
        Why others cannot, by their place in `images`; the survey leaves out those that are
        here before it.
    normalization : dict
        Intensities that become 0 and 1 in all images, found by the survey; empty if each is
        stretched by itself, because they are not of one type.
    notes : list of str
        Sentences for the user.

    Raises
    ------
    InvalidParameterError
        If images are to be cut apart, or not by the cut.
    """

    def __init__(
        self, images: Sequence[ArrayLike | Path], **options: Unpack[RunOptions]
    ) -> None:
        self.images, self.options = images, options
        self.params = options.get("cut_params", CutParams())
        self.members: list[Member] = []
        self.failures: dict[int, DSCError] = {}
        self.normalization: dict[str, object] = {}
        self.notes = list[str]()
        self._pool = Pool()
        refuse_alone(options)

    def iter_survey(self) -> Iterator[int]:
        """Read every image once, one at a time, to find those that can be used.

        Yields
        ------
        place : int
            Of each image, once it is among `members` or `failures`.

        Raises
        ------
        InvalidImageError
            At the end, if the numbers of channels differ or no image can be used.
        """
        for place in range(len(self.images)):
            try:
                if place not in self.failures:
                    self.members.append(self._member(place))
            except DSCError as error:
                self.failures[place] = error
            yield place
        if not self.members:
            raise InvalidImageError(
                f"joint: none of {len(self.images)} images can be used, expected one or more"
            ) from next(iter(self.failures.values()), None)
        self._check_channels()
        self._stretch()
        self.members.sort(key=lambda member: (member.sha256, member.place))

    def iter_learning(self) -> Generator[CutStep, None, Learned]:
        """Learn from images drawn by chance, after the survey.

        Yields
        ------
        step : CutStep
            Each step.

        Returns
        -------
        learned : Learned
            Network for all images.

        Raises
        ------
        DSCError
            If no image can be smoothed and divided.
        """
        usable = list(self.members)
        load = kept_small(self._piece, self.params)

        def draw(rng: np.random.Generator) -> Piece:
            while True:
                member = usable[int(rng.integers(len(usable)))]
                frame = int(rng.integers(member.n_frames))
                try:
                    return load(member.place, frame)
                except DSCError:  # told when its labels are asked for
                    usable.remove(member)
                    if not usable:
                        raise

        model = self.frames(self.members[0].place).runs[0].model
        return (yield from iter_learning(draw, model, self.params))

    def frames(self, place: int, *, keep_smoothed: bool = False) -> Frames:
        """Read an image, or the frames of one.

        Parameters
        ----------
        place : int
            Which one.
        keep_smoothed : bool
            See `Frames`.

        Returns
        -------
        frames : Frames
            Nothing is made of them yet.

        Raises
        ------
        DSCError
            If it cannot be read.
        """
        choose = always(self.normalization)
        series = open_series(self.images[place], self.options, choose)
        return Frames(series, keep_smoothed=keep_smoothed, **self.options)

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
        try:
            frames = open_series(self.images[place], self.options, self._pool.note).frames
        except MemoryError as error:
            raise ComputationError("out of memory; crop or downscale the image") from error
        hashes = [frame.sha256 for frame in frames]
        sha256 = hashes[0] if len(frames) == 1 else sha256_of(hashes)
        return Member(place, len(frames[0].pixels), len(frames), sha256)

    def _check_channels(self) -> None:
        usual = Counter(member.n_channels for member in self.members).most_common(1)[0][0]
        example = next(one for one in self.members if one.n_channels == usual)
        for member in self.members:
            if member.n_channels != usual:
                raise InvalidImageError(
                    f"{self._named(member)}: {member.n_channels} channels, expected {usual} as "
                    f"in {self._named(example)} to cut them together"
                )

    def _stretch(self) -> None:
        if not self._pool.is_alike():
            self.notes.append(UNLIKE)
            return
        params = self.options.get("image_params", ImageParams())
        self.normalization = dict(self._pool.normalization(params)._asdict())
        self._pool.drawn.clear()

    def _named(self, member: Member) -> str:
        image = self.images[member.place]
        return str(image) if isinstance(image, Path) else f"image {member.place}"

    def _piece(self, place: int, frame: int) -> Piece:
        return self.frames(place).piece(frame)


def iter_joint(
    images: Sequence[ArrayLike | str | Path], **options: Unpack[RunOptions]
) -> Iterator[Segmentation]:
    """Segment many images into common classes, by one network that learns from all of them.

    Parameters
    ----------
    images : sequence of array or path
        As `napari_dsc.Run` takes them; of any size, with one number of channels. Files are
        read when they are needed, so that thousands do not fill the memory. The frames
        of a time series count as images.
    **options
        Keyword arguments of `napari_dsc.Run`; percentiles are those of all images together.

    Yields
    ------
    segmentation : Segmentation
        One for each image, in their order. Class k is the same in all.

    Raises
    ------
    DSCError
        If one of the images or parameters cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_dsc import CutParams, SuperpixelParams
    >>> image = np.zeros((16, 24), np.uint8)
    >>> image[:, 12:] = 200
    >>> first, second = iter_joint(
    ...     [image, image[:, ::-1]],
    ...     superpixel_params=SuperpixelParams(n_superpixels=6),
    ...     cut_params=CutParams(n_iterations=2),
    ... )
    >>> first.record["joint"]["n_images"]
    2
    """
    run = JointRun([Path(one) if isinstance(one, str) else one for one in images], **options)
    for place in run.iter_survey():
        if place in run.failures:
            raise run.failures[place]
    learned = last_of(run.iter_learning())
    for place in range(len(images)):
        frames = run.frames(place, keep_smoothed=True)
        found = frames.segmentation(last_of(frames.iter_classes_by(learned)))
        found.record["joint"] = run.record()
        yield found
