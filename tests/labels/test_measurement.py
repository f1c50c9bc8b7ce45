"""Tables of segments, on cases that can be counted."""

import numpy as np
import pytest
from skimage.measure import regionprops_table

from napari_dsc.labels.measurement import (
    join_tables,
    measure_segments,
    segment_table,
    split_into_regions,
)

LABELS = np.array([[1, 1, 3, 0], [1, 3, 3, 0], [5, 5, 3, 3]])


def test_size_center_and_intensity_by_hand():
    image = np.arange(12.0).reshape(1, 3, 4)
    to_world = np.array([[2.0, 0, 10], [0, 0.5, -1]])
    table = measure_segments(LABELS, image, to_world, ("y", "x"))
    assert table["index"].tolist() == [1, 3, 5]
    assert table["area_px"].tolist() == [3, 5, 2]
    assert table["area"].tolist() == [3.0, 5.0, 2.0]
    np.testing.assert_allclose(table["centroid_y"], [10 + 2 / 3, 10 + 2 * 6 / 5, 14])
    np.testing.assert_allclose(table["centroid_x"], [-1 + 0.5 / 3, -1 + 0.5 * 10 / 5, -0.75])
    np.testing.assert_allclose(table["mean_intensity"], [5 / 3, 34 / 5, 8.5])


def test_it_agrees_with_scikit_image_in_three_dimensions():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, (4, 5, 6))
    image = rng.random((2, 4, 5, 6))
    ours = measure_segments(labels, image, np.diag([3.0, 1, 1, 0])[:3], ("z", "y", "x"))
    theirs = regionprops_table(
        labels,
        np.moveaxis(image, 0, -1),
        properties=("label", "num_pixels", "centroid", "intensity_mean"),
    )
    assert ours["index"].tolist() == theirs["label"].tolist()
    np.testing.assert_allclose(ours["area"], 3 * theirs["num_pixels"])
    np.testing.assert_allclose(ours["centroid_z"], 3 * theirs["centroid-0"])
    np.testing.assert_allclose(ours["centroid_x"], theirs["centroid-2"])
    np.testing.assert_allclose(ours["mean_intensity_1"], theirs["intensity_mean-1"])


def test_no_labels_give_an_empty_table():
    table = measure_segments(np.zeros((3, 3), int), None, np.eye(2, 3), ("y", "x"))
    assert {name: len(column) for name, column in table.items()} == {
        "index": 0,
        "area_px": 0,
        "area": 0,
        "centroid_y": 0,
        "centroid_x": 0,
    }


def test_class_and_confidence_by_hand():
    superpixels = np.array([[1, 1, 2, 3]])
    classes = np.array([0, 2, 0])
    probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.2, 0.6], [0.5, 0.4, 0.1]])
    labels = np.array([[1, 1, 3, 1]])
    table = segment_table(labels, superpixels, classes, probabilities)
    assert table["index"].tolist() == [1, 3]
    assert table["class"].tolist() == [1, 3]
    np.testing.assert_allclose(table["confidence"], [(0.9 + 0.9 + 0.5) / 3, 0.6])


def test_pixels_outside_a_mask_belong_to_no_segment():
    table = segment_table(
        np.array([[0, 2]]), np.array([[1, 2]]), np.array([0, 1]), np.array([[1.0, 0], [0, 1]])
    )
    assert table["index"].tolist() == [2]


def test_pieces_are_numbered_and_know_their_label():
    labels = np.array([[4, 0, 4], [4, 7, 0]])
    regions, parents = split_into_regions(labels)
    assert regions.tolist() == [[1, 0, 2], [1, 3, 0]]
    assert parents.tolist() == [4, 4, 7]
    assert regions.dtype == np.uint8


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int64])
def test_pieces_of_the_largest_label_of_a_type_stay_apart(dtype):
    largest = min(np.iinfo(dtype).max, 65535)
    regions, parents = split_into_regions(np.array([[largest, 0, largest, 0, 7]], dtype))
    assert regions.tolist() == [[1, 0, 2, 0, 3]]
    assert parents.tolist() == [largest, largest, 7]


@pytest.mark.parametrize("value", [0, 3])
def test_one_value_everywhere_is_one_piece_or_none(value):
    regions, parents = split_into_regions(np.full((2, 2), value))
    assert (regions == (value > 0)).all()
    assert parents.tolist() == [value] * (value > 0)


def test_tables_join_by_index():
    left = {"index": np.array([1, 2]), "class": np.array([5, 6]), "area": np.array([0, 0])}
    right = {"index": np.array([1, 2]), "area": np.array([10, 20])}
    joined = join_tables(left, right)
    assert {name: column.tolist() for name, column in joined.items()} == {
        "index": [1, 2],
        "class": [5, 6],
        "area": [10, 20],
    }


def test_rows_that_one_table_lacks_are_nan():
    joined = join_tables(
        {"index": np.array([1, 3]), "class": np.array([5, 6])},
        {"index": np.array([2, 3]), "area": np.array([20, 30])},
    )
    assert joined["index"].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(joined["class"], [5, np.nan, 6])
    np.testing.assert_array_equal(joined["area"], [np.nan, 20, 30])


def test_a_rotation_moves_the_centers():
    to_world = np.array([[0.0, -1, 0], [1, 0, 0]])  # by 90 degrees
    table = measure_segments(np.array([[0, 0, 0, 7]]), None, to_world, ("y", "x"))
    assert (table["centroid_y"].item(), table["centroid_x"].item()) == (-3, 0)


def test_huge_and_negative_labels_are_counted_by_rank():
    labels = np.array([[-5, 4_000_000_000, 4_000_000_000, 0]])
    table = measure_segments(labels, None, np.eye(2, 3), ("y", "x"))
    assert table["index"].tolist() == [4_000_000_000]
    assert table["area_px"].tolist() == [2]


def test_an_axis_of_one_plane_does_not_count_for_the_area():
    to_world = np.diag([7.0, 2, 3, 0])[:3]
    table = measure_segments(np.ones((1, 2, 2), int), None, to_world, ("z", "y", "x"))
    assert table["area"].tolist() == [4 * 6]


def test_words_join_as_well():
    left = {"index": np.array([1]), "kind": np.array(["nucleus"])}
    joined = join_tables(left, {"index": np.array([1, 2]), "area": np.array([5, 6])})
    assert joined["kind"][0] == "nucleus"
    assert np.isnan(joined["kind"][1])
