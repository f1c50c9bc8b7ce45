"""The commands that make something of images: segment, batch, superpixels, smooth."""

from typing import Annotated

from cyclopts import Parameter

from napari_dsc.batch.inputs import find_images
from napari_dsc.cli import flags
from napari_dsc.cli.plan import Plan, plan_jobs
from napari_dsc.cli.report import Report
from napari_dsc.errors import InvalidParameterError
from napari_dsc.params import ImageParams, SuperpixelParams
from napari_dsc.segmenting.settings import SegmentMethod, Settings

# text, because the shell passes on a pattern that nothing matches
Patterns = Annotated[list[str], Parameter(name="IN", negative="")]


def segment(  # noqa: PLR0913 - one class of parameters a stage
    inputs: flags.Inputs,
    /,
    *,
    targets: flags.Targets,
    joint: flags.Switch = False,
    run: flags.Run = flags.RunFlags(),
    stages: flags.Stages = flags.StageFlags(),
    method: SegmentMethod = "dsc",
    large: flags.Large = flags.LargeFlags(),
) -> int:
    """Segment images: divide into superpixels, merge these into segments.

    Parameters
    ----------
    inputs : list of Path
        Images: TIFF, PNG, JPEG, NPY and what imageio reads; zarr and OME-Zarr.
    joint : bool
        Segment several images into common classes, by one network that learns from all of
        them; inputs may be folders and patterns in quotes as well. Exit status: 1 if an image
        failed, which does not stop the others.
    method : str
        ``dsc`` merges superpixels into classes by Deep Superpixel Cut; ``classes`` groups
        them by a class tree, in less time; ``tree`` gives the regions of a merge tree,
        without smoothing or training.
    """
    settings = run.settings(method=method, **vars(stages), **vars(large))
    if joint:
        for name in ("tile", "level"):
            if getattr(large, name):
                raise InvalidParameterError(f"--joint and --{name} exclude each other")
        inputs = find_images(inputs)
    plan = targets.plan(inputs, "segments")._replace(joint=joint)
    return _run_plan("segments", plan, run, settings)


def batch(
    inputs: Patterns,
    /,
    *,
    batch: flags.Batch,
    run: flags.Run = flags.RunFlags(),
    stages: flags.Stages = flags.StageFlags(),
    method: SegmentMethod = "dsc",
) -> int:
    """Segment many images on several processes or machines, and go on after an interruption.

    Exit status: 1 if an image failed, which does not stop the others.

    Parameters
    ----------
    inputs : list of str
        Images; folders, for the images in them; and patterns in quotes, such as
        ``"plate/**/*.tif"``.
    method : str
        ``dsc``, ``classes`` or ``tree``, as in ``napari-dsc segment``.
    """
    settings = run.settings(method=method, **vars(stages))
    with Report(quiet=run.quiet, as_json=run.json) as report:
        from napari_dsc.cli.work.run_batch import run_batch  # loads torch

        return run_batch(inputs, batch, run, settings, report)


def superpixels(
    inputs: flags.Inputs,
    /,
    *,
    targets: flags.Targets,
    run: flags.Run = flags.RunFlags(),
    image_params: flags.ImageFlags = ImageParams(),
    superpixel_params: flags.SuperpixelFlags = SuperpixelParams(),
) -> int:
    """Divide images into superpixels, made from the image or its smoothed version.

    Parameters
    ----------
    inputs : list of Path
        Images: TIFF, PNG, JPEG, NPY and what imageio reads.
    """
    settings = run.settings(image_params=image_params, superpixel_params=superpixel_params)
    return _run_plan("superpixels", targets.plan(inputs, "superpixels"), run, settings)


def smooth(
    inputs: flags.Inputs,
    /,
    *,
    output: flags.Output,
    run: flags.Run = flags.RunFlags(),
    image_params: flags.ImageFlags = ImageParams(),
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
    return _run_plan("smoothed", plan, run, run.settings(image_params=image_params))


def _run_plan(kind: str, plan: Plan, run: flags.RunFlags, settings: Settings) -> int:
    with Report(quiet=run.quiet, as_json=run.json) as report:
        from napari_dsc.cli.work.run_files import run_plan  # loads torch

        return run_plan(kind, plan, run, settings, report)
