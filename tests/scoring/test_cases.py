import numpy as np
import pytest

from napari_dsc.errors import InvalidImageError, InvalidParameterError
from napari_dsc.scoring.cases import bsds500_cases, folder_cases, read_truth


def test_cases_of_the_data_set_have_image_annotations_and_contours(small_bsds):
    cases, problems = bsds500_cases(small_bsds, "val")
    assert problems == ()
    assert [case.name for case in cases] == ["1001", "2002", "3003"]
    assert all(path.is_file() for case in cases for path in (*case[1:3], *case.contours))
    assert len(read_truth(cases[0].truth)) == 2


def test_files_without_a_counterpart_are_named(small_bsds):
    lost, orphan = (small_bsds / "data/groundTruth/val" / f"{n}.mat" for n in (1001, 4004))
    lost.rename(orphan)
    cases, problems = bsds500_cases(small_bsds, "val")
    assert [case.name for case in cases] == ["2002", "3003"]
    assert [path for path, _ in problems] == [lost, orphan]


def test_each_nth_case_is_taken_up_to_a_limit(small_bsds):
    cases = bsds500_cases(small_bsds, "val")
    assert [case.name for case in cases.every(2, 0).cases] == ["1001", "3003"]
    assert [case.name for case in cases.every(1, 2).cases] == ["1001", "2002"]


@pytest.mark.parametrize(("step", "limit", "name"), [(0, 0, "every=0"), (1, -1, "limit=-1")])
def test_impossible_choices_are_refused(small_bsds, step, limit, name):
    with pytest.raises(InvalidParameterError, match=name):
        bsds500_cases(small_bsds, "val").every(step, limit)


def test_folders_are_paired_by_the_names_of_their_files(tmp_path):
    images, labels = tmp_path / "images", tmp_path / "labels"
    for folder, names in (
        (images, "a.tif a.png b.tif c.jpg .b.npy"),
        (labels, "a.png c.npy d.png"),
    ):
        folder.mkdir()
        for name in names.split():
            (folder / name).touch()
    cases, problems = folder_cases(images, labels)
    assert [(case.image.name, case.truth.name) for case in cases] == [
        ("a.png", "a.png"),
        ("c.jpg", "c.npy"),
    ]
    assert sorted(path.name for path, _ in problems) == ["a.tif", "b.tif", "d.png"]


def test_folders_that_share_no_name_are_refused(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "labels").mkdir()
    with pytest.raises(InvalidImageError, match="no two of their"):
        folder_cases(tmp_path, tmp_path / "labels")
    with pytest.raises(InvalidImageError, match="not a folder"):
        folder_cases(tmp_path, tmp_path / "missing")


def test_one_folder_for_images_and_labels_is_refused(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(InvalidImageError, match="images and labels are the same folder"):
        folder_cases(tmp_path, tmp_path / ".")


def test_annotations_in_the_folder_of_images_are_no_images(tmp_path):
    images, labels = tmp_path / "images", tmp_path / "labels"
    for path in (images / "a.mat", images / "a.png", labels / "a.mat", images / "b.mat"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    cases, problems = folder_cases(images, labels)
    assert [(case.image.name, case.truth.name) for case in cases] == [("a.png", "a.mat")]
    assert {path.name for path, _ in problems} == {"a.mat", "b.mat"}


def test_a_label_image_is_one_annotation(tmp_path):
    labels = np.array([[0, 1], [2, 2]], np.uint16)
    np.save(tmp_path / "a.npy", labels)
    (truth,) = read_truth(tmp_path / "a.npy")
    np.testing.assert_array_equal(truth, labels)
