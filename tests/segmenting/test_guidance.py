import numpy as np
import pytest

import napari_dsc
from napari_dsc import CutParams, InvalidParameterError, SuperpixelParams
from napari_dsc.correction.edits import classes_of_scribbles

OPTIONS = {
    "device": "cpu",
    "superpixel_params": SuperpixelParams(n_superpixels=12),
    "cut_params": CutParams(n_iterations=3, n_partitions=6),
}


def test_scribbled_superpixels_have_a_class_and_others_are_free():
    superpixels = np.array([[0, 0, 1, 2]])
    classes = classes_of_scribbles(np.array([[0, 3, 0, 1]]), superpixels, 3)
    np.testing.assert_array_equal(classes, [2, -1, 0])


def test_a_run_obeys_scribbles_and_puts_them_on_record(quadrants):
    image, _ = quadrants
    free = napari_dsc.segment(image, **OPTIONS)
    scribbles = np.zeros(image.shape[:2], np.int16)
    wanted = free.labels[5, 5] % 6 + 1
    scribbles[5, 5] = wanted

    result = napari_dsc.segment(image, scribbles=scribbles, **OPTIONS)

    superpixel = result.superpixels == result.superpixels[5, 5]
    assert (result.labels[superpixel] == wanted).all()
    assert len(result.record["given_scribbles"]["sha256"]) == 64
    assert "given_scribbles" not in free.record


def test_empty_scribbles_change_nothing(quadrants):
    image, _ = quadrants
    empty = np.zeros(image.shape[:2], int)
    with_empty = napari_dsc.segment(image, scribbles=empty, **OPTIONS)
    np.testing.assert_array_equal(
        with_empty.labels, napari_dsc.segment(image, **OPTIONS).labels
    )


@pytest.mark.parametrize(
    ("scribbles", "words"),
    [
        (np.full((32, 48), 7), "scribbles: got label 7, expected 1 to 6"),
        (np.zeros((3, 4), int), r"scribbles: int64 of shape \(3, 4\), expected integers"),
        (np.zeros((32, 48)), "scribbles: float64 of shape"),
    ],
)
def test_scribbles_that_cannot_be_used_are_told(scribbles, words):
    image = np.random.default_rng(0).integers(0, 255, (32, 48)).astype(np.uint8)
    with pytest.raises(InvalidParameterError, match=words):
        napari_dsc.segment(image, scribbles=scribbles, **OPTIONS)
