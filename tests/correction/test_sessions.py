from types import SimpleNamespace

import numpy as np
import pytest

from napari_dsc import InvalidImageError, OutputError
from napari_dsc.correction.parts import Parts
from napari_dsc.correction.sessions import Session, load_session, save_session, session_reader

LABELS = np.array([[1, 1, 300]], np.uint16)
PARTS = Parts(np.array([[1, 2, 3]]), np.eye(3), np.full((3, 2), 0.5))
PLACE = {
    "scale": np.array([1.0, 2.0]),
    "translate": np.array([3.0, 4.0]),
    "rotate": np.eye(2),
    "shear": np.array([0.5]),
    "affine": np.eye(3),
    "units": ("micrometer", "micrometer"),
    "axis_labels": ("y", "x"),
}

TABLE = {
    "index": np.array([1, 300]),
    "area": np.array([2.0, 1.0]),
    "kind": np.array(["cell", "dust"], object),
}


def session(**changes):
    return Session("cells", LABELS, PARTS, {"iterations": 3}, PLACE, TABLE)._replace(**changes)


def test_a_session_comes_back_as_it_was(tmp_path):
    path = tmp_path / "a.dscsession"
    save_session(path, session())
    again = load_session(path)
    assert (again.name, again.record) == ("cells", {"iterations": 3})
    assert again.labels.dtype == np.uint16
    np.testing.assert_array_equal(again.labels, LABELS)
    np.testing.assert_array_equal(again.parts.superpixels, PARTS.superpixels)
    np.testing.assert_array_equal(again.parts.probabilities, PARTS.probabilities)
    assert again.place["units"] == PLACE["units"]
    assert again.place["axis_labels"] == PLACE["axis_labels"]
    for name in ("scale", "translate", "rotate", "shear", "affine"):
        np.testing.assert_array_equal(again.place[name], PLACE[name])
    assert again.features.keys() == TABLE.keys()
    for name, column in TABLE.items():
        np.testing.assert_array_equal(again.features[name], column)


def test_no_code_can_hide_in_a_session(tmp_path):
    path = tmp_path / "a.dscsession"
    with path.open("wb") as file:
        np.savez(file, labels=np.array([{"a": 1}], object))
    with pytest.raises(InvalidImageError, match="not a session"):
        load_session(path)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut"])
def test_other_files_are_refused_by_name(tmp_path, content):
    path = tmp_path / "a.dscsession"
    path.write_bytes(content)
    with pytest.raises(InvalidImageError, match=r"a\.dscsession: is not a session"):
        load_session(path)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(InvalidImageError, match="no such file"):
        load_session(tmp_path / "a.dscsession")


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "a.dscsession"
    save_session(path, session())
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InvalidImageError, match="not a session"):
        load_session(path)


def test_labels_of_another_shape_are_refused(tmp_path):
    path = tmp_path / "a.dscsession"
    save_session(path, session(labels=LABELS[:, :2]))
    with pytest.raises(InvalidImageError, match="not a session"):
        load_session(path)


def test_a_session_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "a.dscsession"
    save_session(path, session())
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OutputError, match="No space left"):
        save_session(path, session(name="other"))
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["a.dscsession"]


def test_the_reader_takes_sessions_only(tmp_path):
    path = tmp_path / "a.dscsession"
    save_session(path, session())
    assert session_reader("a.npz") is None
    assert session_reader([str(path)]) is None
    [(labels, options, kind)] = session_reader(str(path))(str(path))
    assert kind == "labels"
    np.testing.assert_array_equal(labels, LABELS)
    assert options["name"] == "cells"
    assert options["metadata"]["napari-dsc"] == {"iterations": 3}
    np.testing.assert_array_equal(options["features"]["index"], [1, 300])


