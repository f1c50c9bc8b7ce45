import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.metrics import contingency_table as skimage_contingency_table

from napari_dsc.errors import InvalidImageError
from napari_dsc.evaluation.contingency import contingency_table

LABELS = st.integers(0, 6)
TWO_LABEL_IMAGES = arrays(np.uint8, (2, 5, 7), elements=LABELS)


def test_four_pixels_are_counted_by_hand():
    table = contingency_table(np.array([[0, 0], [1, 1]]), np.array([[0, 1], [1, 1]]))
    assert table.toarray().tolist() == [[1, 1], [0, 2]]


@given(TWO_LABEL_IMAGES)
def test_counts_are_those_of_scikit_image(images):
    first, second = images
    ours, theirs = contingency_table(first, second), skimage_contingency_table(first, second)
    with_pixels = np.ix_(np.unique(first), np.unique(second))
    np.testing.assert_array_equal(ours.toarray(), theirs.toarray()[with_pixels])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint16, np.int64, np.uint64])
def test_labels_of_every_integer_type_are_counted_alike(dtype):
    info = np.iinfo(dtype)
    first = np.array([info.min, info.min, info.max, info.max], dtype)
    second = np.array([7, 8, 8, 8], dtype)
    counts = contingency_table(first, second).toarray()
    assert counts.tolist() == [[1, 1], [0, 2]]


def test_many_regions_against_many_regions_need_no_dense_table():
    first = np.arange(100_000).reshape(250, 400)
    second = first[::-1, ::-1]
    table = contingency_table(first, second)
    assert table.shape == (100_000, 100_000)
    assert table.nnz == 100_000
    assert table[0, 99_999] == 1


def test_stacks_are_counted_like_images():
    first, second = np.array([0, 0, 1, 1, 2, 2, 2, 2]), np.array([0, 1, 1, 1, 0, 0, 2, 2])
    flat = contingency_table(first, second).toarray()
    stack = contingency_table(first.reshape(2, 2, 2), second.reshape(2, 2, 2)).toarray()
    np.testing.assert_array_equal(stack, flat)


def test_the_label_images_are_left_untouched():
    first, second = np.array([[3, 9]]), np.array([[1, 1]])
    contingency_table(first, second)
    assert first.tolist() == [[3, 9]]
    assert second.tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (np.zeros((2, 2), int), np.zeros((2, 3), int), r"second: got shape \(2, 3\)"),
        (np.zeros((0, 2), int), np.zeros((0, 2), int), "first: .* at least one pixel"),
        (np.zeros((2, 2)), np.zeros((2, 2), int), "first: .* float64, expected integers"),
        (np.zeros((2, 2), int), np.zeros((2, 2), bool), "second: .* bool, expected integers"),
    ],
)
def test_what_are_no_two_label_images_is_refused(first, second, message):
    with pytest.raises(InvalidImageError, match=message):
        contingency_table(first, second)
