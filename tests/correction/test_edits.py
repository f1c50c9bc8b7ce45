import numpy as np
import pytest

from napari_dsc.correction.edits import detach, merge, move, seeds_of, split, table_of
from napari_dsc.correction.parts import Parts

ROW = np.array([[1, 1, 2, 3, 3, 3, 4]])


def row_of(colors, probabilities=None):
    known = np.zeros((len(colors), 0)) if probabilities is None else np.array(probabilities)
    superpixels = np.arange(1, len(colors) + 1)[None]
    return Parts(superpixels, np.array(colors, float)[:, None], known)


def test_moving_changes_the_chosen_only_in_a_copy():
    labels = np.array([1, 1, 2])
    np.testing.assert_array_equal(move(labels, np.array([1]), 5), [1, 5, 2])
    np.testing.assert_array_equal(labels, [1, 1, 2])


def test_merging_keeps_the_label_of_the_largest():
    parts = Parts(ROW, np.zeros((4, 1)), np.zeros((4, 0)))
    merged = merge(np.array([5, 1, 9, 0]), np.array([0, 2, 3]), parts)
    np.testing.assert_array_equal(merged, [9, 1, 9, 0])


def test_merging_nothing_changes_nothing():
    parts = Parts(ROW, np.zeros((4, 1)), np.zeros((4, 0)))
    labels = np.array([5, 1, 9, 0])
    np.testing.assert_array_equal(merge(labels, np.array([3]), parts), labels)


def test_a_detached_segment_takes_the_next_number():
    np.testing.assert_array_equal(detach(np.array([5, 1, 5]), np.array([2])), [5, 1, 6])


def test_the_scribble_with_most_pixels_decides():
    scribbles = np.array([[0, 0, 4, 7, 2, 7, -1]])
    np.testing.assert_array_equal(seeds_of(scribbles, ROW, 4), [0, 4, 7, 0])


def test_a_split_follows_the_smallest_step_in_color():
    parts = row_of([0, 0.1, 0.2, 0.8, 0.9])
    labels = np.ones(5, int)
    divided = split(labels, np.array([6, 0, 0, 0, 3]), parts)
    np.testing.assert_array_equal(divided, [1, 1, 1, 2, 2])


def test_a_split_leaves_other_segments_and_single_seeds_alone():
    parts = row_of([0, 0.1, 0.2, 0.8, 0.9])
    labels = np.array([1, 1, 2, 2, 2])
    np.testing.assert_array_equal(split(labels, np.array([6, 0, 0, 0, 3]), parts), labels)
    divided = split(labels, np.array([6, 7, 0, 0, 3]), parts)
    np.testing.assert_array_equal(divided[2:], labels[2:])
    assert divided[0] != divided[1]


def test_a_split_does_not_reach_across_a_gap():
    # two pieces of label 1; only the left one holds two seeds
    parts = row_of([0, 0.9, 0.5, 0.1, 0.2])
    labels = np.array([1, 1, 2, 1, 1])
    divided = split(labels, np.array([4, 5, 0, 5, 0]), parts)
    np.testing.assert_array_equal(divided[2:], [2, 1, 1])
    assert divided[0] != divided[1]


def test_unassigned_superpixels_stay_so():
    parts = row_of([0, 0.5, 0.9])
    labels = np.array([0, 0, 0])
    np.testing.assert_array_equal(split(labels, np.array([1, 0, 2]), parts), labels)


def test_the_table_weighs_superpixels_by_their_pixels():
    parts = Parts(ROW, np.zeros((4, 1)), np.array([[1, 0], [0.4, 0.6], [0, 1], [0.5, 0.5]]))
    table = table_of(np.array([8, 8, 3, 0]), parts)
    np.testing.assert_array_equal(table["index"], [3, 8])
    np.testing.assert_array_equal(table["class"], [2, 1])
    assert table["confidence"] == pytest.approx([1.0, (2 * 1 + 0.4) / 3])


def test_without_probabilities_the_table_has_labels_only():
    parts = Parts(ROW, np.zeros((4, 1)), np.zeros((4, 0)))
    assert list(table_of(np.array([8, 8, 3, 0]), parts)) == ["index"]
