"""Settings: checked when they are made, and the same after they went through a record."""

import dataclasses
import json
from typing import Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import napari_dsc
from napari_dsc import (
    ClassParams,
    CutParams,
    ImageParams,
    InvalidParameterError,
    Settings,
    SuperpixelParams,
    TreeParams,
)
from napari_dsc.params import preset_values
from napari_dsc.records.recipes import KEYWORDS, STAGES, read_recipe, recipe_content
from napari_dsc.segmenting.segmenter import SEGMENTERS


def any_value(hint):
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    kind, bounds = get_args(hint)
    numbers = st.integers if kind is int else st.floats
    return numbers(bounds["min"], bounds["max"])


def any_params(kind):
    hints = get_type_hints(kind, include_extras=True)
    fields = {one.name: any_value(hints[one.name]) for one in dataclasses.fields(kind)}
    return st.one_of(st.just(kind()), st.builds(kind, **fields))


ANY_SETTINGS = st.builds(
    Settings,
    method=st.sampled_from(sorted(SEGMENTERS)),
    **{KEYWORDS[stage]: any_params(kind) for stage, kind in STAGES.items()},
    weights=st.text(min_size=1, max_size=20),
    weights_sha256=st.text("0123456789abcdef", min_size=64, max_size=64) | st.just(""),
    device=st.sampled_from(["auto", "cpu", "cuda", "cuda:1", "mps"]),
    axes=st.sampled_from(["", "YX", "TZCYX", "XYC"]),
    spacing=st.lists(st.floats(1e-3, 1e3), max_size=3),
    channels=st.lists(st.integers(0, 9), max_size=4),
    tile=st.integers(0, 10_000),
    level=st.integers(0, 9),
)


@given(settings=ANY_SETTINGS)
def test_any_settings_come_back_from_a_record(settings):
    record = json.loads(json.dumps(settings.to_record()))
    back = Settings.from_record(record)
    assert back == settings
    assert back.weights_sha256 == settings.weights_sha256
    assert back.to_record() == settings.to_record()


