import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_dsc.evaluation.contingency import average_precision, best_union, foreground_dice

LABEL_IMAGES = arrays(np.int16, (4, 5), elements=st.integers(-1, 4))
OBJECT_IMAGES = arrays(np.uint8, (2, 3, 5), elements=st.integers(0, 4))


@given(LABEL_IMAGES, arrays(bool, (4, 5)))
def test_no_other_union_of_labels_fits_better(labels, foreground):
    values = np.unique(labels)
    best = max(
        foreground_dice(np.isin(labels, chosen), foreground)
        for count in range(len(values) + 1)
        for chosen in itertools.combinations(values, count)
    )
    union = best_union(labels, foreground)
    assert foreground_dice(union, foreground) == pytest.approx(best)
    assert all(len(np.unique(union[labels == one])) == 1 for one in values)


def test_the_union_of_an_empty_foreground_is_empty():
    nothing = np.zeros((2, 2), bool)
    union = best_union(np.array([[1, 2], [3, 3]]), nothing)
    assert not union.any()
    assert foreground_dice(union, nothing) == 1.0


def test_an_object_found_in_two_halves_is_not_found():
    whole = np.array([[7, 7, 7, 7, 0, 3, 3]])
    halves = np.array([[1, 1, 2, 2, 0, 5, 5]])  # both have an overlap of just 1/2
    assert average_precision(whole, whole) == 1.0
    assert average_precision(halves, whole) == pytest.approx(1 / (1 + 2 + 1))


def test_background_is_no_object():
    empty, one = np.zeros((1, 4), int), np.array([[0, 0, 1, 1]])
    assert average_precision(empty, empty) == 1.0
    assert average_precision(empty, one) == average_precision(one, empty) == 0.0


@given(OBJECT_IMAGES)
def test_precision_is_that_of_slow_loops(images):
    found, truth = images
    ours, theirs = (np.unique(image[image > 0]) for image in images)
    matches = sum(
        ((found == a) & (truth == b)).sum() / ((found == a) | (truth == b)).sum() > 0.5
        for a in ours
        for b in theirs
    )
    total = len(ours) + len(theirs) - matches
    assert average_precision(found, truth) == pytest.approx(matches / total if total else 1)
