"""The command that segments many files: batch."""

from typing import Annotated

from cyclopts import Parameter

from napari_dsc.cli.flags import (
    Batch,
    CutFlags,
    ImageFlags,
    Run,
    RunFlags,
    SuperpixelFlags,
    TreeFlags,
)
from napari_dsc.cli.report import Report
from napari_dsc.params import CutParams, ImageParams, SuperpixelParams, TreeParams
from napari_dsc.segmenting.settings import SegmentMethod

# text, because the shell passes on a pattern that nothing matches
Inputs = Annotated[list[str], Parameter(name="IN", negative="")]


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
    settings = run.settings(
        image_params=image_params,
        superpixel_params=superpixel_params,
        method=method,
        cut_params=cut_params,
        tree_params=tree_params,
    )
    with Report(quiet=run.quiet, as_json=run.json) as report:
        from napari_dsc.cli.work.run_batch import run_batch  # loads torch

        return run_batch(inputs, batch, run, settings, report)
