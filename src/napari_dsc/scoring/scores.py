"""Scores of one method on one image, for each scale."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.errors import InvalidImageError
from napari_dsc.evaluation import measures
from napari_dsc.evaluation.bsds500 import read_contours
from napari_dsc.images import load_image
from napari_dsc.methods import METHODS
from napari_dsc.scoring.cases import read_truth

if TYPE_CHECKING:
    from napari_dsc.evaluation.terms import Zero
    from napari_dsc.images import Image
    from napari_dsc.scoring.cases import Case
    from napari_dsc.scoring.entries import Entry

ScaleScores = dict[str, float]


def score_case(case: Case, entry: Entry) -> list[ScaleScores]:
    """Score a method on an image.

    Parameters
    ----------
    case : Case
        Image and annotations.
    entry : Entry
        Method and scales.

    Returns
    -------
    scores : list of dict of str to float
        For each scale ``scale``, ``n_segments``, the scores of `measure_segmentation`, and
        ``seconds``, the time of the method. The first scale includes the time of results that
        all scales share.

    Raises
    ------
    DSCError
        If a file cannot be used, or the method fails.
    """
    image = load_image(case.image, entry.axes, entry.options.image_params)
    check_depth(entry.method, image)
    truth = read_truth(case.truth, len(image.label_axes))
    if truth[0].shape != image.label_shape:
        raise InvalidImageError(
            f"{case.truth}: shape {truth[0].shape}, expected {image.label_shape}, the shape of "
            "its image"
        )
    arranged = map(image.arrange_labels, truth)
    annotations = [measures.prepare_annotation(labels, entry.zero) for labels in arranged]
    method, options = METHODS[entry.method], entry.options
    if method.needs_contours and not case.contours:
        raise InvalidImageError(
            f"{case.image}: no contour map, which {entry.method} needs; expected a file of "
            "ucm2 as in BSDS500"
        )
    if method.needs_contours:
        options = dataclasses.replace(options, contours=read_contours(case.contours[0]))
    sweep = method.iter_scales(image, entry.scales, options)
    scores = []
    start = time.perf_counter()
    for scale, labels in zip(entry.scales, sweep, strict=True):
        seconds = time.perf_counter() - start
        scores.append(
            {"scale": scale, "n_segments": float(len(np.unique(labels)))}
            | measures.measure_segmentation(labels, annotations, entry.zero)
            | {"seconds": round(seconds, 3)}
        )
        start = time.perf_counter()
    return scores


def score_names(zero: Zero) -> set[str]:
    """Names of the numbers in the scores of a scale, see `score_case`.

    Parameters
    ----------
    zero : str
        Meaning of the label 0 of the annotations.

    Returns
    -------
    names : set of str
        Names of measures and other numbers.
    """
    left_out = () if zero == "background" else measures.OF_OBJECTS
    return {"scale", "n_segments", "area", "seconds", *measures.MEASURES} - {*left_out}


def check_depth(method: str, image: Image) -> None:
    """Check that a method takes an image of this dimension.

    Parameters
    ----------
    method : str
        Name in `METHODS`.
    image : Image
        Plane or stack.

    Raises
    ------
    InvalidImageError
        If the image is a stack and the method takes planes only.
    """
    if "Z" in image.axes and not METHODS[method].takes_stacks:
        others = ", ".join(name for name, one in METHODS.items() if one.takes_stacks)
        raise InvalidImageError(
            f"image: axes {image.axes}: {method} takes planes only, expected YX or YXC; stacks "
            f"are taken by {others}"
        )