@pytest.mark.parametrize(
    "changes",
    [
        {"name": 5},
        {"record": []},
        {"labels": LABELS.astype("c8")},
        {"parts": SimpleNamespace(**vars(PARTS) | {"superpixels": LABELS.astype("c8")})},
        {"parts": Parts(PARTS.superpixels, PARTS.colors, np.full((3, 2), np.nan))},
        {"parts": Parts(PARTS.superpixels, PARTS.colors[:, 0], PARTS.probabilities)},
        {"parts": SimpleNamespace(**vars(PARTS) | {"colors": PARTS.colors[:2]})},
        *({"place": PLACE | {name: np.zeros(0)}} for name in PLACE),
        {"place": PLACE | {"scale": [1.0, 0.0]}},
        {"place": PLACE | {"translate": [np.nan, 0.0]}},
        {"place": PLACE | {"affine": np.eye(4)}},
    ],
)
def test_a_session_that_could_not_be_shown_or_edited_is_refused(tmp_path, changes):
    path = tmp_path / "a.dscsession"
    save_session(path, session(**changes))
    with pytest.raises(InvalidImageError, match=r"a\.dscsession: is not a session, or damaged"):
        load_session(path)


def test_a_description_nested_without_end_is_refused(tmp_path):
    path = tmp_path / "a.dscsession"
    save_session(path, session())
    with np.load(path) as file:
        arrays = dict(file) | {"about": np.array("[" * 100_000)}
    with path.open("wb") as file:
        np.savez(file, **arrays)
    with pytest.raises(InvalidImageError, match="is not a session, or damaged"):
        load_session(path)


@pytest.mark.parametrize("unit", ["parsecs_of_old", "9**9**9**9", "", "\x1b[31m", "a.b"])
def test_units_that_napari_does_not_know_become_pixels(tmp_path, unit):
    path = tmp_path / "a.dscsession"
    save_session(path, session(place=PLACE | {"units": ("micrometer", unit)}))
    [(_, options, _)] = session_reader(str(path))(str(path))
    assert options["units"] == ("pixel", "pixel")
    save_session(path, session())
    [(_, options, _)] = session_reader(str(path))(str(path))
    assert options["units"] == ("micrometer", "micrometer")


def test_measurements_come_back_with_the_layer(tmp_path):
    path = tmp_path / "a.dscsession"
    save_session(path, session())
    [(_, about, _)] = session_reader(str(path))(str(path))
    assert about["features"]["area"].tolist() == [2, 1]
    assert about["features"]["kind"].tolist() == ["cell", "dust"]
    assert about["features"]["index"].tolist() == [1, 300]


def test_sessions_of_earlier_versions_are_read(tmp_path):
    path = tmp_path / "a.dsc.npz"
    save_session(path, session(features={}))  # they had another name and no table
    [(labels, about, kind)] = session_reader(str(path))(str(path))
    assert kind == "labels"
    np.testing.assert_array_equal(labels, LABELS)
    assert about["features"]["index"].tolist() == [1, 300]


@pytest.mark.parametrize("length", [1, 3])
def test_a_table_of_another_length_is_refused(tmp_path, length):
    path = tmp_path / "a.dscsession"
    save_session(path, session(features=TABLE | {"area": np.ones(length)}))
    with pytest.raises(InvalidImageError, match="is not a session"):
        load_session(path)


@pytest.mark.parametrize(
    "features",
    [
        {"area": np.ones(2)},
        {"index": np.array([1.5, 2.0])},
        {"index": np.array([1, 1])},
        {"index": np.array([[1, 2]])},
        {"index": np.array([1, 300]), "area": np.ones(3)},
        {"index": np.array([1, 300]), "area": np.ones(2, "c8")},
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path, features):
    path = tmp_path / "a.dscsession"
    whole = {"index": np.array([1, 300]), "area": np.array([2.0, 1.0])}
    save_session(path, session(features=whole))
    assert list(load_session(path).features) == ["index", "area"]
    with np.load(path) as file:
        kept = dict(file)
        prefix = next(name for name in file if name.endswith("index")).removesuffix("index")
    kept = {name: one for name, one in kept.items() if not name.startswith(prefix)}
    with path.open("wb") as file:
        np.savez(file, **kept, **{prefix + name: one for name, one in features.items()})
    with pytest.raises(InvalidImageError, match="is not a session, or damaged"):
        load_session(path)
