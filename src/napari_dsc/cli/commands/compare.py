"""The command ``compare``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from napari_dsc.cli.commands.evaluate import MethodFlags, Methods, ZeroFlag
from napari_dsc.cli.commands.segment import Output, Quiet, Switch
from napari_dsc.cli.report import Report


@dataclass(frozen=True, kw_only=True)
class CompareFlags:
    """What is compared, and how.

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
        Axes of the image as letters, ``YX``, ``YXC`` or ``CYX``; left out: those of the
        file, or guessed from the shape.
    weights : str
        Name of registered weights or a safetensors file; left out: those in the package.
    device : str
        Where to compute: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    overwrite : bool
        Replace the files of an earlier comparison.
    quiet : bool
        Say nothing but errors.
    json : bool
        Write one line of JSON per method to stdout.
    """

    axes: str = ""
    weights: str = ""
    device: str = "auto"
    overwrite: Switch = False
    quiet: Quiet = False
    json: Switch = False


Run = Annotated[CompareRunFlags, Parameter(name="*", group=Group("Run", sort_key=1))]
What = Annotated[CompareFlags, Parameter(name="*")]


def compare(
    image: Annotated[Path, Parameter(name="IMAGE")],
    /,
    *,
    what: What,
    run: Run = CompareRunFlags(),
    methods: Methods = MethodFlags(),
) -> int:
    """Segment an image by several methods, and draw one panel for each.

    Parameters
    ----------
    image : Path
        Image file.
    """
    with Report(quiet=run.quiet, as_json=run.json) as report:
        from napari_dsc.cli.work.run_comparison import run_comparison  # loads torch

        return run_comparison(image, what, run, methods, report)
