"""The command ``segment``."""

from napari_dsc.batch.inputs import find_images
from napari_dsc.cli.flags import (
    CutFlags,
    ImageFlags,
    Inputs,
    Large,
    LargeFlags,
    Run,
    RunFlags,
    SuperpixelFlags,
    Switch,
    Targets,
    TreeFlags,
)
from napari_dsc.cli.report import Report
from napari_dsc.errors import InvalidParameterError
from napari_dsc.params import CutParams, ImageParams, SuperpixelParams, TreeParams
from napari_dsc.segmenting.settings import SegmentMethod


def segment(  # noqa: PLR0913 - one class of parameters a stage
    inputs: Inputs,
    /,
    *,
    targets: Targets,
    joint: Switch = False,
    run: Run = RunFlags(),
    image_params: ImageFlags = ImageParams(),
    superpixel_params: SuperpixelFlags = SuperpixelParams(),
    method: SegmentMethod = "dsc",
    cut_params: CutFlags = CutParams(),
    tree_params: TreeFlags = TreeParams(),
    large: Large = LargeFlags(),
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
        ``dsc`` merges superpixels into classes by Deep Superpixel Cut; ``tree`` gives the
        regions of a merge tree, without smoothing or training.
    """
    settings = run.settings(
        image_params=image_params,
        superpixel_params=superpixel_params,
        method=method,
        cut_params=cut_params,
        tree_params=tree_params,
        tile=large.tile,
        level=large.level,
    )
    if joint:
        for name in ("tile", "level"):
            if getattr(large, name):
                raise InvalidParameterError(f"--joint and --{name} exclude each other")
        inputs = find_images(inputs)
    plan = targets.plan(inputs, "segments")._replace(joint=joint)
    with Report(quiet=run.quiet, as_json=run.json) as report:
        from napari_dsc.cli.work.run_files import run_plan  # loads torch

        return run_plan("segments", plan, run, settings, report)
