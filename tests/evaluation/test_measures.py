import numpy as np
import pytest

import napari_dsc
from napari_dsc.errors import InvalidImageError
from napari_dsc.evaluation import contingency
from napari_dsc.evaluation.measures import MEASURES, measure_segmentation, prepare_annotation

HALVES = np.repeat([[1, 2]], [6, 6], axis=1).repeat(4, axis=0)
THIRDS = np.repeat([[0, 1, 2]], [4, 4, 4], axis=1).repeat(4, axis=0)


def measured(labels, *annotations, zero="region"):
    return measure_segmentation(
        labels, [prepare_annotation(one, zero) for one in annotations], zero
    )


def test_measures_of_two_annotations_are_means_over_both():
    both = measured(HALVES, HALVES, THIRDS)
    first, second = measured(HALVES, HALVES), measured(HALVES, THIRDS)
    for name in first:
        if name != "area":
            assert both[name] == pytest.approx((first[name] + second[name]) / 2)
    assert both["area"] == 96


def test_the_scores_of_the_paper_are_means_over_annotations():
    rows, columns = np.array([[1, 1], [2, 2]]), np.array([[1, 2], [1, 2]])
    scores = measured(rows, rows, columns)
    # rows against rows: 1, 1, 0; against columns: each region 1/3, pairs 2 of 6, 2 bits
    assert scores["sc"] == pytest.approx((1 + 1 / 3) / 2)
    assert scores["pri"] == pytest.approx((1 + 2 / 6) / 2)
    assert scores["vi"] == pytest.approx((0 + 2) / 2)
    assert scores["area"] == 8


def test_an_annotation_of_another_shape_is_refused():
    with pytest.raises(InvalidImageError, match=r"got shape \(1, 2\), expected \(4, 12\)"):
        measured(HALVES, np.array([[1, 2]]))


def test_a_perfect_segmentation_has_perfect_measures():
    apart = THIRDS[:, [4, 5, 0, 1, 2, 3, 8, 9, 10, 11, 0, 0]]
    scores = measured(apart, apart, zero="background")
    errors = {"vi": 0.0, "ue": 0.0}
    assert scores == dict.fromkeys(MEASURES, 1.0) | errors | {"area": 48.0}


def test_objects_are_scored_only_where_zero_is_background():
    assert not {"dice", "ap50"} & set(measured(HALVES, THIRDS))
    scores = measured(HALVES, THIRDS, zero="background")
    # foreground: columns 4 to 11; all of 1 and 2 against only 2: 2 * 8 / 20, 2 * 6 / 14
    assert scores["dice"] == pytest.approx(12 / 14)
    # 2 touches both objects: 2/8 of one, 4/6 of the other
    assert scores["ap50"] == scores["ap50_labels"] == pytest.approx(1 / 2)


def test_touching_objects_are_one_piece_but_several_labels():
    scores = measured(THIRDS, THIRDS, zero="background")
    assert (scores["ap50"], scores["ap50_labels"]) == (0.0, 1.0)


def test_unlabeled_pixels_do_not_count():
    labels = HALVES.copy()
    labels[:, :4] = 9
    before = measured(labels, THIRDS)
    scores = measured(labels, THIRDS, zero="unlabeled")
    assert scores["area"] == 32
    assert scores["sc"] == pytest.approx((4 * 2 / 4 + 4 * 4 / 6) / 8)
    assert before["sc"] != scores["sc"]
    spoiled = np.where(THIRDS == 0, np.arange(48).reshape(4, 12) + 100, labels)
    again = measured(spoiled, THIRDS, zero="unlabeled")
    assert {**again, "br": 0} == {**scores, "br": 0}


def test_the_old_spelling_of_unlabeled_means_the_same():
    labels = np.where(THIRDS == 1, 0, THIRDS)
    old, new = (measured(labels, labels, zero=zero) for zero in ("unlabelled", "unlabeled"))
    assert old == new != measured(labels, labels)


def test_covering_weighs_annotations_by_what_they_label():
    few = np.array([[0] * 10 + [1, 2]])  # both pixels in one segment: 1/2
    all_of_it = np.ones_like(few)  # one segment for one region: 1
    scores = measured(np.ones_like(few), few, all_of_it, zero="unlabeled")
    assert scores["sc"] == pytest.approx((2 * 1 / 2 + 12 * 1) / 14)
    assert scores["vi"] == pytest.approx((1 + 0) / 2)


def test_the_rim_of_unlabeled_pixels_is_no_boundary_to_find():
    one = np.where(THIRDS == 0, 0, 1)
    flat = np.ones_like(one)
    assert measured(flat, one)["br"] == 0.0
    assert measured(flat, one, zero="unlabeled")["br"] == 1.0


def test_an_annotation_without_labels_is_refused():
    with pytest.raises(InvalidImageError, match="every pixel is 0"):
        prepare_annotation(np.zeros((2, 2), int), "unlabeled")


def test_no_annotations_give_no_scores():
    with pytest.raises(InvalidImageError, match="got none"):
        measure_segmentation(HALVES, [])


def test_the_names_of_earlier_how_tos_work_and_say_the_new_ones():
    with pytest.warns(DeprecationWarning, match=r"contingency\.error_map"):
        from napari_dsc.evaluation.matching import error_map as former_map
    with pytest.warns(DeprecationWarning, match=r"napari_dsc\.make_template"):
        from napari_dsc.superae.templates import make_template as former_template
    assert former_map is contingency.error_map
    assert former_template is napari_dsc.make_template
