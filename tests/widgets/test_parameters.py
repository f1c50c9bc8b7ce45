"""Controls of parameters: they give back the numbers they were given."""

import dataclasses
import json
from typing import get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_dsc import params
from napari_dsc.errors import InvalidParameterError
from napari_dsc.params.checks import Params, limits
from napari_dsc.widgets.controls.parameters import ParameterControls

KINDS = sorted(
    {kind for kind in vars(params).values() if isinstance(kind, type) and kind != Params},
    key=lambda kind: kind.__name__,
)


def type_of(kind, name):
    return get_args(get_type_hints(kind, include_extras=True)[name])[0]


NUMBERS = [
    (kind, field.name)
    for kind in KINDS
    for field in dataclasses.fields(kind)
    if type_of(kind, field.name) in (int, float)
]
FLOATS = [(kind, name) for kind, name in NUMBERS if type_of(kind, name) is float]


@pytest.fixture(scope="module")
def controls(qapp):
    """Controls of each class of parameters, made once."""
    return {kind: ParameterControls([kind]) for kind in KINDS}


def test_every_class_of_parameters_is_looked_at():
    assert {kind.__name__ for kind in KINDS} == {
        kind.__name__ for kind in Params.__subclasses__()
    }
    assert len(FLOATS) > 15


@pytest.mark.parametrize(("kind", "name"), NUMBERS)
def test_a_control_gives_back_exactly_the_number_it_is_given(controls, kind, name):
    least, most = limits(kind, name)
    inside = st.integers(least, most) if type_of(kind, name) is int else st.floats(least, most)

    @settings(max_examples=60, deadline=None)
    @given(value=inside)
    def returns(value):
        controls[kind].set({name: value})
        assert getattr(controls[kind].get(kind), name) == value
        assert controls[kind].values()[name] == value

    returns()
    for bound in (least, most):
        controls[kind].set({name: bound})
        assert controls[kind].values()[name] == bound


@pytest.mark.parametrize(("kind", "name"), NUMBERS)
def test_what_the_user_sets_or_steps_replaces_the_given_number(controls, kind, name):
    least, most = limits(kind, name)
    control, box = controls[kind].controls[name], controls[kind].controls[name].native
    step = box.singleStep()
    controls[kind].set({name: least})
    box.stepUp()
    assert control.value == pytest.approx(least + step)
    if type_of(kind, name) is float:
        controls[kind].set({name: least + step / 3})
        box.stepUp()
        assert control.value == pytest.approx(least + step / 3 + step, abs=1e-9)
    box.setValue(most)
    assert control.value == most


def test_a_number_is_shown_with_all_its_digits_and_as_many_as_its_step(controls):
    learning_rate = controls[params.CutParams].controls["learning_rate"]
    for value, text in ((0.00625, "0.00625"), (0.05, "0.0500"), (1e-4, "0.0001")):
        learning_rate.value = value
        assert learning_rate.native.cleanText().replace(",", ".") == text


def test_a_number_too_long_to_show_is_kept(controls):
    weight = controls[params.CutParams].controls["label_weight"]
    weight.value = 1 / 3
    assert weight.native.value() != 1 / 3
    weight.native.interpretText()  # as when the box loses the focus
    assert weight.value == 1 / 3


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_partitions", 12.7), ("n_partitions", "9"), ("seed", True), ("momentum", 2.0)],
)
def test_a_value_that_the_class_refuses_changes_no_control(controls, name, value):
    cut = controls[params.CutParams]
    before = cut.values()
    with pytest.raises(InvalidParameterError, match=name):
        cut.set({name: value, "n_iterations": 77})
    assert cut.values() == before


ODD = {
    "learning_rate": 0.00625,
    "affinity_scale": 10 / 3,
    "label_weight": 5e-324,
    "cut_weight": 99_999.99999999999,
    "momentum": 0.1 + 0.2,
    "resolution": 0.7071067811865476,
    "low_percentile": 0.05,
    "threshold": 1.23456789,
    "seed": 2**31 - 1,
    "n_superpixels": 999_999,
}


@pytest.fixture
def last_values_file(monkeypatch, tmp_path):
    from napari_dsc.widgets import preferences

    monkeypatch.setattr(preferences, "_last_values_path", lambda: tmp_path / "values.json")


def shown(dock):
    return {name: dock.values()[name] for name in ODD}


def test_presets_hold_exactly_the_numbers_of_the_dock(viewer, open_dock, last_values_file):
    dock = open_dock(viewer, **ODD)
    assert shown(dock) == ODD
    dock.presets.names.setCurrentText("odd")
    dock.presets.save.click()
    dock.reset()
    assert shown(dock) != ODD
    dock.presets.names.textActivated.emit("odd")
    assert shown(dock) == ODD


def test_the_values_of_the_last_run_come_back_exactly(
    viewer, open_dock, run, pixels, last_values_file
):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, **ODD | {"n_superpixels": 12})
    run(dock)
    viewer.window.remove_dock_widget(dock)
    _, again = viewer.window.add_plugin_dock_widget("napari-dsc", "Segment")
    assert shown(again) == ODD | {"n_superpixels": 12}


def test_a_pasted_recipe_sets_exactly_its_numbers(viewer, open_dock):
    from qtpy.QtWidgets import QApplication

    from napari_dsc.widgets import actions

    dock = open_dock(viewer)
    stages = {
        "image": {"low_percentile": ODD["low_percentile"]},
        "superpixels": {"n_superpixels": ODD["n_superpixels"]},
        "cut": {
            field.name: ODD[field.name]
            for field in dataclasses.fields(params.CutParams)
            if field.name in ODD
        },
        "tree": {"threshold": ODD["threshold"]},
    }
    QApplication.clipboard().setText(json.dumps({"parameters": stages}))
    actions.paste_recipe(viewer)
    assert shown(dock) == ODD


def test_a_session_holds_exactly_the_numbers_of_its_run(
    viewer, open_dock, run, qtbot, pixels, tmp_path, monkeypatch
):
    from qtpy.QtWidgets import QFileDialog

    from napari_dsc.widgets import actions

    viewer.add_image(pixels, name="cells")
    segment = open_dock(viewer, **ODD | {"n_superpixels": 12})
    run(segment)
    _, correct = viewer.window.add_plugin_dock_widget("napari-dsc", "Correct")
    qtbot.waitUntil(lambda: correct.editor is not None)
    path = tmp_path / "cells.dscsession"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    correct.save.click()
    qtbot.waitUntil(path.exists)
    [again] = viewer.open(path, plugin="napari-dsc")
    segment.reset()
    viewer.layers.selection.active = again
    actions.repeat_run(viewer)
    expected = ODD | {"n_superpixels": 12}
    del expected["threshold"]  # where the tree is cut is no parameter of a cut
    assert {name: segment.values()[name] for name in expected} == expected
