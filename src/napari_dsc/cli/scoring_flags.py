"""Flags of the commands that score, and the lists of words and numbers in them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from napari_dsc import params
from napari_dsc.cli.flags import Output, Quiet, Switch, ZeroFlag


def _named(name: str, title: str, place: int) -> Parameter:
    """Flags ``--name.parameter``: several methods have parameters of one name."""
    return Parameter(name=name, group=Group(title, sort_key=place))


@dataclass(frozen=True, kw_only=True)
class MethodFlags:
    """Parameters of all methods; each method reads those that concern it."""

    image_params: Annotated[params.ImageParams, _named("image", "Intensities", 2)] = (
        params.ImageParams()
    )
    superpixel_params: Annotated[
        params.SuperpixelParams, _named("superpixel", "Superpixels", 3)
    ] = params.SuperpixelParams()
    cut_params: Annotated[params.CutParams, _named("cut", "Cut", 4)] = params.CutParams()
    tree_params: Annotated[params.TreeParams, _named("tree", "Merge tree", 5)] = (
        params.TreeParams()
    )
    class_params: Annotated[params.ClassParams, _named("class", "Class tree", 5)] = (
        params.ClassParams()
    )
    cluster_params: Annotated[params.ClusterParams, _named("cluster", "k-means, N-cut", 6)] = (
        params.ClusterParams()
    )
    backprop_params: Annotated[params.BackpropParams, _named("backprop", "Backprop", 7)] = (
        params.BackpropParams()
    )
    mumford_shah_params: Annotated[
        params.MumfordShahParams, _named("mumford-shah", "Mumford-Shah loss", 8)
    ] = params.MumfordShahParams()
    cae_tvl_params: Annotated[params.CaeTvlParams, _named("cae-tvl", "CAE-TVL", 9)] = (
        params.CaeTvlParams()
    )
    wnet_params: Annotated[params.WNetParams, _named("wnet", "W-Net", 10)] = params.WNetParams()


@dataclass(frozen=True, kw_only=True)
class EntryFlags:
    """Which methods are scored, and where they compute.

    Parameters
    ----------
    method : str
        One method, or several with commas between; an unknown one lists them all.
    superpixels : str
        Kinds of superpixels for the methods that merge them, with commas between; default:
        ``--superpixel.superpixels``.
    scales : str
        Scales with commas between, such as ``100,50,20,10``; default: those of each
        method. What a scale is depends on the method: a number of superpixels, of
        classes or of regions, or a constant of its own.
    preset : str
        Parameter preset: ``fast`` (default) or ``paper`` (settings as published); flags take
        precedence.
    weights : str
        Name of registered weights or a safetensors file; default: those in the package.
    device : str
        Where to compute: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    """

    method: str = "dsc"
    superpixels: str = ""
    scales: str = ""
    preset: Literal["fast", "paper"] = "fast"
    weights: str = ""
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class FolderFlags:
    """How files are read, and where the scores go.

    Parameters
    ----------
    output : Path
        Folder for ``scores.csv`` (each image and scale), ``summary.json`` and
        ``summary.md``. If it exists, what was scored with the same settings is kept.
    axes : str
        Axes of the images as letters, ``YX``, ``YXC`` or ``CYX``, of stacks ``ZYX`` or
        ``ZCYX``; default: read from the file, else inferred from the shape.
    zero : str
        What the label 0 stands for: a ``region`` like the others, the ``background`` of
        objects (foreground Dice and AP50 are scored as well), or ``unlabeled`` pixels,
        which do not count.
    """

    output: Output
    axes: str = ""
    zero: ZeroFlag = "region"


@dataclass(frozen=True, kw_only=True)
class EvaluationFlags:
    """How an evaluation is run.

    Parameters
    ----------
    every : int
        Take every n-th image.
    limit : int
        Take at most so many of these; 0 takes all.
    processes : int
        Images at the same time; 0 takes one for each processor core, or one on a GPU.
    overwrite : bool
        Drop earlier scores in the output folder; else it goes on where it was stopped.
    quiet : bool
        Print errors only.
    json : bool
        Write one line of JSON per method to stdout.
    """

    every: int = 1
    limit: int = 0
    processes: int = 0
    overwrite: Switch = False
    quiet: Quiet = False
    json: Switch = False


@dataclass(frozen=True, kw_only=True)
class CompareFlags:
    """The methods to compare, and the truth.

    Parameters
    ----------
    output : Path
        Folder for ``compare.png``, ``compare.json`` and a label image of each method.
    methods : str
        Methods with commas between; ``NAME:SCALE`` takes another scale than the method's
        default, as in ``dsc:50,ncut:0.2``. An unknown name lists them all.
    truth : Path
        Label image, or annotations of BSDS500 (.mat), to score the methods against.
    zero : str
        What the label 0 of the truth stands for: a ``region``, the ``background`` of
        objects, or ``unlabeled`` pixels.
    contours : Path
        Contour map of the image for gpb_owt_ucm: a file of ``ucm2``, .mat or 8-bit .png.
    """

    output: Output
    methods: str = "dsc,felzenszwalb,ucm,ncut,kmeans_rgb,backprop"
    truth: Path | None = None
    zero: ZeroFlag = "region"
    contours: Path | None = None


@dataclass(frozen=True, kw_only=True)
class CompareRunFlags:
    """How the methods are run.

    Parameters
    ----------
    axes : str
        Axes of the image as letters, ``YX``, ``YXC`` or ``CYX``; default: read from the
        file, else inferred from the shape.
    weights : str
        Name of registered weights or a safetensors file; default: those in the package.
    device : str
        Where to compute: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    overwrite : bool
        Replace the files of an earlier comparison.
    quiet : bool
        Print errors only.
    json : bool
        Write one line of JSON per method to stdout.
    """

    axes: str = ""
    weights: str = ""
    device: str = "auto"
    overwrite: Switch = False
    quiet: Quiet = False
    json: Switch = False


Data = Annotated[FolderFlags, Parameter(name="*")]
Entries = Annotated[EntryFlags, Parameter(name="*", group=Group("Methods", sort_key=0))]
Run = Annotated[EvaluationFlags, Parameter(name="*", group=Group("Run", sort_key=1))]
Compared = Annotated[CompareFlags, Parameter(name="*")]
CompareRun = Annotated[CompareRunFlags, Parameter(name="*", group=Group("Run", sort_key=1))]
Methods = Annotated[MethodFlags, Parameter(name="*")]
