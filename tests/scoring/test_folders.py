"""Folders of scores that are gone on with, of today's format and of the one before."""

import dataclasses
import json
from pathlib import Path

import pytest

from napari_dsc.errors import OutputError
from napari_dsc.methods import MethodOptions
from napari_dsc.params import BackpropParams, ClusterParams
from napari_dsc.scoring.cases import Case, score_names
from napari_dsc.scoring.entries import Entry, make_entries, parameters_of
from napari_dsc.scoring.results import Results, changed_settings, files_sha256

COMMON = Entry("", "", (), MethodOptions(device="cpu"))
CASE = Case("a", Path("a.png"), Path("a.mat"), ())
OLD_WEIGHTS = {"name": "an-older-one", "sha256": "0"}


def entry_of(method, **options):
    (entry,) = make_entries([method], [], [], COMMON)
    return entry._replace(options=dataclasses.replace(entry.options, **options))


def earlier_format(entry):
    """Settings as they were: the parameters of all methods, and weights that none may read."""
    everything = {"weights": OLD_WEIGHTS, "device": "cpu"}
    return {**everything, **entry.settings(), "parameters": parameters_of(entry.options)}


def stored(folder, entry):
    return folder / "images" / entry.name / "settings.json"


def test_settings_of_the_earlier_format_are_those_of_today():
    entry = entry_of("felzenszwalb")
    before = earlier_format(entry)
    before["parameters"]["cut"]["n_iterations"] = 7
    assert changed_settings(before, entry.settings()) == []


def test_a_parameter_that_was_not_stored_had_its_default():
    before = earlier_format(entry_of("backprop"))
    del before["parameters"]["backprop"]["precision"]
    half = BackpropParams(precision="bfloat16")
    assert changed_settings(before, entry_of("backprop").settings()) == []
    changed = changed_settings(before, entry_of("backprop", backprop_params=half).settings())
    assert changed == ["backprop.precision"]


def test_settings_with_the_old_spelling_of_unlabeled_are_those_of_today():
    entry = entry_of("felzenszwalb")._replace(zero="unlabelled")
    before = {**earlier_format(entry), "zero": "unlabelled"}
    assert entry.settings()["zero"] == "unlabeled"
    assert changed_settings(before, entry.settings()) == []
    assert changed_settings(before, entry._replace(zero="region").settings()) == ["zero"]


def test_weights_that_a_method_reads_are_compared():
    before = {**earlier_format(entry_of("dsc")), "weights": OLD_WEIGHTS}
    assert changed_settings(before, entry_of("dsc").settings()) == ["weights"]


def test_a_changed_parameter_is_named_and_nothing_is_written(tmp_path):
    Results(tmp_path).prepare([entry_of("ncut_rgb")], overwrite=False)
    before = stored(tmp_path, entry_of("ncut_rgb")).read_text()
    changed = entry_of("ncut_rgb", cluster_params=ClusterParams(affinity_factor=2.0))
    with pytest.raises(OutputError, match=r"other settings \(cluster\.affinity_factor\)"):
        Results(tmp_path).prepare([changed], overwrite=False)
    assert stored(tmp_path, changed).read_text() == before


def test_versions_of_libraries_are_kept_with_the_settings_but_not_compared(tmp_path):
    entry = entry_of("ucm")
    Results(tmp_path).prepare([entry], overwrite=False)
    path = stored(tmp_path, entry)
    settings = json.loads(path.read_text())
    assert {"torch", "scikit-image", "higra", "scipy", "numpy"} <= settings["software"].keys()
    settings["software"]["torch"] = "1.0"
    path.write_text(json.dumps(settings))
    Results(tmp_path).prepare([entry], overwrite=False)
    assert json.loads(path.read_text())["software"]["torch"] == "1.0"


def with_scores(folder):
    """A folder with scores of one image."""
    results, entry = Results(folder), entry_of("ucm")
    results.prepare([entry], overwrite=False)
    scores = [dict.fromkeys(score_names("region"), 0.5) for _ in entry.scales]
    results.save(CASE, entry, "hash", scores)
    return results, entry


@pytest.mark.parametrize("content", [None, "{ damaged"])
def test_scores_whose_settings_are_lost_are_not_taken_for_ones_own(tmp_path, content):
    results, entry = with_scores(tmp_path)
    scores = results.load(CASE, entry, "hash")
    assert len(scores) == len(entry.scales)
    path = stored(tmp_path, entry)
    path.unlink() if content is None else path.write_text(content)
    results.prepare([entry], overwrite=False)
    assert results.load(CASE, entry, "hash") == []


def test_what_an_interrupted_overwrite_leaves_still_has_its_settings(tmp_path, monkeypatch):
    results, entry = with_scores(tmp_path)

    def interrupted(path, missing_ok=False):
        raise KeyboardInterrupt(path.name)

    monkeypatch.setattr(Path, "unlink", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"_a\.json"):
        results.prepare([entry], overwrite=True)


@pytest.mark.parametrize("change", [lambda one: one.pop("br"), lambda one: one.update(old=1.0)])
def test_scores_of_other_measures_than_todays_are_made_again(tmp_path, change):
    results, entry = with_scores(tmp_path)
    scores = results.load(CASE, entry, "hash")
    assert len(scores) == len(entry.scales)
    assert results.load(CASE, entry._replace(zero="background"), "hash") == []
    change(scores[-1])
    results.save(CASE, entry, "hash", scores)
    assert results.load(CASE, entry, "hash") == []


def test_a_folder_with_tables_of_somebody_else_is_refused_again_and_again(tmp_path):
    entry, mine = entry_of("ucm"), tmp_path / "scores.csv"
    mine.write_text("mine")
    (tmp_path / "images").mkdir()  # a data set has such a folder
    for _ in range(2):
        with pytest.raises(OutputError, match=r"scores\.csv: already exists"):
            Results(tmp_path).prepare([entry], overwrite=False)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["images", "scores.csv"]
    mine.unlink()
    Results(tmp_path).prepare([entry], overwrite=False)
    mine.write_text("ours by now")
    Results(tmp_path).prepare([entry], overwrite=False)


def test_a_file_that_cannot_be_read_is_left_to_whoever_scores_it(tmp_path, monkeypatch):
    image, truth = tmp_path / "a.png", tmp_path / "a.mat"
    image.write_bytes(b"image")
    truth.write_bytes(b"truth")
    whole = files_sha256(Case("a", image, truth, ()))
    opens = Path.open

    def guarded(path, *flags):
        if path == truth:
            raise PermissionError(13, "Permission denied")
        return opens(path, *flags)

    monkeypatch.setattr(Path, "open", guarded)
    without = files_sha256(Case("a", image, truth, ()))
    assert without == files_sha256(Case("a", image, tmp_path / "missing.mat", ())) != whole
