"""The commands that score and compare methods, or score a label image."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from napari_dsc.cli import scoring_flags
from napari_dsc.cli.flags import Output, Switch, ZeroFlag
from napari_dsc.cli.report import Report
from napari_dsc.evaluation.terms import Split

evaluate = App(name="evaluate", help="Score methods, or a label image, against annotations.")


@evaluate.command(name="bsds500")
def bsds500(
    root: Annotated[Path, Parameter(name="ROOT")],
    /,
    *,
    output: Output,
    split: Split = "val",
    entries: scoring_flags.Entries = scoring_flags.EntryFlags(),
    run: scoring_flags.Run = scoring_flags.EvaluationFlags(),
    methods: scoring_flags.Methods = scoring_flags.MethodFlags(),
) -> int:
    """Score methods on the Berkeley data set, as its benchmark does.

    Parameters
    ----------
    root : Path
        The data set: ``data/images``, ``data/groundTruth``, and ``ucm2`` for gpb_owt_ucm.
    output : Path
        Folder for ``scores.csv`` (each image and scale), ``summary.json`` and
        ``summary.md``. If it exists, what was scored with the same settings is kept.
    split : str
        Part of the data set.
    """
    with Report(quiet=run.quiet, as_json=run.json) as report:
        from napari_dsc.cli.work import run_evaluation as scoring  # loads torch
        from napari_dsc.scoring.cases import bsds500_cases

        plan = scoring.Plan(bsds500_cases(root, split), f"BSDS500 {split}", output)
        return scoring.run_evaluation(plan, scoring.entries_of(entries, methods), run, report)


@evaluate.command(name="folder")
def folder(
    images: Annotated[Path, Parameter(name="IMAGES")],
    labels: Annotated[Path, Parameter(name="LABELS")],
    /,
    *,
    data: scoring_flags.Data,
    entries: scoring_flags.Entries = scoring_flags.EntryFlags(),
    run: scoring_flags.Run = scoring_flags.EvaluationFlags(),
    methods: scoring_flags.Methods = scoring_flags.MethodFlags(),
) -> int:
    """Score methods on a folder of images and one of label images of the same names.

    Parameters
    ----------
    images : Path
        Folder of images.
    labels : Path
        Folder of label images.
    """
    with Report(quiet=run.quiet, as_json=run.json) as report:
        from napari_dsc.cli.work import run_evaluation as scoring  # loads torch
        from napari_dsc.scoring.cases import folder_cases

        plan = scoring.Plan(folder_cases(images, labels), images.name, data.output)
        rows = scoring.entries_of(entries, methods, data.axes, data.zero)
        return scoring.run_evaluation(plan, rows, run, report)


@evaluate.command(name="labels")
def labels(
    result: Annotated[Path, Parameter(name="RESULT")],
    truth: Annotated[Path, Parameter(name="TRUTH")],
    /,
    *,
    zero: ZeroFlag = "region",
    errors: Path | None = None,
    overwrite: Switch = False,
    json: Switch = False,
) -> None:
    """Score one label image against another.

    Parameters
    ----------
    result : Path
        Label image to score.
    truth : Path
        Label image, or annotations of BSDS500 (.mat), to score it against.
    zero : str
        What the label 0 of the truth stands for: a ``region``, the ``background`` of
        objects, or ``unlabeled`` pixels.
    errors : Path
        Write a picture, .png, .tif or .npy: 255 where the best-matching segments disagree.
    overwrite : bool
        Replace that picture if it exists.
    json : bool
        Write one line of JSON instead of a table.
    """
    with Report(as_json=json) as report:
        from napari_dsc.cli.work.run_comparison import score_labels  # loads torch

        score_labels((result, truth), zero, errors, report, overwrite=overwrite)


def compare(
    image: Annotated[Path, Parameter(name="IMAGE")],
    /,
    *,
    what: scoring_flags.Compared,
    run: scoring_flags.CompareRun = scoring_flags.CompareRunFlags(),
    methods: scoring_flags.Methods = scoring_flags.MethodFlags(),
) -> int:
    """Segment an image by several methods, and draw one panel for each.

    Parameters
    ----------
    image : Path
        Image file.
    """
    with Report(quiet=run.quiet, as_json=run.json) as report:
        from napari_dsc.cli.work.run_comparison import run_comparison  # loads torch

        return run_comparison(image, what, run, methods, report)
