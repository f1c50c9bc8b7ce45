"""Scores of a set of images: best scale of the set (ODS) and of each image (OIS)."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from napari_dsc.errors import InvalidParameterError
from napari_dsc.evaluation.measures import MEASURES, mean_scores


class Best(NamedTuple):
    """Mean of one measure over a set of images, at the best scales.

    Attributes
    ----------
    ods : float
        Mean at the one scale that is best for the whole set.
    ois : float
        Mean at the best scale of each image.
    scale : int
        Index of the scale of `ods`.
    """

    ods: float
    ois: float
    scale: int


def summarize(scores: Sequence[Sequence[Mapping[str, float]]]) -> dict[str, Best]:
    """ODS and OIS of each measure, aggregated as in the Berkeley benchmark.

    Parameters
    ----------
    scores : sequence over images of sequences over scales of dict
        Scores from `measure_segmentation`; the same scales, in the same order, for all images.

    Returns
    -------
    summary : dict of str to Best
        ODS and OIS of each of `MEASURES` that all images have; their best scales may differ.

    Raises
    ------
    InvalidParameterError
        If there are no images or no scales, or images have different numbers of scales.

    Notes
    -----
    Covering is summed over all regions of all annotations of all images and divided by their
    total area, so that larger images, and images with more annotations, weigh more. The other
    measures are averaged over annotations, then over images.
    """
    _check_scales(scores)
    areas = np.array([of_image[0]["area"] for of_image in scores])
    summary = {}
    for name, measure in MEASURES.items():
        if all(name in one for of_image in scores for one in of_image):
            table = np.array([[one[name] for one in of_image] for of_image in scores])
            weights = areas if name == "sc" else np.ones(len(areas))
            summary[name] = best_over_scales(table, weights, measure.choose)
    return summary


def mean_over_images(scores: Sequence[Sequence[Mapping[str, float]]]) -> list[dict[str, float]]:
    """Means over images of all scores, at each scale.

    Parameters
    ----------
    scores : sequence over images of sequences over scales of dict
        Numbers by name, ``area`` among them; the same names for all images.

    Returns
    -------
    means : list over scales of dict
        Mean of each number; that of covering is weighted by annotated area.

    Raises
    ------
    InvalidParameterError
        If there are no images or no scales, or images have different numbers of scales.

    Examples
    --------
    >>> small, large = {"sc": 0.0, "vi": 1.0, "area": 1.0}, {"sc": 1.0, "vi": 2.0, "area": 3.0}
    >>> mean_over_images([[small], [large]])
    [{'sc': 0.75, 'vi': 1.5, 'area': 2.0}]
    """
    _check_scales(scores)
    return [mean_scores(of_scale) for of_scale in zip(*scores, strict=True)]


def _check_scales(scores: Sequence[Sequence[object]]) -> None:
    counts = sorted({len(of_image) for of_image in scores})
    if len(counts) != 1 or counts[0] == 0:
        raise InvalidParameterError(
            f"scores: got {counts or 'no'} scales for {len(scores)} images, "
            "expected the same number, at least one, for every image"
        )


def best_over_scales(
    scores: np.ndarray, weights: np.ndarray, choose: Callable[[np.ndarray], np.intp]
) -> Best:
    """Weighted mean over images, at the best scale of the set and of each image.

    Parameters
    ----------
    scores : (I, J) float array
        One row per image, one column per scale.
    weights : (I,) float array
        Weight of each image.
    choose : callable
        Index of the best of (J,) scores: `numpy.argmax` or `numpy.argmin`.

    Returns
    -------
    best : Best
        Both means, and the best scale of the set.

    Examples
    --------
    >>> best_over_scales(np.array([[0.5, 0.25], [0.5, 1.0]]), np.ones(2), np.argmax)
    Best(ods=0.625, ois=0.75, scale=1)
    """
    of_set = weights @ scores / weights.sum()
    of_images = np.array([row[choose(row)] for row in scores])
    scale = int(choose(of_set))
    return Best(float(of_set[scale]), float(weights @ of_images / weights.sum()), scale)
