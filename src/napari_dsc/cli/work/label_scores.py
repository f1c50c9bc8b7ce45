"""Two label images against each other, as a command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_dsc.errors import InvalidImageError
from napari_dsc.evaluation.matching import error_map
from napari_dsc.evaluation.measures import MEASURES, measure_segmentation, prepare_annotation
from napari_dsc.files import read_labels, write_image
from napari_dsc.scoring.cases import read_truth

if TYPE_CHECKING:
    from pathlib import Path

    from napari_dsc.cli.report import Report
    from napari_dsc.evaluation.terms import Zero


class Pair(NamedTuple):
    """Labels to score, those to score them against, one shape all, and their files."""

    result: Path
    truth: Path
    labels: np.ndarray
    truths: list[np.ndarray]


def read_pair(result: Path, truth: Path) -> Pair:
    """Read two label images.

    Parameters
    ----------
    result, truth : Path
        Label images of planes or stacks; the truth may be annotations of BSDS500.

    Returns
    -------
    pair : Pair
        With one truth, or one from each person.

    Raises
    ------
    InvalidImageError
        If a file cannot be read, or the shapes differ.
    """
    labels, truths = read_labels(result), read_truth(truth)
    if truths[0].shape != labels.shape:
        raise InvalidImageError(
            f"{truth}: shape {truths[0].shape}, expected {labels.shape} as {result}"
        )
    return Pair(result, truth, labels, truths)


def score_labels(pair: Pair, zero: Zero, report: Report, *, as_json: bool) -> None:
    """Score one label image against another, and print the scores.

    Parameters
    ----------
    pair : Pair
        The two.
    zero : str
        What the label 0 of the truth stands for.
    report : Report
        Where the line of JSON goes.
    as_json : bool
        Print a line of JSON, not a table.

    Raises
    ------
    InvalidImageError
        If no pixel of the truth is labeled.
    """
    try:
        annotations = [prepare_annotation(one, zero) for one in pair.truths]
    except InvalidImageError as error:
        raise InvalidImageError(f"{pair.truth}: {error}") from error
    scores = measure_segmentation(pair.labels, annotations, zero)
    if as_json:
        report.result({"file": str(pair.result), "truth": str(pair.truth), **scores})
        return
    for name, measure in MEASURES.items():
        if name in scores:
            sys.stdout.write(f"{measure.title:<15}{scores[name]:8.4f}  {measure.meaning}\n")


def write_errors(pair: Pair, zero: Zero, picture: Path, *, overwrite: bool) -> None:
    """Draw where two label images disagree.

    Parameters
    ----------
    pair : Pair
        Label images; of several annotations the first is taken.
    zero : str
        What the label 0 of the truth stands for.
    picture : Path
        Image to write: 255 where they disagree, else 0.
    overwrite : bool
        Whether it may be replaced.

    Raises
    ------
    DSCError
        If the picture cannot be written.
    """
    errors = error_map(pair.labels, pair.truths[0], zero)
    pixels = np.where(errors, np.uint8(255), np.uint8(0))
    axes = "ZYX"[-pixels.ndim :]
    write_image(picture, pixels, record={}, spacing=(), unit="", overwrite=overwrite, axes=axes)
