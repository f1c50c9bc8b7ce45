"""The command that segments many files: batch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from napari_dsc.cli.commands.segment import (
    CutFlags,
    ImageFlags,
    Run,
    RunFlags,
    SegmentMethod,
    SuperpixelFlags,
    Switch,
    TreeFlags,
)
from napari_dsc.cli.parsing import parse_channels, parse_spacing
from napari_dsc.cli.report import Report
from napari_dsc.params import CutParams, ImageParams, SuperpixelParams, TreeParams

if TYPE_CHECKING:
    from napari_dsc.segmenting.pipeline import RunOptions

# text, because the shell hands patterns over as they are where nothing matches them
Inputs = Annotated[list[str], Parameter(name="IN", negative="")]


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


def batch(  # noqa: PLR0913 - one class of parameters a stage
    inputs: Inputs,
    /,
    *,
    batch: Batch,
    run: Run = RunFlags(),
    image_params: ImageFlags = ImageParams(),
    superpixel_params: SuperpixelFlags = SuperpixelParams(),
    method: SegmentMethod = "dsc",
    cut_params: CutFlags = CutParams(),
    tree_params: TreeFlags = TreeParams(),
) -> int:
    """Segment many images on several processes or machines, and go on after an interruption.

    Exit status: 1 if an image failed, which does not stop the others.

    Parameters
    ----------
    inputs : list of str
        Images; folders, for the images in them; and patterns in quotes, such as
        ``"plate/**/*.tif"``.
    method : str
        ``dsc`` or ``tree``, as in ``napari-dsc segment``.
    """
    options: RunOptions = {
        "axes": run.axes,
        "spacing": parse_spacing(run.spacing),
        "channels": parse_channels(run.channels),
        "device": run.device,
        "image_params": image_params,
        "superpixel_params": superpixel_params,
        "method": method,
        "cut_params": cut_params,
        "tree_params": tree_params,
    }
    if run.weights:
        options["weights"] = run.weights
    with Report(quiet=run.quiet, as_json=run.json) as report:
        from napari_dsc.cli.work.run_batch import run_batch  # loads torch

        return run_batch(inputs, batch, run, options, report)
