"""The command ``smooth``."""

from napari_dsc.cli.flags import ImageFlags, Inputs, Output, Run, RunFlags
from napari_dsc.cli.plan import plan_jobs
from napari_dsc.cli.report import Report
from napari_dsc.params import ImageParams


def smooth(
    inputs: Inputs,
    /,
    *,
    output: Output,
    run: Run = RunFlags(),
    image_params: ImageFlags = ImageParams(),
) -> int:
    """Smooth images; size, type and intensity units stay.

    Parameters
    ----------
    inputs : list of Path
        Images: TIFF, PNG, JPEG, NPY and what imageio reads.
    output : Path
        A .tif, .png or .npy file for one image; a folder for several, where ``a.jpg``
        becomes ``a_smoothed.tif``. A name without suffix is a folder.
    """
    plan = plan_jobs(inputs, output, "smoothed")
    with Report(quiet=run.quiet, as_json=run.json) as report:
        from napari_dsc.cli.work.run_files import run_plan  # loads torch

        return run_plan("smoothed", plan, run, run.settings(image_params=image_params), report)
