import imageio.v3 as iio
import numpy as np
import pytest
from scipy.io import savemat

from napari_dsc.errors import InvalidImageError
from napari_dsc.evaluation.bsds500 import (
    contours_path,
    list_samples,
    read_annotations,
    read_contours,
)

ROWS, COLUMNS = np.array([[1, 1], [2, 2]], np.uint16), np.array([[1, 2], [1, 2]], np.uint16)


def save_annotations(path, *annotations):
    """A file like those of BSDS500: a 1 x P cell of 1 x 1 structures."""
    cells = np.empty((1, len(annotations)), object)
    for index, labels in enumerate(annotations):
        cells[0, index] = {"Segmentation": labels, "Boundaries": np.zeros((2, 2), bool)}
    savemat(path, {"groundTruth": cells}, do_compression=True)


def test_annotations_come_back_as_they_were_drawn(tmp_path):
    path = tmp_path / "42049.mat"
    save_annotations(path, ROWS, COLUMNS)
    annotations = read_annotations(path)
    assert len(annotations) == 2
    np.testing.assert_array_equal(annotations[0], ROWS)
    np.testing.assert_array_equal(annotations[1], COLUMNS)
    assert annotations[0].dtype == np.uint16


def test_samples_are_found_where_the_data_set_keeps_them(tmp_path):
    folder = tmp_path / "data" / "images" / "val"
    folder.mkdir(parents=True)
    for name in ("8068.jpg", "101085.JPG", "Thumbs.db", "._8068.jpg"):
        (folder / name).touch()
    samples = list_samples(tmp_path, "val")
    assert [sample.name for sample in samples] == ["101085", "8068"]
    assert samples[1].image == folder / "8068.jpg"
    assert samples[1].annotations == tmp_path / "data" / "groundTruth" / "val" / "8068.mat"


def test_a_folder_without_the_data_set_is_named(tmp_path):
    with pytest.raises(InvalidImageError, match=r"train: no \*\.jpg found"):
        list_samples(tmp_path, "train")


def test_a_missing_annotation_file_is_named(tmp_path):
    with pytest.raises(InvalidImageError, match=r"1\.mat: no such file"):
        read_annotations(tmp_path / "1.mat")


def test_a_truncated_annotation_file_is_named_wherever_it_ends(tmp_path):
    path = tmp_path / "1.mat"
    save_annotations(path, ROWS, COLUMNS)
    content = path.read_bytes()
    for length in range(0, len(content) - 1, 7):
        path.write_bytes(content[:length])
        with pytest.raises(InvalidImageError, match=r"1\.mat: "):
            read_annotations(path)


@pytest.mark.parametrize(
    "content",
    [
        {"ucm2": np.zeros((5, 5))},
        {"groundTruth": np.zeros((2, 2))},
        {"groundTruth": np.array([[{"Boundaries": np.zeros((2, 2))}]], object)},
    ],
)
def test_another_kind_of_matlab_file_is_refused(tmp_path, content):
    savemat(tmp_path / "1.mat", content)
    with pytest.raises(InvalidImageError, match="not annotations of BSDS500"):
        read_annotations(tmp_path / "1.mat")


@pytest.mark.parametrize(
    "annotations",
    [[], [ROWS, ROWS[:1]], [ROWS.astype(float)], [np.ones((2, 2, 2), int)], [ROWS[:0]]],
)
def test_annotations_that_are_no_label_images_of_one_shape_are_refused(tmp_path, annotations):
    save_annotations(tmp_path / "1.mat", *annotations)
    with pytest.raises(InvalidImageError, match="expected label images of two axes"):
        read_annotations(tmp_path / "1.mat")


def test_contour_strengths_are_rounded_up_to_8_bits(tmp_path):
    strengths = np.array([[0.0, 0.2, 0.2000001], [0, 1, 0], [0, 0, 0.001]])
    savemat(tmp_path / "1.mat", {"ucm2": strengths})
    contours = read_contours(tmp_path / "1.mat")
    assert contours.tolist() == [[0, 51, 52], [0, 255, 0], [0, 0, 1]]
    iio.imwrite(tmp_path / "1.png", contours)
    np.testing.assert_array_equal(read_contours(tmp_path / "1.png"), contours)


def test_contours_are_taken_as_published_before_any_copy(tmp_path):
    places = ["ucm2_png/val/7.png", "ucm2/val/7.png", "ucm2/val/7.mat"]
    assert contours_path(tmp_path, "val", "7") == tmp_path / places[-1]
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
        assert contours_path(tmp_path, "val", "7") == tmp_path / place


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"ucm": np.zeros((5, 5))}, "not a contour map"),
        ({"ucm2": np.full((5, 5), 1.5)}, "expected strengths in 0 to 1"),
        ({"ucm2": np.full((5, 5), np.nan)}, "expected strengths in 0 to 1"),
        ({"ucm2": np.zeros((5, 5, 3))}, "expected strengths in 0 to 1"),
        ({"ucm2": np.zeros((4, 5))}, "odd sides"),
        ({"ucm2": "words"}, "not a contour map"),
    ],
)
def test_what_is_no_contour_map_is_named(tmp_path, content, message):
    savemat(tmp_path / "1.mat", content)
    with pytest.raises(InvalidImageError, match=rf"1\.mat: .*{message}"):
        read_contours(tmp_path / "1.mat")


def test_a_missing_or_cut_contour_map_is_named(tmp_path):
    path = tmp_path / "1.mat"
    with pytest.raises(InvalidImageError, match=r"1\.mat: no such file"):
        read_contours(path)
    savemat(path, {"ucm2": np.zeros((5, 5))})
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(InvalidImageError, match=r"1\.mat: damaged, or not a contour map"):
        read_contours(path)
