"""Regions at any granularity in the dock, beside the classes of a run."""

import numpy as np
import pytest

import napari_dsc
from napari_dsc import TreeParams
from napari_dsc.jobs import runs as _runs
from napari_dsc.widgets import actions


@pytest.fixture
def ran(viewer, open_dock, run, pixels):
    """Dock after a run, and its layer."""
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, superpixels="ucm")
    run(dock)
    return dock, viewer.layers["cells [DSC]"]


def settle(dock, qtbot):
    qtbot.waitUntil(lambda: not dock.levels.level.is_moving)


def by_the_tree(pixels, regions):
    return napari_dsc.segment(
        pixels, device="cpu", method="tree", tree_params=TreeParams(regions=regions)
    )


def assert_same_segments(found, expected):
    """The dock numbers regions so that they keep their numbers while the slider moves."""
    pairs = np.unique(np.stack([found.ravel(), expected.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(found)) == len(np.unique(expected))


def test_regions_are_those_of_the_console_at_every_level(ran, qtbot, pixels):
    dock, layer = ran
    classes = layer.data.copy()
    assert not dock.levels.isHidden()
    assert dock.levels.classes.isChecked()
    assert not dock.levels.level.slider.isEnabled()
    dock.levels.regions.click()
    for n in (4, 9):
        dock.levels.level.number.setValue(n)
        settle(dock, qtbot)
        expected = by_the_tree(pixels, n)
        assert_same_segments(layer.data, expected.labels)
        record = layer.metadata["napari-dsc"]
        assert record["method"] == "tree"
        assert record["parameters"] == expected.record["parameters"]
        assert record["n_regions"] == n
        assert len(layer.features) == n
    dock.levels.classes.click()
    np.testing.assert_array_equal(layer.data, classes)
    assert layer.metadata["napari-dsc"]["method"] == "dsc"


def test_the_slider_reaches_from_one_region_to_the_leaves(ran, qtbot):
    dock, layer = ran
    dock.levels.regions.click()
    for position in (0, dock.levels.level.slider.maximum()):
        dock.levels.level.slider.setValue(position)
        settle(dock, qtbot)
        assert len(np.unique(layer.data)) == dock.levels.level.number.value()
    assert dock.levels.level.number.value() == dock.levels.level.number.maximum() > 9


def test_regions_that_stay_keep_their_color(ran, qtbot):
    dock, layer = ran
    dock.levels.regions.click()
    shown = []
    for n in (4, 5):
        dock.levels.level.number.setValue(n)
        settle(dock, qtbot)
        shown.append(layer.data.copy())
    coarse, fine = shown
    stayed = [k for k in np.unique(coarse) if np.array_equal(coarse == k, fine == k)]
    assert len(stayed) == 3


def test_what_somebody_painted_is_left_alone(ran, qtbot):
    dock, layer = ran
    layer.data[:5] = 99
    painted = layer.data.copy()
    dock.levels.regions.click()
    settle(dock, qtbot)
    np.testing.assert_array_equal(layer.data, painted)
    assert "was changed since" in dock.run_bar.status.text()


def test_the_method_alone_needs_no_cut(viewer, open_dock, run, pixels):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, method="tree", regions=4)
    assert not dock.parameters.controls["n_iterations"].enabled
    assert dock.parameters.controls["regions"].enabled
    run(dock)
    layer = viewer.layers["cells [DSC]"]
    assert_same_segments(layer.data, by_the_tree(pixels, 4).labels)
    assert dock.levels.regions.isChecked()
    assert not dock.levels.classes.isEnabled()
    assert dock.levels.level.number.value() == 4


def test_a_large_image_grows_its_tree_when_it_is_asked_for(
    viewer, open_dock, run, qtbot, pixels, monkeypatch
):
    monkeypatch.setattr(_runs, "PREVIEW_PIXELS", 300)
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, superpixels="ucm")
    run(dock)
    layer = viewer.layers["cells [DSC]"]
    assert dock.levels._run.levels is None
    dock.levels.regions.click()
    qtbot.waitUntil(lambda: dock.levels._run.levels is not None)
    settle(dock, qtbot)
    dock.levels.level.number.setValue(4)
    settle(dock, qtbot)
    assert_same_segments(layer.data, by_the_tree(pixels, 4).labels)


def test_a_level_is_repeated_by_its_record(ran, run, qtbot, viewer, pixels):
    dock, layer = ran
    dock.levels.regions.click()
    dock.levels.level.number.setValue(5)
    settle(dock, qtbot)
    before = layer.data.copy()
    viewer.add_image(pixels, name="again")
    viewer.layers.selection.active = layer
    actions.repeat_run(viewer)
    assert dock.method.currentData() == "tree"
    dock.image_panel.image.choose(viewer.layers["again"])
    run(dock)
    np.testing.assert_array_equal(viewer.layers["again [DSC]"].data, before)


def test_outside_the_mask_nothing_is_shown(viewer, open_dock, run, qtbot, pixels):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, superpixels="ucm")
    shapes = viewer.add_shapes([[[0, 0], [0, 27], [39, 0]]], shape_type="polygon", name="here")
    viewer.layers.selection.active = viewer.layers["cells"]
    dock.image_panel.where.setCurrentText(f"shapes of {shapes.name}")
    run(dock)
    layer = viewer.layers["cells [DSC]"]
    dock.levels.regions.click()
    dock.levels.level.number.setValue(4)
    settle(dock, qtbot)
    assert 0.4 < (layer.data > 0).mean() < 0.6
    assert set(layer.features["index"]) == set(np.unique(layer.data)) - {0}


def test_a_removed_layer_ends_the_bar(ran, viewer, messages):
    dock, layer = ran
    viewer.layers.remove(layer)
    assert not dock.levels.regions.isEnabled()
    assert messages() == []
