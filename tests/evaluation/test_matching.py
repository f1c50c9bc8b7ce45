import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_dsc.errors import InvalidImageError
from napari_dsc.evaluation.contingency import error_map

TWO_LABEL_IMAGES = arrays(np.int16, (2, 4, 5), elements=st.integers(-2, 3))


@pytest.mark.parametrize(
    ("labels", "truth", "errors"),
    [
        ("aaabbb", "xxxyyy", "......"),
        ("aaabcc", "xxxyyy", "...#.."),  # a region in two pieces keeps its larger one
        ("aaaaaa", "xxxxyy", "....##"),  # of two regions in one segment the larger fits
        ("aaaabb", "xxxyyy", "...#.."),
    ],
)
def test_disagreements_are_those_one_sees(labels, truth, errors):
    first, second = (np.array([[ord(letter) for letter in text]]) for text in (labels, truth))
    assert "".join(".#"[int(wrong)] for wrong in error_map(first, second)[0]) == errors


def test_unlabeled_pixels_are_no_partner_and_no_error():
    truth = np.array([[0, 0, 0, 5, 5]])
    one = np.ones_like(truth)
    # as a label, 0 is what fits best
    np.testing.assert_array_equal(error_map(one, truth), truth == 5)
    assert not error_map(one, truth, "unlabeled").any()
    parted = np.array([[1, 2, 3, 3, 4]])
    assert error_map(parted, truth, "unlabeled").tolist() == [[False] * 3 + [False, True]]
    assert not error_map(one, np.zeros_like(truth), "unlabeled").any()


@given(TWO_LABEL_IMAGES)
def test_errors_are_those_of_slow_loops(images):
    def overlap(a, b):
        return ((labels == a) & (truth == b)).sum() / ((labels == a) | (truth == b)).sum()

    labels, truth = images
    ours, theirs = np.unique(labels), np.unique(truth)
    for place, wrong in np.ndenumerate(error_map(labels, truth)):
        a, b = labels[place], truth[place]
        partner = max(theirs, key=lambda one: overlap(a, one))
        other = max(ours, key=lambda one: overlap(one, b))
        assert wrong == (partner != b or other != a)


@given(TWO_LABEL_IMAGES)
def test_equal_partitions_and_no_others_have_no_errors(images):
    first, second = images
    assert not error_map(first, 10 - first).any()
    pairs = len(np.unique(np.stack(images).reshape(2, -1), axis=1)[0])
    is_equal = pairs == len(np.unique(first)) == len(np.unique(second))
    assert error_map(first, second).any() == (not is_equal)


def test_images_of_two_shapes_are_refused():
    with pytest.raises(InvalidImageError, match=r"shape \(1, 3\), expected \(1, 4\)"):
        error_map(np.ones((1, 4), int), np.ones((1, 3), int))
