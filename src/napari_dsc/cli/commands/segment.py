"""The commands that read images: segment, superpixels, smooth."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from napari_dsc.batch.inputs import find_images
from napari_dsc.cli.plan import Plan, Tiles, plan_jobs, refuse_tiles, with_overlays
from napari_dsc.cli.report import Report
from napari_dsc.params import CutParams, ImageParams, SuperpixelParams, TreeParams

if TYPE_CHECKING:
    from napari_dsc.segmenting.pipeline import RunOptions

Inputs = Annotated[list[Path], Parameter(name="IN", negative="")]
Output = Annotated[Path, Parameter(name=("--output", "-o"))]
ImageFlags = Annotated[ImageParams, Parameter(name="*", group=Group("Intensities", sort_key=2))]
SuperpixelFlags = Annotated[
    SuperpixelParams, Parameter(name="*", group=Group("Superpixels", sort_key=3))
]
SegmentMethod = Literal["dsc", "tree"]
TreeFlags = Annotated[TreeParams, Parameter(name="*", group=Group("Merge tree", sort_key=5))]
CutFlags = Annotated[CutParams, Parameter(name="*", group=Group("Cut", sort_key=4))]
Switch = Annotated[bool, Parameter(negative="")]
Quiet = Annotated[bool, Parameter(name=("--quiet", "-q"), negative="")]


@dataclass(frozen=True, kw_only=True)
class RunFlags:
    """What the commands that read images have in common.

    Parameters
    ----------
    axes : str
        Axes of the images, one letter of ``TZCYX`` each in any order, such as ``YXC`` or
        ``ZYX``; left out: those of the file, or told by the shape.
    spacing : str
        Pixel size in micrometers along the axes of space in their order, with commas, such
        as ``2,0.5,0.5`` for ``ZYX``; left out: that of the file.
    channels : str
        Channels to take, with commas: numbers from 0, or ``r``, ``g``, ``b`` for the first
        three; left out: all.
    weights : str
        Name of registered weights (see ``napari-dsc weights list``) or a safetensors file;
        left out: those inside the package.
    device : str
        Where to compute: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    preset : str
        Start from these values of superpixels and cut: ``fast``, the defaults, or ``paper``,
        the method as published; a recipe and flags take precedence.
    recipe : Path
        Take parameters from this JSON file, or from the record in a TIFF written earlier;
        flags on the command line take precedence.
    save_recipe : Path
        Write the parameters to this JSON file.
    overwrite : bool
        Replace outputs that exist.
    quiet : bool
        Say nothing but errors.
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
        A .tif, .png or .npy file for one image, or .ome.zarr for segments; a folder for
        several, where ``a.jpg`` becomes ``a_segments.tif`` or ``a_superpixels.tif``. A name
        without suffix is a folder.
    overlay : Path
        Draw the boundaries on the image as well: a .png file for one image; a folder for
        several, where ``a.jpg`` becomes ``a_overlay.png``.
    """

    output: Output
    overlay: Path | None = None

    def plan(self, inputs: Sequence[Path], kind: str) -> Plan:
        """Jobs for all inputs."""
        plan = plan_jobs(inputs, self.output, kind)
        return plan if self.overlay is None else with_overlays(plan, self.overlay)


@dataclass(frozen=True, kw_only=True)
class LargeFlags:
    """How an image is read that does not fit into memory.

    Parameters
    ----------
    tile : int
        Side in pixels of the tiles that an image is cut by; 0: not by tiles if the image fits
        into memory, else by the largest that fit.
    level : int
        Level of a pyramid that is segmented (OME-Zarr, TIFF); 0 is the finest.
    """

    tile: int = 0
    level: int = 0


Run = Annotated[RunFlags, Parameter(name="*", group=Group("Run", sort_key=1))]
Targets = Annotated[LabelTargets, Parameter(name="*")]
Large = Annotated[LargeFlags, Parameter(name="*", group=Group("Large images", sort_key=6))]


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
    options: RunOptions = {
        "image_params": image_params,
        "superpixel_params": superpixel_params,
        "method": method,
        "cut_params": cut_params,
        "tree_params": tree_params,
    }
    tiles = Tiles(large.tile, large.level)
    if joint:
        refuse_tiles(tiles)
        inputs = find_images(inputs)
    plan = targets.plan(inputs, "segments")._replace(tiles=tiles, joint=joint)
    return _run("segments", plan, run, options)


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
    options: RunOptions = {
        "image_params": image_params,
        "superpixel_params": superpixel_params,
    }
    return _run("superpixels", targets.plan(inputs, "superpixels"), run, options)


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
    return _run("smoothed", plan, run, {"image_params": image_params})


def _run(kind: str, plan: Plan, run: RunFlags, options: "RunOptions") -> int:
    with Report(quiet=run.quiet, as_json=run.json) as report:
        from napari_dsc.cli.work.run_files import run_plan  # loads torch

        return run_plan(kind, plan, run, options, report)
