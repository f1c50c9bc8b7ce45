"""The command ``superpixels``."""

from napari_dsc.cli.flags import (
    ImageFlags,
    Inputs,
    Run,
    RunFlags,
    SuperpixelFlags,
    Targets,
)
from napari_dsc.cli.report import Report
from napari_dsc.params import ImageParams, SuperpixelParams


def superpixels(
    inputs: Inputs,
    /,
    *,
    targets: Targets,
    run: Run = RunFlags(),
    image_params: ImageFlags = ImageParams(),
    superpixel_params: SuperpixelFlags = SuperpixelParams(),
) -> int:
    """Divide images into superpixels, made from the image or its smoothed version.

    Parameters
    ----------
    inputs : list of Path
        Images: TIFF, PNG, JPEG, NPY and what imageio reads.
    """
    settings = run.settings(image_params=image_params, superpixel_params=superpixel_params)
    with Report(quiet=run.quiet, as_json=run.json) as report:
        from napari_dsc.cli.work.run_files import run_plan  # loads torch

        plan = targets.plan(inputs, "superpixels")
        return run_plan("superpixels", plan, run, settings, report)
