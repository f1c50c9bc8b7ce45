"""All measures of a segmentation against the annotations of its image."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.sparse import csr_array
from skimage.segmentation import find_boundaries

from napari_dsc.errors import InvalidImageError
from napari_dsc.evaluation import contingency, metrics
from napari_dsc.evaluation.terms import Zero, zero_of
from napari_dsc.labels.regions import compact_labels

# tolerance of boundary recall in pixels, for images of any size; Stutz et al. take 0.0025 of
# the diagonal, 1.4 pixels for an image of BSDS500
BOUNDARY_TOLERANCE = 2


class Measure(NamedTuple):
    """A measure, and the meaning of its column of scores.

    Attributes
    ----------
    title : str
        Short name for the head of a table.
    meaning : str
        Explanation in one sentence.
    choose : function
        Index of the best of several scores: `numpy.argmax` or `numpy.argmin`.
    """

    title: str
    meaning: str
    choose: Callable[[np.ndarray], np.intp]


MEASURES: dict[str, Measure] = {
    "sc": Measure("SC", "Segmentation covering, up to 1.", np.argmax),
    "pri": Measure("PRI", "Probabilistic Rand index, up to 1.", np.argmax),
    "vi": Measure("VI", "Variation of information in bits, from 0 (best).", np.argmin),
    "ari": Measure("ARI", "Adjusted Rand index, up to 1; 0 by chance.", np.argmax),
    "asa": Measure("ASA", "Achievable segmentation accuracy, up to 1.", np.argmax),
    "br": Measure("BR", "Boundary recall within 2 pixels, up to 1.", np.argmax),
    "ue": Measure("UE", "Undersegmentation error, from 0 (best).", np.argmin),
    "dice": Measure("Dice", "Foreground Dice of the best union of labels.", np.argmax),
    "ap50": Measure("AP50", "Average precision of the union's pieces.", np.argmax),
    "ap50_labels": Measure(
        "AP50 of labels", "Average precision of the labels in that union.", np.argmax
    ),
}
"""Measures by the name of their column, in the order of the tables."""

OF_OBJECTS = ("dice", "ap50", "ap50_labels")
"""Names of the `MEASURES` that need objects on a background."""

_OF_TABLE: dict[str, Callable[[csr_array], float]] = {
    "sc": metrics.segmentation_covering,
    "pri": metrics.probabilistic_rand_index,
    "vi": metrics.variation_of_information,
    "ari": metrics.adjusted_rand_index,
    "asa": metrics.achievable_segmentation_accuracy,
    "ue": metrics.undersegmentation_error,
}


class Annotation(NamedTuple):
    """One person's label image, with its labeled pixels and boundaries.

    Attributes
    ----------
    labels : S int array
        Labels of regions or objects.
    is_labeled : S bool array
        Pixels that count.
    boundary : S bool array
        Boundary pixels that count.
    """

    labels: np.ndarray
    is_labeled: np.ndarray
    boundary: np.ndarray


def prepare_annotation(labels: np.ndarray, zero: Zero = "region") -> Annotation:
    """Annotation from a label image, against which many segmentations can be scored.

    Parameters
    ----------
    labels : S int array
        Label image.
    zero : str
        Meaning of the label 0: a ``region`` like the others, the ``background`` of objects,
        or ``unlabeled`` pixels, which do not count.

    Returns
    -------
    annotation : Annotation
        The label image with its labeled pixels and boundaries.

    Raises
    ------
    InvalidImageError
        If no pixel is labeled.
    """
    is_partial = zero_of(zero) == "unlabeled"
    is_labeled = labels != 0 if is_partial else np.ones(labels.shape, bool)
    if not is_labeled.any():
        raise InvalidImageError("annotation: every pixel is 0, expected some labeled pixels")
    boundary = boundary_pixels(labels)
    if is_partial:
        # a change from a label to 0 is the rim of the annotation, not an annotated boundary
        boundary &= ~ndimage.binary_dilation(~is_labeled)
    return Annotation(labels, is_labeled, boundary)


def measure_segmentation(
    segmentation: np.ndarray, annotations: Iterable[Annotation], zero: Zero = "region"
) -> dict[str, float]:
    """Score a segmentation by all measures that apply.

    Parameters
    ----------
    segmentation : S int array
        Label image.
    annotations : iterable of Annotation
        Annotations of one or several people, from `prepare_annotation`.
    zero : str
        Meaning of the label 0 of the annotations; the measures of objects need
        ``background``.

    Returns
    -------
    scores : dict of str to float
        Mean over annotations of each of `MEASURES`, that of covering weighted by annotated
        pixels; and ``area``, the annotated pixels of all annotations together.

    Raises
    ------
    InvalidImageError
        If there are no annotations, or one has another shape than the segmentation.

    Examples
    --------
    >>> halves = prepare_annotation(np.array([[1, 1], [2, 2]]))
    >>> scores = measure_segmentation(np.array([[4, 4], [4, 4]]), [halves])
    >>> scores["sc"], scores["vi"], scores["area"]
    (0.5, 1.0, 4.0)
    """
    zone = near(boundary_pixels(segmentation), BOUNDARY_TOLERANCE)
    rows = [_scores(segmentation, zone, one, zero_of(zero)) for one in annotations]
    if not rows:
        raise InvalidImageError("annotations: got none, expected at least one")
    means = mean_scores(rows)
    scores = {name: means[name] for name in MEASURES if name in means}
    return scores | {"area": float(sum(row["area"] for row in rows))}


def mean_scores(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Means of scores; that of covering is weighted by annotated area.

    Parameters
    ----------
    rows : sequence of dict
        Numbers by name, ``area`` among them; the same names in all.

    Returns
    -------
    means : dict of str to float
        Mean of each number.
    """
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    areas = {"sc": columns["area"]}
    return {name: float(np.average(columns[name], weights=areas.get(name))) for name in columns}


