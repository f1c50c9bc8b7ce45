"""The command ``train``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from napari_dsc.cli.commands.segment import ImageFlags, Output, Quiet, Switch
from napari_dsc.cli.report import Report
from napari_dsc.params import ImageParams, TemplateParams, TrainParams

TemplateFlags = Annotated[
    TemplateParams, Parameter(name="*", group=Group("Templates", sort_key=3))
]
TrainFlags = Annotated[TrainParams, Parameter(name="*", group=Group("Training", sort_key=4))]


@dataclass(frozen=True, kw_only=True)
class TrainingFlags:
    """How a training is run.

    Parameters
    ----------
    templates : Path
        Folder of label images, named like the images; left out: templates are made.
    axes : str
        Axes of the images as letters, ``YX``, ``YXC`` or ``CYX``, of stacks ``ZYX`` or
        ``ZCYX``; left out: those of the files, or guessed from the shapes.
    device : str
        Where to compute: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    resume : bool
        Go on from the checkpoint of an interrupted training, or for more epochs.
    overwrite : bool
        Replace the files of an earlier training.
    quiet : bool
        Say nothing but errors.
    license : str
        License of the weights, for their card.
    """

    templates: Path | None = None
    axes: str = ""
    device: str = "auto"
    resume: Switch = False
    overwrite: Switch = False
    quiet: Quiet = False
    license: str = "not stated"


Run = Annotated[TrainingFlags, Parameter(name="*", group=Group("Run", sort_key=1))]


def train(
    images: Annotated[list[Path], Parameter(name="IMAGES", negative="")],
    /,
    *,
    output: Output,
    run: Run = TrainingFlags(),
    image_params: ImageFlags = ImageParams(),
    template_params: TemplateFlags = TemplateParams(),
    train_params: TrainFlags = TrainParams(),
) -> None:
    """Train a SuperAE on images of one's own, or on stacks (``--ndim 3``).

    Parameters
    ----------
    images : list of Path
        A folder, or files.
    output : Path
        Weights to write, ``W.safetensors``. A checkpoint ``W.checkpoint.safetensors`` and
        the loss curve, ``W.csv`` and ``W.png``, are renewed beside it after every epoch.
    """
    with Report(quiet=run.quiet) as report:
        from napari_dsc.cli.work import run_training as epochs  # loads torch

        sources = epochs.Sources(images, run.templates)
        settings = epochs.Settings(image_params, template_params, train_params)
        epochs.run_training(sources, output, run, settings, report)
