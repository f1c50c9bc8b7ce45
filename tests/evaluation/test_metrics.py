import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.metrics import variation_of_information as skimage_variation_of_information
from sklearn.metrics import adjusted_rand_score, rand_score

from napari_dsc.evaluation.contingency import contingency_table
from napari_dsc.evaluation.metrics import (
    achievable_segmentation_accuracy,
    adjusted_rand_index,
    probabilistic_rand_index,
    segmentation_covering,
    undersegmentation_error,
    variation_of_information,
)

METRICS = [
    achievable_segmentation_accuracy,
    adjusted_rand_index,
    probabilistic_rand_index,
    segmentation_covering,
    undersegmentation_error,
    variation_of_information,
]
DISTANCES = {undersegmentation_error, variation_of_information}
TWO_LABEL_IMAGES = arrays(np.int64, (2, 4, 6), elements=st.integers(0, 5))
LABEL_IMAGE = arrays(np.int64, (4, 6), elements=st.integers(0, 5))

# Segments of 3 and 1 pixels against regions of 2 and 2: overlaps 2, 1, 0, 1.
THREE_ONE = np.array([[1, 1], [1, 2]])
TWO_TWO = np.array([[1, 1], [2, 2]])


@pytest.mark.parametrize(
    ("metric", "answer"),
    [
        (segmentation_covering, (2 * 2 / 3 + 2 * 1 / 2) / 4),
        (probabilistic_rand_index, 3 / 6),  # agree: 1-2 together; 1-4, 2-4 apart
        (variation_of_information, 0.75 * (math.log2(3) - 2 / 3) + 0.5),
        (achievable_segmentation_accuracy, 3 / 4),
        (adjusted_rand_index, (1 - 3 * 2 / 6) / ((3 + 2) / 2 - 3 * 2 / 6)),
        (undersegmentation_error, (1 + 1) / 4),  # segment 1 leaks a pixel into either region
    ],
)
def test_four_pixels_score_as_by_hand(metric, answer):
    assert metric(contingency_table(THREE_ONE, TWO_TWO)) == pytest.approx(answer)


def test_covering_asks_how_the_annotation_is_covered_not_the_segmentation():
    one, halves = np.ones((2, 2), int), TWO_TWO
    single_pixels = np.array([[1, 2], [3, 4]])
    assert segmentation_covering(contingency_table(one, halves)) == 1 / 2
    uneven = np.array([[1, 1], [1, 2]])
    assert segmentation_covering(contingency_table(uneven, one)) == 3 / 4
    assert segmentation_covering(contingency_table(one, uneven)) == (3 * 3 / 4 + 1 / 4) / 4
    assert segmentation_covering(contingency_table(single_pixels, halves)) == 1 / 2


def test_one_segment_may_cover_several_regions():
    table = contingency_table(np.ones((1, 4), int), np.array([[1, 1, 1, 2]]))
    assert segmentation_covering(table) == pytest.approx((3 * 3 / 4 + 1 * 1 / 4) / 4)


def test_single_pixels_against_one_region_are_the_farthest_apart():
    table = contingency_table(np.arange(16).reshape(4, 4), np.zeros((4, 4), int))
    assert variation_of_information(table) == 4.0  # log2 of 16 pixels
    assert probabilistic_rand_index(table) == 0.0
    assert segmentation_covering(table) == 1 / 16
    assert achievable_segmentation_accuracy(table) == 1.0


def test_one_pixel_agrees_with_itself():
    table = contingency_table(np.array([[3]]), np.array([[8]]))
    assert all(metric(table) == (metric not in DISTANCES) for metric in METRICS)


@given(TWO_LABEL_IMAGES)
def test_variation_of_information_is_that_of_scikit_image(images):
    expected = skimage_variation_of_information(*images).sum()
    ours = variation_of_information(contingency_table(*images))
    assert ours == pytest.approx(expected, abs=1e-12)


@given(TWO_LABEL_IMAGES)
def test_rand_index_is_that_of_scikit_learn(images):
    expected = rand_score(images[0].ravel(), images[1].ravel())
    ours = probabilistic_rand_index(contingency_table(*images))
    assert ours == pytest.approx(expected)


@given(TWO_LABEL_IMAGES)
def test_adjusted_rand_index_is_that_of_scikit_learn(images):
    expected = adjusted_rand_score(images[0].ravel(), images[1].ravel())
    assert adjusted_rand_index(contingency_table(*images)) == pytest.approx(expected)


@given(TWO_LABEL_IMAGES)
def test_undersegmentation_error_is_that_of_slow_loops(images):
    superpixels, annotation = images
    leaks = 0
    for region in np.unique(annotation):
        for one in np.unique(superpixels[annotation == region]):
            inside = ((superpixels == one) & (annotation == region)).sum()
            leaks += min(inside, (superpixels == one).sum() - inside)
    error = undersegmentation_error(contingency_table(superpixels, annotation))
    assert error == pytest.approx(leaks / 24)


@given(TWO_LABEL_IMAGES)
def test_covering_and_accuracy_are_those_of_slow_loops(images):
    segments, annotation = images
    covered, right = 0.0, 0
    for label in np.unique(annotation):
        region = annotation == label
        overlaps = [
            (region & (segments == other)).sum() / (region | (segments == other)).sum()
            for other in np.unique(segments)
        ]
        covered += region.sum() * max(overlaps)
    for label in np.unique(segments):
        right += np.unique(annotation[segments == label], return_counts=True)[1].max()
    table = contingency_table(segments, annotation)
    assert segmentation_covering(table) == pytest.approx(covered / 24)
    assert achievable_segmentation_accuracy(table) == pytest.approx(right / 24)


@pytest.mark.parametrize("metric", METRICS)
@given(images=TWO_LABEL_IMAGES, numbers=st.permutations(range(6)))
def test_renumbering_changes_no_score(metric, images, numbers):
    first, second = images
    renumbered = 1000 + 7 * np.array(numbers)[first]
    expected = metric(contingency_table(first, second))
    assert metric(contingency_table(renumbered, second)) == pytest.approx(expected)
    swapped = metric(contingency_table(second, first))
    assert metric(contingency_table(second, renumbered)) == pytest.approx(swapped)


@pytest.mark.parametrize("metric", METRICS)
@given(labels=LABEL_IMAGE)
def test_equal_partitions_have_the_perfect_score(metric, labels):
    perfect = 0.0 if metric in DISTANCES else 1.0
    assert metric(contingency_table(labels, labels + 3)) == perfect


@given(TWO_LABEL_IMAGES)
def test_scores_stay_in_their_ranges(images):
    table = contingency_table(*images)
    assert 0 < segmentation_covering(table) <= 1
    assert 0 <= probabilistic_rand_index(table) <= 1
    assert 0 < achievable_segmentation_accuracy(table) <= 1
    assert 0 <= variation_of_information(table) <= math.log2(24) + 1e-12


@given(arrays(np.int64, (3, 12), elements=st.integers(0, 3)))
def test_variation_of_information_is_a_metric(images):
    def distance(i, j):
        return variation_of_information(contingency_table(images[i], images[j]))

    assert distance(0, 1) == pytest.approx(distance(1, 0), abs=1e-12)
    assert distance(0, 2) <= distance(0, 1) + distance(1, 2) + 1e-12