def _scores(
    segmentation: np.ndarray, zone: np.ndarray, annotation: Annotation, zero: Zero
) -> dict[str, float]:
    labels, counts = annotation.labels, annotation.is_labeled
    contingency.check_label_images(segmentation, labels)
    table = contingency.contingency_table(segmentation[counts], labels[counts])
    scores = {name: of_table(table) for name, of_table in _OF_TABLE.items()}
    scores["br"] = boundary_recall(zone, annotation.boundary)
    scores["area"] = float(table.sum())
    return scores | (_object_scores(segmentation, labels) if zero == "background" else {})


def _object_scores(segmentation: np.ndarray, objects: np.ndarray) -> dict[str, float]:
    foreground = objects != 0
    union = contingency.best_union(segmentation, foreground)
    pieces, _ = ndimage.label(union)
    labels = compact_labels(segmentation)[1] + 1
    return {
        "dice": contingency.foreground_dice(union, foreground),
        "ap50": contingency.average_precision(pieces, objects),
        "ap50_labels": contingency.average_precision(np.where(union, labels, 0), objects),
    }


def boundary_pixels(labels: np.ndarray) -> np.ndarray:
    """Pixels that share a face with a pixel of another label.

    Parameters
    ----------
    labels : S int array
        Label image; every value, 0 too, is a label.

    Returns
    -------
    boundary : S bool array
        Pixels on both sides of each boundary.

    Examples
    --------
    >>> boundary_pixels(np.array([[1, 1, 1, 2]])).astype(int)
    array([[0, 0, 1, 1]])
    """
    return np.asarray(find_boundaries(labels, mode="thick"))


def near(boundary: np.ndarray, tolerance: int) -> np.ndarray:
    """Pixels within a distance of a boundary along each axis.

    Parameters
    ----------
    boundary : S bool array
        Result of `boundary_pixels`.
    tolerance : int
        Largest distance in pixels, from 0.

    Returns
    -------
    zone : S bool array
        The widened boundary.

    Examples
    --------
    >>> near(np.array([[False, False, False, True]]), 2).astype(int)
    array([[0, 1, 1, 1]])
    """
    return np.asarray(ndimage.maximum_filter(boundary, 2 * tolerance + 1))


def boundary_recall(zone: np.ndarray, annotated: np.ndarray) -> float:
    """Share of the annotated boundary near a boundary of the segmentation.

    Parameters
    ----------
    zone : S bool array
        Pixels near a boundary of the segmentation, from `near`.
    annotated : S bool array
        Boundary of the annotation, from `boundary_pixels`.

    Returns
    -------
    recall : float
        In [0, 1]; 1 if the annotation has no boundary.

    References
    ----------
    Stutz, Hermans, Leibe: Superpixels: An Evaluation of the State-of-the-Art, Computer
    Vision and Image Understanding 166 (2018), section 5.1.

    Examples
    --------
    >>> found, annotated = np.array([[1, 1, 1, 2]]), np.array([[1, 2, 2, 2]])
    >>> zone = near(boundary_pixels(found), 1)
    >>> boundary_recall(zone, boundary_pixels(annotated))
    0.5
    """
    n_annotated = int(np.count_nonzero(annotated))
    return float(np.count_nonzero(zone & annotated) / n_annotated) if n_annotated else 1.0
