import cv2
import numpy as np
import pytest
import skimage.data
from skimage.metrics import adapted_rand_error, variation_of_information

from napari_dsc.labels.regions import connected_regions
from napari_dsc.superpixels.mean_shift import mean_shift_filter, merge_modes


def filtered_by_loops(image, radius, bandwidth, max_iterations=5):
    """One point after another, straight from the definition."""
    result = np.empty_like(image)
    for start in np.ndindex(image.shape[1:]):
        place, color = np.array(start), image[(slice(None), *start)]
        for _ in range(max_iterations):
            window = [
                np.array(other)
                for other in np.ndindex(image.shape[1:])
                if np.abs(other - place).max() <= radius
                and np.linalg.norm(image[(slice(None), *other)] - color) <= bandwidth
            ]
            if not window:
                break
            color = np.mean([image[(slice(None), *other)] for other in window], axis=0)
            moved = place + np.rint(np.mean(window, axis=0) - place).astype(int)
            if (moved == place).all():
                break
            place = moved
        result[(slice(None), *start)] = color
    return result


@pytest.fixture(params=["astronaut", "coffee", "chelsea"])
def photo(request):
    return np.ascontiguousarray(getattr(skimage.data, request.param)()[50:150, 70:190])


def channels_first(photo):
    return np.moveaxis(photo, -1, 0).astype(np.float32)


def test_each_side_of_a_step_becomes_its_own_mean():
    step = np.array([[[0.0, 0.1, 0.9, 1.0]]], np.float32)
    filtered = mean_shift_filter(step, radius=1, bandwidth=0.2)
    np.testing.assert_allclose(filtered, [[[0.05, 0.05, 0.95, 0.95]]], atol=1e-6)


def test_a_bandwidth_beyond_the_step_blurs_it():
    step = np.array([[[0.0, 1.0]]], np.float32)
    np.testing.assert_allclose(mean_shift_filter(step, 1, 2.0), [[[0.5, 0.5]]])


def test_a_constant_image_stays_as_it_is():
    image = np.full((2, 5, 6), 0.25, np.float32)
    np.testing.assert_array_equal(mean_shift_filter(image, 2, 0.1), image)


@pytest.mark.parametrize("shape", [(1, 9, 7), (3, 9, 7), (5, 6, 6), (2, 4, 5, 4)])
def test_the_filter_is_the_loop_over_points(shape):
    image = np.random.default_rng(1).random(shape).astype(np.float32)
    expected = filtered_by_loops(image.astype(np.float64), 2, 0.4)
    np.testing.assert_allclose(mean_shift_filter(image, 2, 0.4), expected, atol=1e-5)
    assert np.abs(expected - image).max() > 0.05


def test_the_filter_does_not_depend_on_how_many_points_move_together(monkeypatch):
    image = np.random.default_rng(2).random((3, 20, 20)).astype(np.float32)
    at_once = mean_shift_filter(image, 3, 0.3)
    monkeypatch.setattr("napari_dsc.superpixels.mean_shift.BLOCK", 17)
    np.testing.assert_array_equal(mean_shift_filter(image, 3, 0.3), at_once)


def test_the_callers_image_is_untouched():
    image = np.random.default_rng(3).random((3, 12, 12)).astype(np.float32)
    before = image.copy()
    merge_modes(mean_shift_filter(image, 2, 0.3), 0.2, 4)
    merge_modes(image, 0.2, 4)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(("radius", "bandwidth"), [(5, 20), (7, 12)])
def test_filtered_colors_are_those_of_opencv(photo, radius, bandwidth):
    opencv = cv2.pyrMeanShiftFiltering(photo, radius, bandwidth, maxLevel=0)
    ours = mean_shift_filter(channels_first(photo), radius, bandwidth)
    difference = np.abs(ours - channels_first(opencv)).max(axis=0)
    assert np.median(difference) < 0.5  # half a gray level: OpenCV's rounding
    assert (difference <= 2).mean() > 0.96
    moved = np.abs(ours - channels_first(photo)).max(axis=0)
    assert np.median(moved) > 1


def test_regions_are_those_of_opencv_and_the_same_merging(photo):
    opencv = channels_first(cv2.pyrMeanShiftFiltering(photo, 5, 30, maxLevel=0))
    ours = mean_shift_filter(channels_first(photo), 5, 30)
    first, second = merge_modes(opencv, 20, 30), merge_modes(ours, 20, 30)
    assert first.max() >= 2
    assert sum(variation_of_information(first, second)) < 0.1
    assert adapted_rand_error(first, second)[0] < 0.02


def test_small_regions_join_the_neighbor_nearest_in_color():
    image = np.array([[[0.0, 0.0, 0.4, 1.0, 1.0]]])
    np.testing.assert_array_equal(merge_modes(image, 0.2, 1), [[0, 0, 1, 2, 2]])
    np.testing.assert_array_equal(merge_modes(image, 0.2, 2), [[0, 0, 0, 1, 1]])


def test_merging_ends_with_one_region_when_all_are_small():
    image = np.arange(6.0).reshape(1, 2, 3)
    np.testing.assert_array_equal(merge_modes(image, 0.5, 100), np.zeros((2, 3)))


@pytest.mark.parametrize("shape", [(1, 14, 15), (5, 14, 15), (3, 5, 7, 8)])
def test_regions_are_connected_numbered_in_order_and_large_enough(shape):
    image = np.random.default_rng(4).random(shape)
    labels = merge_modes(image, 0.2, 6)
    np.testing.assert_array_equal(labels, connected_regions(labels))
    assert labels.dtype == np.int64
    assert labels.max() > 0
    assert np.bincount(labels.ravel()).min() >= 6
