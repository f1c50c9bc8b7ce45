"""The command that segments many files: batch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from napari_dsc.cli.report import Report
from napari_dsc.cli.segmenting import (
    CutFlags,
    ImageFlags,
    Run,
    RunFlags,
    SuperpixelFlags,
    Switch,
)
from napari_dsc.params import CutParams, ImageParams, SuperpixelParams

if TYPE_CHECKING:
    from napari_dsc.pipeline import RunOptions

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
    workers : int
        Processes on this machine; 0 takes one for each processor core, or for each GPU.
    scheduler : str
        Address of a dask scheduler, ``tcp://...``; its workers do the work. With ``--device
        cuda`` only those that have the resource GPU.
    """

    output: Annotated[Path, Parameter(name=("--output", "-o"))]
    resume: Switch = False
    workers: int = 0
    scheduler: str = ""


Batch = Annotated[BatchFlags, Parameter(name="*", group=Group("Batch", sort_key=0))]


def batch(
    inputs: Inputs,
    /,
    *,
    batch: Batch,
    run: Run = RunFlags(),
    image_params: ImageFlags = ImageParams(),
    superpixel_params: SuperpixelFlags = SuperpixelParams(),
    cut_params: CutFlags = CutParams(),
) -> int:
    """Segment many images on several processes or machines, and go on after an interruption.

    Exit status: 1 if an image failed, which does not stop the others.

    Parameters
    ----------
    inputs : list of str
        Images; folders, for the images in them; and patterns in quotes, such as
        ``"plate/**/*.tif"``.
    """
    options: RunOptions = {
        "axes": run.axes,
        "device": run.device,
        "image_params": image_params,
        "superpixel_params": superpixel_params,
        "cut_params": cut_params,
    }
    if run.weights:
        options["weights"] = run.weights
    with Report(quiet=run.quiet, as_json=run.json) as report:
        from napari_dsc.cli.following import run_batch  # loads torch

        return run_batch(inputs, batch, run, options, report)
