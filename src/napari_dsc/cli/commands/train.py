"""The command ``train``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from napari_dsc.cli.flags import ImageFlags, Output, TrainingFlags
from napari_dsc.cli.report import Report
from napari_dsc.params import ImageParams, TemplateParams, TrainParams

TemplateFlags = Annotated[
    TemplateParams, Parameter(name="*", group=Group("Templates", sort_key=3))
]
TrainFlags = Annotated[TrainParams, Parameter(name="*", group=Group("Training", sort_key=4))]


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
    """Train a SuperAE on your own images, or on stacks (``--ndim 3``).

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

        settings = epochs.Settings(image_params, template_params, train_params)
        epochs.run_training(images, output, run, settings, report)
