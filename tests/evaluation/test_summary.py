import numpy as np
import pytest

from napari_dsc.errors import InvalidParameterError
from napari_dsc.evaluation.contingency import contingency_table
from napari_dsc.evaluation.measures import measure_segmentation, prepare_annotation
from napari_dsc.evaluation.metrics import segmentation_covering
from napari_dsc.evaluation.summary import mean_over_images, summarize

ROWS, COLUMNS, ONE = (
    np.array([[1, 1], [2, 2]]),
    np.array([[1, 2], [1, 2]]),
    np.ones((2, 2), int),
)


def scores_of(sc, pri=0.0, vi=0.0, area=1):
    return {"sc": sc, "pri": pri, "vi": vi, "area": area}


def test_the_best_scale_is_chosen_for_the_set_and_for_each_image():
    first = [scores_of(0.2, 0.6, 1.0), scores_of(0.8, 0.5, 3.0)]
    second = [scores_of(0.5, 0.7, 2.5), scores_of(0.3, 0.9, 1.0)]
    summary = summarize([first, second])
    assert summary["sc"] == pytest.approx((0.55, 0.65, 1))
    assert summary["pri"] == pytest.approx((0.7, 0.75, 1))
    assert summary["vi"] == pytest.approx((1.75, 1.0, 0))


def test_covering_is_weighted_by_annotated_area_and_the_others_are_not():
    many, few = scores_of(1.0, 1.0, 4.0, area=300), scores_of(0.0, 0.0, 0.0, area=100)
    summary = summarize([[many], [few]])
    assert summary["sc"].ods == summary["sc"].ois == 0.75
    assert summary["pri"].ods == summary["pri"].ois == 0.5
    assert summary["vi"].ods == summary["vi"].ois == 2.0


def test_covering_of_a_set_is_the_covered_area_over_all_regions_of_all_annotations():
    wide = np.repeat([[1, 2]], [6, 2], axis=1)
    images = [(ONE, [ROWS, COLUMNS, ONE]), (np.ones((1, 8), int), [wide])]
    covered = sum(
        segmentation_covering(contingency_table(labels, annotation)) * labels.size
        for labels, annotations in images
        for annotation in annotations
    )
    assert covered == pytest.approx(2 + 2 + 4 + (6 * 6 / 8 + 2 * 2 / 8))
    scores = [
        [measure_segmentation(labels, [prepare_annotation(one) for one in annotations])]
        for labels, annotations in images
    ]
    summary = summarize(scores)
    assert summary["sc"].ods == pytest.approx(covered / (3 * 4 + 8))


@pytest.mark.parametrize("scores", [[], [[]], [[scores_of(1.0)], []]])
def test_sets_without_common_scales_are_refused(scores):
    with pytest.raises(InvalidParameterError, match="expected the same number"):
        summarize(scores)


def test_means_over_images_are_kept_for_each_scale():
    first = [scores_of(0.2, 0.6, 1.0, area=1), scores_of(0.8, 0.5, 3.0, area=1)]
    second = [scores_of(0.6, 0.8, 2.0, area=3), scores_of(0.4, 0.7, 1.0, area=3)]
    means = mean_over_images([first, second])
    assert means[0] == pytest.approx(scores_of(0.5, 0.7, 1.5, area=2))
    assert means[1] == pytest.approx(scores_of(0.5, 0.6, 2.0, area=2))


def test_only_what_every_image_has_is_summarized():
    whole, part = scores_of(0.5) | {"dice": 1.0}, scores_of(0.5)
    assert set(summarize([[whole], [whole]])) == {"sc", "pri", "vi", "dice"}
    assert set(summarize([[whole], [part]])) == {"sc", "pri", "vi"}
