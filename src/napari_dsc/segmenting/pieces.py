"""Pieces of images to segment; a piece is prepared when it is asked for."""

import dataclasses
import math
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from napari_dsc import images
from napari_dsc.errors import InvalidImageError
from napari_dsc.files.lazy import open_lazily
from napari_dsc.images.axes import axes_of
from napari_dsc.layers import Geometry, is_image_layer, labels_geometry, read_layer
from napari_dsc.machine.progress import Progress
from napari_dsc.params import ImageParams
from napari_dsc.segmenting.settings import Settings

R = TypeVar("R")

# pixels of a plane in a TIFF that is segmented in one piece, unless tiles are asked for: such
# a run takes 5 to 6 GiB of memory
MOST_WHOLE = 2**24


class Pieces(Protocol):
    """Input of a segmenter, piece by piece.

    Attributes
    ----------
    kind : str
        ``image``, ``series``, ``files`` or ``tiles``: which function of a `Segmenter` takes
        the pieces.
    """

    kind: ClassVar[str]

    def __len__(self) -> int:
        """Number of pieces."""

    def piece(self, number: int) -> Any:
        """One piece, made ready now."""

    def describe(self) -> str:
        """Axes and size in one line, for people."""


@dataclasses.dataclass(frozen=True, eq=False)
class OneImage:
    """One plane or stack.

    Parameters
    ----------
    series : ImageSeries
        The image, or the images, as they were read.
    geometry : Geometry, optional
        Where the pixels lie in a napari viewer, if they came from a layer.
    superpixels, scribbles : array, optional
        What the user gives with the image, see `Run`.
    """

    kind: ClassVar[str] = "image"

    series: images.ImageSeries
    geometry: Geometry | None = None
    superpixels: ArrayLike | None = None
    scribbles: ArrayLike | None = None

    def __len__(self) -> int:
        return len(self.series.frames)

    def piece(self, number: int) -> images.Image:
        """Image of one piece, normalized now."""
        return self.series.frames[number]

    def place(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Bring a label image of each piece into the axes of the original.

        Parameters
        ----------
        parts : sequence of S int array
            Label image of each piece, as the method sees it.

        Returns
        -------
        labels : array
            One array, in the order of the original's axes.
        """
        pieces = [self.piece(number) for number in range(len(self))]
        return self.series.join(
            [one.restore_labels(part) for one, part in zip(pieces, parts, strict=True)]
        )

    def valid(self) -> np.ndarray | None:
        """Pixels that have a value, in the axes of the original; None if all have one."""
        if self.piece(0).valid is None:
            return None
        return self.place([self.piece(number).valid for number in range(len(self))])  # type: ignore[misc]

    def given(self, superpixels: ArrayLike | None, scribbles: ArrayLike | None) -> Self:
        """The same pieces with superpixels and scribbles of the user, or None."""
        return dataclasses.replace(self, superpixels=superpixels, scribbles=scribbles)

    def describe(self) -> str:
        """Axes, size and pixel size in one line, for people."""
        return self.series.describe()


class Frames(OneImage):
    """Frames of a time series, normalized together."""

    kind = "series"


class Planes(OneImage):
    """Planes of a stack that are cut apart."""

    kind = "series"


@dataclasses.dataclass(frozen=True, eq=False)
class Tiles:
    """Tiles of an image that does not fit into memory, or that is stored by chunks.

    Parameters
    ----------
    image : lazy array, sequence of them, RawImage or path
        As `napari_dsc.large.source.open_source` takes it.
    output : Path
        Where the labels go, ``.zarr`` or ``.tif``.
    superpixels, scribbles : array, optional
        What the user gives with the image, which `refuse` names.
    """

    kind: ClassVar[str] = "tiles"

    image: Any
    output: Path
    superpixels: ArrayLike | None = None
    scribbles: ArrayLike | None = None

    def __len__(self) -> int:
        return 1

    def piece(self, number: int) -> Any:
        """The image; its tiles are read one by one while it is segmented."""
        return self.image

    def describe(self) -> str:
        """Name of the image."""
        return str(self.image)


def one_image(image: Any, settings: Settings) -> OneImage:
    """Read an image that has no time.

    Parameters
    ----------
    image : array, Image, RawImage, path or napari Image layer
        See `napari_dsc.Run`.
    settings : Settings
        How it is read.

    Returns
    -------
    pieces : OneImage
        One piece.

    Raises
    ------
    InvalidImageError
        If the image cannot be used, or is a time series.
    InvalidParameterError
        If axes, spacing or channels do not fit the image.
    """
    return OneImage(*_read(image, settings, images.load_image))


def open_pieces(
    image: Any,
    settings: Settings,
    choose: Callable[
        [np.ndarray, ImageParams], images.Normalization
    ] = images.choose_normalization,
) -> OneImage:
    """Read an image, a stack or a time series.

    Parameters
    ----------
    image : array, Image, RawImage, path or napari Image layer
        See `napari_dsc.Run`; also a time series.
    settings : Settings
        How it is read, and whether planes are cut apart.
    choose : callable
        Finds the intensities that become 0 and 1, see `choose_normalization`.

    Returns
    -------
    pieces : OneImage, Frames or Planes
        What the settings ask to segment one by one.

    Raises
    ------
    InvalidImageError
        If the image cannot be used.
    InvalidParameterError
        If axes, spacing or channels do not fit the image.
    """
    series, geometry = _read(image, settings, partial(images.load_series, choose=choose))
    if len(series.frames) > 1:
        return Frames(series, geometry)
    first = series.frames[0]
    is_apart = settings.method == "dsc" and settings.cut_params.series == "apart"
    if is_apart and "Z" in first.axes:
        return Planes(first.planes(), geometry)
    return OneImage(series, geometry)


def needs_tiles(image: Any, settings: Settings, *, can_be_whole: bool = False) -> bool:
    """Whether an image is segmented by tiles: asked for, or large.

    Parameters
    ----------
    image : array or path
        The image.
    settings : Settings
        Its `tile` and `level` ask for tiles.
    can_be_whole : bool
        Whether tiles exclude what else is asked for; a large image is then one piece.

    Returns
    -------
    answer : bool
        False for files that cannot be opened; the error comes from whoever reads them.
    """
    if settings.tile or settings.level:
        return True
    return not can_be_whole and isinstance(image, Path) and _n_pixels(image) > MOST_WHOLE


def iter_each(
    stage: str, n_pieces: int, do: Callable[[int], R]
) -> Generator[Progress, None, list[R]]:
    """Call a function with the number of each piece; return a list of its values.

    Yields
    ------
    progress : Progress
        Before the first piece, and after each.
    """
    yield Progress(stage, 0, n_pieces)
    found = []
    for number in range(n_pieces):
        found.append(do(number))
        yield Progress(stage, number + 1, n_pieces)
    return found


def _read(
    image: Any, settings: Settings, load: Callable[..., images.Image | images.ImageSeries]
) -> tuple[images.ImageSeries, Geometry | None]:
    """Images, loaded if they are not yet, and where they lie if a layer shows them."""
    layer = image if is_image_layer(image) else None
    if layer is not None:
        image = read_layer(layer, settings.axes)
        axes, _ = axes_of(image, settings.axes)
    if not isinstance(image, images.Image):
        image = load(
            Path(image) if isinstance(image, str) else image,
            settings.axes,
            settings.image_params,
            spacing=settings.spacing,
            channels=settings.channels,
        )
    series = (
        images.ImageSeries((image,), image.axes) if isinstance(image, images.Image) else image
    )
    kept = series.axes.replace("C", "")
    return series, None if layer is None else labels_geometry(layer, axes, kept)


def _n_pixels(path: Path) -> int:
    """Pixels of a plane in a TIFF or zarr; 0 for other files, which are read whole."""
    try:
        with open_lazily(path, 0) as raw:
            if not raw.axes:
                return math.prod(sorted(raw.pixels.shape)[-2:])
            return math.prod(raw.pixels.shape[raw.axes.index(axis)] for axis in "YX")
    except InvalidImageError:
        return 0
