"""Two label images against each other, as a command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.errors import InvalidImageError
from napari_dsc.evaluation.contingency import error_map
from napari_dsc.evaluation.measures import MEASURES, measure_segmentation, prepare_annotation
from napari_dsc.files import check_output, read_labels, write_image
from napari_dsc.files.ownership import refuse_overlap
from napari_dsc.scoring.cases import read_truth

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_dsc.cli.report import Report
    from napari_dsc.evaluation.terms import Zero


def score_labels(
    pair: tuple[Path, Path],
    zero: Zero,
    report: Report,
    *,
    errors: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Score one label image against another, and print the scores.

    Parameters
    ----------
    pair : tuple of Path
        Labels to score, and those to score them against: planes or stacks of one shape; the
        second may be annotations of BSDS500, one from each person.
    zero : str
        What the label 0 of the truth stands for.
    report : Report
        Where the line of JSON goes.
    errors : Path or None
        Picture to write: 255 where the two disagree, else 0; of several annotations the
        first is taken.
    overwrite : bool
        Whether it may be replaced.
    as_json : bool
        Print a line of JSON, not a table.

    Raises
    ------
    DSCError
        If a file cannot be read or written, the shapes differ, or no pixel of the truth is
        labeled.
    """
    result, truth = pair
    if errors is not None:
        refuse_overlap(pair, [errors])
        check_output(errors, overwrite=overwrite)
    labels, truths = read_labels(result), read_truth(truth)
    if truths[0].shape != labels.shape:
        raise InvalidImageError(
            f"{truth}: shape {truths[0].shape}, expected {labels.shape} as {result}"
        )
    try:
        annotations = [prepare_annotation(one, zero) for one in truths]
    except InvalidImageError as error:
        raise InvalidImageError(f"{truth}: {error}") from error
    scores = measure_segmentation(labels, annotations, zero)
    if as_json:
        report.result({"file": str(result), "truth": str(truth), **scores})
    else:
        _print_table(scores)
    if errors is not None:
        pixels = error_map(labels, truths[0], zero).astype(np.uint8) * np.uint8(255)
        axes = "ZYX"[-pixels.ndim :]
        write_image(
            errors, pixels, record={}, spacing=(), unit="", overwrite=overwrite, axes=axes
        )


def _print_table(scores: Mapping[str, float]) -> None:
    for name, measure in MEASURES.items():
        if name in scores:
            sys.stdout.write(f"{measure.title:<15}{scores[name]:8.4f}  {measure.meaning}\n")