@given(settings=ANY_SETTINGS)
def test_any_settings_come_back_from_a_recipe_file(settings, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any-recipe.json"
    path.write_bytes(recipe_content(settings.to_record()))
    assert Settings.from_record(read_recipe(path)) == settings


def test_weights_that_nobody_names_are_those_of_the_method():
    assert Settings().weights == "superae-bsds500"
    assert Settings(method="classes").weights == "superae-tree"
    # another method takes its own, unless somebody named others
    assert Settings().replace(method="classes").weights == "superae-tree"
    named = Settings(weights="mine.safetensors")
    assert named.replace(method="classes").weights == "mine.safetensors"
    both = Settings().replace(method="classes", weights="superae-bsds500")
    assert both.weights == "superae-bsds500"
    assert Settings.from_record(both.to_record()).weights == "superae-bsds500"


def test_every_field_is_in_the_record():
    """A new field that a record forgets would show here, not in the labels of a user."""
    other = {
        "method": "tree",
        "image_params": ImageParams(normalization="range"),
        "superpixel_params": SuperpixelParams(n_superpixels=7),
        "cut_params": CutParams(seed=1),
        "tree_params": TreeParams(regions=3),
        "class_params": ClassParams(classes=3),
        "weights": "superae-tree",
        "weights_sha256": "0" * 64,
        "device": "cpu",
        "axes": "ZYX",
        "spacing": (4.0, 1.0, 1.0),
        "channels": (1,),
        "tile": 64,
        "level": 1,
    }
    assert set(other) == {one.name for one in dataclasses.fields(Settings)}
    for name, value in other.items():
        changed = Settings(**{name: value})
        assert getattr(changed, name) != getattr(Settings(), name)
        assert getattr(Settings.from_record(changed.to_record()), name) == value, name


def test_a_record_names_the_stages_of_its_method_only():
    cut = Settings(tree_params=TreeParams(regions=3)).to_record()
    assert set(cut["parameters"]) == {"image", "superpixels", "cut"}
    assert set(cut["unused_parameters"]) == {"tree"}
    tree = Settings(method="tree").to_record()
    assert set(tree["parameters"]) == {"image", "tree"}
    assert "unused_parameters" not in tree


def test_what_a_record_does_not_name_has_its_default():
    assert Settings.from_record({}) == Settings()
    named = {"parameters": {"cut": {"seed": 3}}, "device": {"name": "cuda:0"}, "seconds": {}}
    assert Settings.from_record(named) == Settings(cut_params=CutParams(seed=3))


def test_a_preset_sets_the_stages_it_names():
    paper, values = Settings.preset("paper"), preset_values("paper")
    assert paper.superpixel_params == SuperpixelParams(**values["superpixels"])
    assert paper.cut_params == CutParams(**values["cut"])
    assert paper != Settings.preset("fast") == Settings()
    with pytest.raises(InvalidParameterError, match="slow"):
        Settings.preset("slow")


def test_a_change_leaves_the_settings_it_was_made_of():
    before = Settings(axes="YX")
    assert before.replace(axes="XY", tile=64) == Settings(axes="XY", tile=64)
    assert before == Settings(axes="YX")


def test_settings_that_differ_in_the_hash_of_the_weights_are_equal():
    assert Settings(weights_sha256="0" * 64) == Settings()


def test_values_become_those_that_json_can_hold(tmp_path):
    made = Settings(
        weights=tmp_path / "w.safetensors",
        spacing=np.array([4, 1, 1]),
        channels=np.array([0, 2]),
        tile=np.int64(64),
    )
    assert made.weights == str(tmp_path / "w.safetensors")
    assert json.loads(json.dumps(made.to_record())) == made.to_record()
    assert (made.spacing, made.channels, made.tile) == ((4.0, 1.0, 1.0), (0, 2), 64)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "magic"}, "method='magic': expected one of dsc, tree"),
        ({"method": ["dsc"]}, r"method=\['dsc'\]: expected one of"),
        ({"cut_params": {"seed": 1}}, "expected CutParams, got dict"),
        ({"tree_params": CutParams()}, "expected TreeParams, got CutParams"),
        ({"axes": 3}, "axes=3: expected str, got int"),
        ({"device": None}, "device=None: expected str, got NoneType"),
        ({"spacing": 4.0}, "spacing=4.0: "),
        ({"spacing": ("a", "b")}, "spacing="),
        ({"channels": ("r",)}, "channels="),
        ({"channels": (0.7,)}, "channels="),
        ({"tile": "64"}, "tile='64': "),
        ({"tile": 64.5}, "tile=64.5: "),
        ({"level": None}, "level=None: "),
    ],
)
def test_a_wrong_value_is_refused_by_name(changes, words):
    with pytest.raises(InvalidParameterError, match=words):
        Settings(**changes)
    with pytest.raises(InvalidParameterError, match=words):
        napari_dsc.segment(np.zeros((16, 16)), **changes)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"method": "magic"}, "r: method='magic'"),
        ({"parameters": {"cut": {"seed": -1}}}, "r: seed=-1: expected 0"),
        ({"reading": {"axis": "YX"}}, "r: reading: unknown 'axis'; expected axes"),
        ({"reading": {"spacing": 4}}, "r: reading: spacing: expected list, got int"),
        ({"reading": {"channels": ["r"]}}, "r: channels="),
        ({"reading": {"level": True}}, "r: reading: level: expected int, got bool"),
        ({"tile": "64"}, "r: tile: expected int, got str"),
        ({"device": {"asked": 3}}, "r: device: expected str, got int"),
        ({"weights": {"name": 3}}, "r: weights: name: expected str, got int"),
        ({"weights": []}, "r: weights is list, expected an object"),
    ],
)
def test_a_record_with_a_wrong_value_is_refused_by_its_place(record, words):
    with pytest.raises(InvalidParameterError, match=words):
        Settings.from_record(record, "r")


def test_labels_follow_the_settings_and_changes_come_on_top(quadrants):
    few = SuperpixelParams(n_superpixels=12)
    settings = Settings(superpixel_params=few, cut_params=CutParams(n_iterations=2))
    given_whole = napari_dsc.segment(quadrants[0], settings)
    given_apart = napari_dsc.segment(
        quadrants[0], superpixel_params=few, cut_params=CutParams(n_iterations=2)
    )
    np.testing.assert_array_equal(given_whole.labels, given_apart.labels)
    np.testing.assert_array_equal(given_whole.probabilities, given_apart.probabilities)
    changed = napari_dsc.segment(quadrants[0], settings, method="tree")
    assert changed.record["method"] == "tree"
    with pytest.raises(TypeError, match="n_iterations"):
        napari_dsc.segment(quadrants[0], settings, n_iterations=3)


@pytest.mark.parametrize(
    "function",
    [
        *(napari_dsc.Run, napari_dsc.smooth, napari_dsc.over_segment, napari_dsc.segment),
        *(napari_dsc.merge_tree, lambda *given: list(napari_dsc.iter_segment(*given))),
        lambda image, given: list(napari_dsc.iter_joint([image], given)),
    ],
)
def test_parameters_of_a_stage_in_place_of_settings_are_refused(function):
    image = np.zeros((16, 24), np.uint8)
    with pytest.raises(InvalidParameterError, match="pass cut_params="):
        function(image, CutParams())
