import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_dsc import InvalidParameterError
from napari_dsc.correction.parts import Parts, mean_colors, parts_of

SMALL = arrays.arrays(
    np.int64,
    arrays.array_shapes(min_dims=1, max_dims=3, max_side=5),
    elements=st.integers(0, 4),
)


def parts(superpixels, n=5):
    return Parts(superpixels, np.zeros((n, 1)), np.zeros((n, 0)))


@given(SMALL)
def test_pixels_of_superpixels_are_those_that_have_their_number(superpixels):
    ready = parts(superpixels)
    for chosen in ([0], [3, 1], [0, 1, 2, 3, 4]):
        found = ready.pixels_of(np.array(chosen))
        expected = [np.flatnonzero(superpixels.ravel() == one + 1) for one in chosen]
        np.testing.assert_array_equal(found, np.concatenate(expected))


@given(SMALL)
def test_sizes_and_labels_agree_with_plain_counting(superpixels):
    ready = parts(superpixels)
    labels = superpixels * 3 % 7
    expected = [3 * one % 7 if (superpixels == one).any() else 0 for one in range(1, 6)]
    np.testing.assert_array_equal(ready.labels_of(labels), expected)
    np.testing.assert_array_equal(
        ready.sizes, [(superpixels == one).sum() for one in range(1, 6)]
    )


@given(SMALL)
def test_pairs_share_a_face(superpixels):
    expected = set()
    for place in np.ndindex(superpixels.shape):
        for axis in range(superpixels.ndim):
            other = tuple(p + (i == axis) for i, p in enumerate(place))
            if other[axis] < superpixels.shape[axis]:
                pair = sorted((superpixels[place], superpixels[other]))
                if 0 < pair[0] < pair[1]:
                    expected.add((pair[0] - 1, pair[1] - 1))
    found = parts(superpixels).pairs
    assert sorted(zip(*found.tolist(), strict=True)) == sorted(expected)


def test_margins_are_the_lead_of_the_best_class():
    ready = Parts(np.array([1, 2]), np.zeros((2, 1)), np.array([[0.5, 0.2, 0.3], [0, 0, 1]]))
    np.testing.assert_allclose(ready.margins, [0.2, 1.0])


def test_without_probabilities_nothing_is_uncertain():
    np.testing.assert_array_equal(parts(np.array([1, 2]), 2).margins, [1, 1])


def test_the_center_lies_in_the_superpixel():
    ring = np.ones((5, 5), int)
    ring[1:4, 1:4] = 2
    assert ring[parts(ring, 2).center(0)] == 1
    assert parts(ring, 2).center(1) == (2, 2)


def test_colors_are_scaled_to_the_range_of_the_image():
    pixels = np.array([[[100, 300], [200, 500]]], np.uint16)
    ready = parts_of(np.array([[1, 2], [1, 2]]), pixels, np.zeros((2, 0)))
    np.testing.assert_allclose(ready.colors, [[0.125], [0.75]])


def test_a_flat_image_has_flat_colors():
    ready = parts_of(np.array([1, 2]), np.full((1, 2), 7), np.zeros((2, 0)))
    np.testing.assert_array_equal(ready.colors, [[0], [0]])


def test_superpixels_without_a_pixel_have_color_zero():
    np.testing.assert_array_equal(
        mean_colors(np.ones((1, 2)), np.array([1, 3])).ravel(), [1, 0, 1]
    )


@pytest.mark.parametrize("highest", [3, -1])
def test_arrays_that_do_not_belong_together_are_refused(highest):
    with pytest.raises(InvalidParameterError, match="expected one of each"):
        parts(np.array([1, highest]), 2)
