"""Flags of the commands, in classes that several of them share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from cyclopts import Group, Parameter, Token, convert

from napari_dsc import params
from napari_dsc.cli.plan import Plan, plan_jobs
from napari_dsc.errors import InvalidParameterError
from napari_dsc.evaluation.terms import Zero, zero_of
from napari_dsc.segmenting.settings import Settings

Number = TypeVar("Number")
_COLORS = {"r": 0, "g": 1, "b": 2, "R": 0, "G": 1, "B": 2}


def parse_spacing(text: str) -> tuple[float, ...]:
    """Pixel sizes from the flag ``--spacing``.

    Parameters
    ----------
    text : str
        Numbers with commas between them, or empty.

    Returns
    -------
    spacing : tuple of float
        As `load_image` takes them.

    Raises
    ------
    InvalidParameterError
        If a word is no number.

    Examples
    --------
    >>> parse_spacing("2,0.5,0.5")
    (2.0, 0.5, 0.5)
    """
    return _numbers("spacing", text, float, "numbers with commas, such as 2,0.5,0.5")


def parse_channels(text: str) -> tuple[int, ...]:
    """Channels from the flag ``--channels``.

    Parameters
    ----------
    text : str
        Numbers from 0 or letters of RGB with commas between them, or empty.

    Returns
    -------
    channels : tuple of int
        As `load_image` takes them.

    Raises
    ------
    InvalidParameterError
        If a word is neither.

    Examples
    --------
    >>> parse_channels("g"), parse_channels("4,0")
    ((1,), (4, 0))
    """
    expected = "numbers from 0 or r, g, b with commas, such as 0,2,5"
    return _numbers(
        "channels", text, lambda word: int(_COLORS.get(word.lower(), word)), expected
    )


def _numbers(
    flag: str, text: str, number: Callable[[str], Number], expected: str
) -> tuple[Number, ...]:
    try:
        return tuple(map(number, text.split(","))) if text else ()
    except ValueError as error:
        raise InvalidParameterError(f"{flag}={text!r}: expected {expected}") from error


Inputs = Annotated[list[Path], Parameter(name="IN", negative="")]
Output = Annotated[Path, Parameter(name=("--output", "-o"))]
ImageFlags = Annotated[
    params.ImageParams, Parameter(name="*", group=Group("Intensities", sort_key=2))
]
SuperpixelFlags = Annotated[
    params.SuperpixelParams, Parameter(name="*", group=Group("Superpixels", sort_key=3))
]
TreeFlags = Annotated[
    params.TreeParams, Parameter(name="*", group=Group("Merge tree", sort_key=5))
]
CutFlags = Annotated[params.CutParams, Parameter(name="*", group=Group("Cut", sort_key=4))]
ClassFlags = Annotated[
    params.ClassParams, Parameter(name="*", group=Group("Class tree", sort_key=5))
]


def _zero(kind: type, tokens: Sequence[Token]) -> object:
    """Value of ``--zero``, in the old spelling as well."""
    return convert(kind, [token.evolve(value=zero_of(token.value)) for token in tokens])


ZeroFlag = Annotated[Zero, Parameter(converter=_zero)]
Switch = Annotated[bool, Parameter(negative="")]
Quiet = Annotated[bool, Parameter(name=("--quiet", "-q"), negative="")]


@dataclass(frozen=True, kw_only=True)
class RunFlags:
    """Flags of all commands that read images.

    Parameters
    ----------
    axes : str
        Axes of the images, one letter of ``TZCYX`` each in any order, such as ``YXC`` or
        ``ZYX``; default: read from the file, else inferred from the shape.
    spacing : str
        Pixel size in micrometers along the axes of space in their order, with commas, such
        as ``2,0.5,0.5`` for ``ZYX``; default: read from the file.
    channels : str
        Channels to take, with commas: numbers from 0, or ``r``, ``g``, ``b`` for the first
        three; default: all.
    weights : str
        Name of registered weights (see ``napari-dsc weights list``) or a safetensors file;
        default: those inside the package that suit the method.
    device : str
        Where to compute: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    preset : str
        Parameter preset: ``fast`` (default) or ``paper`` (settings as published); a recipe
        and flags take precedence.
    recipe : Path
        Take all settings from this JSON file, or from the record in a label TIFF or OME-Zarr
        written earlier; flags on the command line take precedence.
    save_recipe : Path
        Write the settings to this JSON file.
    overwrite : bool
        Replace outputs that napari-dsc wrote earlier; other files are never replaced.
    quiet : bool
        Print errors only.
    json : bool
        Write one line of JSON per image to stdout.
    """

    axes: str = ""
    spacing: str = ""
    channels: str = ""
    weights: str = ""
    device: str = "auto"
    preset: Literal["fast", "paper"] = "fast"
    recipe: Path | None = None
    save_recipe: Path | None = None
    overwrite: Switch = False
    quiet: Quiet = False
    json: Switch = False

    def settings(self, **others: Any) -> Settings:
        """Settings of a run with these flags, and with other fields of `Settings`."""
        return Settings(
            axes=self.axes,
            spacing=parse_spacing(self.spacing),
            channels=parse_channels(self.channels),
            weights=self.weights,
            device=self.device,
            **others,
        )

    def files(self) -> list[Path]:
        """Files besides the images that are read."""
        weights = [Path(self.weights)] if self.weights else []
        return weights + ([] if self.recipe is None else [self.recipe])


@dataclass(frozen=True, kw_only=True)
class LabelTargets:
    """Where labels and their pictures go.

    Parameters
    ----------
    output : Path
        A .tif, .png, .npy or .ome.zarr file for one image; a folder for several, where
        ``a.jpg`` becomes ``a_segments.tif`` or ``a_superpixels.tif``. A name without suffix
        is a folder.
    overlay : Path
        Draw the boundaries on the image as well: a .png file for one image; a folder for
        several, where ``a.jpg`` becomes ``a_overlay.png``.
    """

    output: Output
    overlay: Path | None = None

    def plan(self, inputs: Sequence[Path], kind: str) -> Plan:
        """Jobs for all inputs."""
        return plan_jobs(inputs, self.output, kind, self.overlay)


@dataclass(frozen=True, kw_only=True)
class LargeFlags:
    """How an image is read that does not fit into memory.

    Parameters
    ----------
    tile : int
        Side in pixels of the tiles that an image is cut by; 0: tiles of 1024 for TIFF and
        zarr of more than 16.7 megapixels (4096 x 4096), one piece for other images, for
        trees and with an overlay.
    level : int
        Level of a pyramid that is segmented (OME-Zarr, TIFF), always in tiles unless it is 0,
        the finest.
    """

    tile: int = 0
    level: int = 0


@dataclass(frozen=True, kw_only=True)
class StageFlags:
    """Parameters of the stages of a segmentation."""

    image_params: ImageFlags = params.ImageParams()
    superpixel_params: SuperpixelFlags = params.SuperpixelParams()
    cut_params: CutFlags = params.CutParams()
    tree_params: TreeFlags = params.TreeParams()
    class_params: ClassFlags = params.ClassParams()


Stages = Annotated[StageFlags, Parameter(name="*")]
Run = Annotated[RunFlags, Parameter(name="*", group=Group("Run", sort_key=1))]
Targets = Annotated[LabelTargets, Parameter(name="*")]
Large = Annotated[LargeFlags, Parameter(name="*", group=Group("Large images", sort_key=6))]


@dataclass(frozen=True, kw_only=True)
class BatchFlags:
    """Where the outputs go, and who makes them.

    Parameters
    ----------
    output : Path
        Folder of the outputs, where ``a.jpg`` becomes ``a_segments.tif``, and of the log
        ``batch.jsonl``. One batch at a time works in it.
    resume : bool
        Keep outputs that were made of the same file with the same parameters and weights,
        and make the others.
    joint : bool
        Segment all images into common classes, by one network that learns from all of them
        first.
    workers : int
        Processes on this machine; 0 takes one for each processor core, or for each GPU.
    scheduler : str
        Address of a dask scheduler, ``tcp://...``; its workers do the work. With ``--device
        cuda`` only those that have the resource GPU.
    """

    output: Annotated[Path, Parameter(name=("--output", "-o"))]
    resume: Switch = False
    joint: Switch = False
    workers: int = 0
    scheduler: str = ""


Batch = Annotated[BatchFlags, Parameter(name="*", group=Group("Batch", sort_key=0))]


@dataclass(frozen=True, kw_only=True)
class TrainingFlags:
    """How a training is run.

    Parameters
    ----------
    templates : Path
        Folder of label images, named like the images; default: templates are made.
    axes : str
        Axes of the images as letters, ``YX``, ``YXC`` or ``CYX``, of stacks ``ZYX`` or
        ``ZCYX``; default: read from the files, else inferred from the shapes.
    device : str
        Where to compute: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    resume : bool
        Go on from the checkpoint of an interrupted training, or for more epochs.
    overwrite : bool
        Replace the files of an earlier training.
    quiet : bool
        Print errors only.
    license : str
        License of the weights, for their card.
    """

    templates: Path | None = None
    axes: str = ""
    device: str = "auto"
    resume: Switch = False
    overwrite: Switch = False
    quiet: Quiet = False
    license: str = "not stated"
