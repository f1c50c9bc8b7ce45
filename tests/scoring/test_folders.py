"""Folders of scores that are gone on with, of today's format and of the one before."""

import dataclasses
import json

import pytest

from napari_dsc.errors import OutputError
from napari_dsc.methods import MethodOptions
from napari_dsc.params import BackpropParams, ClusterParams
from napari_dsc.scoring.entries import Entry, make_entries, parameters_of
from napari_dsc.scoring.results import Results, changed_settings

COMMON = Entry("", "", (), MethodOptions(device="cpu"))
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
