import numpy as np
import pytest
from scipy.io import savemat

from napari_dsc.errors import InvalidImageError
from napari_dsc.evaluation.bsds500 import list_samples, read_annotations

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
    for name in ("8068.jpg", "101085.jpg", "Thumbs.db"):
        (folder / name).touch()
    samples = list_samples(tmp_path, "val")
    assert [sample.name for sample in samples] == ["101085", "8068"]
    assert samples[1].image == folder / "8068.jpg"
    assert samples[1].annotations == tmp_path / "data" / "groundTruth" / "val" / "8068.mat"


def test_a_folder_without_the_data_set_is_named(tmp_path):
    with pytest.raises(InvalidImageError, match=r"train: holds no \*\.jpg"):
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
    with pytest.raises(InvalidImageError, match="no annotations in the form of BSDS500"):
        read_annotations(tmp_path / "1.mat")


@pytest.mark.parametrize(
    "annotations",
    [[], [ROWS, ROWS[:1]], [ROWS.astype(float)], [np.ones((2, 2, 2), int)], [ROWS[:0]]],
)
def test_annotations_that_are_no_label_images_of_one_shape_are_refused(tmp_path, annotations):
    save_annotations(tmp_path / "1.mat", *annotations)
    with pytest.raises(InvalidImageError, match="expected label images of two axes"):
        read_annotations(tmp_path / "1.mat")
