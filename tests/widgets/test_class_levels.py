"""The class tree in the dock: any number of classes, one after the other, in one layer."""

import numpy as np
import pytest

import napari_dsc
from napari_dsc import ClassParams
from napari_dsc.layers import PARTS_KEY
from napari_dsc.widgets import actions


@pytest.fixture
def ran(viewer, open_dock, run, pixels):
    """Dock after a run, and its layer."""
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, method="classes", classes=3)
    run(dock)
    return dock, viewer.layers["cells [DSC]"]


def show(dock, qtbot, n):
    dock.levels.level.number.setValue(n)
    qtbot.waitUntil(lambda: not dock.levels.level.is_moving)


def in_console(pixels, n):
    params = ClassParams(classes=n)
    return napari_dsc.segment(pixels, device="cpu", method="classes", class_params=params)


def test_the_slider_shows_the_classes_of_the_console_at_every_number(ran, qtbot, pixels):
    dock, layer = ran
    assert dock.levels.classes.isChecked()
    assert dock.levels.level.value() == 3
    first, kind = layer.data.copy(), layer.data.dtype
    for n in (2, 6, 3):
        if n != 3 or dock.levels.level.value() != 3:
            show(dock, qtbot, n)
        expected = in_console(pixels, n)
        np.testing.assert_array_equal(layer.data, expected.labels)
        record = layer.metadata["napari-dsc"]
        assert record["parameters"] == expected.record["parameters"]
        assert record["n_classes"] == n
        table = expected.features()
        assert list(layer.features["index"]) == list(table["index"])
        np.testing.assert_allclose(layer.features["confidence"], table["confidence"], rtol=1e-4)
        assert layer.data.dtype == kind
    np.testing.assert_array_equal(layer.data, first)


def test_classes_and_regions_are_shown_in_turn(ran, qtbot, viewer):
    dock, layer = ran
    order, classes = list(viewer.layers), layer.data.copy()
    dock.levels.regions.click()
    show(dock, qtbot, 4)
    assert layer.metadata["napari-dsc"]["method"] == "tree"
    assert len(np.unique(layer.data)) == 4
    dock.levels.classes.click()
    assert dock.levels.level.value() == 3
    np.testing.assert_array_equal(layer.data, classes)
    assert layer.metadata["napari-dsc"]["method"] == "classes"
    assert list(viewer.layers) == order


def test_a_number_of_the_slider_is_repeated_by_its_record(ran, run, qtbot, viewer, pixels):
    dock, layer = ran
    show(dock, qtbot, 5)
    viewer.add_image(pixels, name="again")
    viewer.layers.selection.active = layer
    actions.repeat_run(viewer)
    assert dock.method.currentData() == "classes"
    assert dock.parameters.controls["classes"].value == 5
    dock.image_panel.image.choose(viewer.layers["again"])
    run(dock)
    np.testing.assert_array_equal(viewer.layers["again [DSC]"].data, layer.data)


def test_outside_shapes_nothing_is_shown_and_colors_stay(viewer, open_dock, run, qtbot, pixels):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, method="classes", classes=4)
    shapes = viewer.add_shapes([[[0, 0], [0, 27], [39, 0]]], shape_type="polygon", name="here")
    viewer.layers.selection.active = viewer.layers["cells"]
    dock.image_panel.where.setCurrentText(f"shapes of {shapes.name}")
    run(dock)
    layer = viewer.layers["cells [DSC]"]
    whole = in_console(pixels[:, :28], 4).labels  # the box around the shape
    inside = layer.data > 0
    assert 0.4 < inside.mean() < 0.6
    np.testing.assert_array_equal(layer.data[inside], whole[inside])
    show(dock, qtbot, 7)
    np.testing.assert_array_equal(layer.data > 0, inside)
    assert set(layer.features["index"]) == set(np.unique(layer.data)) - {0}


def test_only_what_concerns_the_class_tree_can_be_set(viewer, open_dock, pixels):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, method="classes")
    controls = dock.parameters.controls
    assert controls["classes"].enabled
    assert controls["grain"].enabled
    assert not controls["n_iterations"].enabled
    assert not controls["superpixels"].enabled
    assert not dock.preview.isEnabled()
    assert dock.show_confidence.isEnabled()


def test_the_status_tells_that_nothing_stands_out(viewer, open_dock, run):
    noise = np.random.default_rng(0).integers(0, 255, (40, 48)).astype(np.uint8)
    viewer.add_image(noise, name="noise")
    dock = open_dock(viewer, method="classes", grain="regions")
    run(dock)
    assert "no number of classes stands out" in dock.run_bar.status.text()
    assert len(np.unique(viewer.layers["noise [DSC]"].data)) > 1


def test_the_correct_dock_takes_the_shown_classes(ran, qtbot, viewer, open_dock):
    dock, layer = ran
    show(dock, qtbot, 5)
    viewer.layers.selection.active = layer
    open_dock(viewer, "Correct")
    parts = layer.metadata[PARTS_KEY]
    assert parts.probabilities.shape[1] == 5


def test_a_film_has_common_classes_and_no_slider(viewer, open_dock, run, pixels):
    film = np.stack([pixels[..., 0], np.roll(pixels[..., 0], 5, axis=1)])
    viewer.add_image(film, name="film", axis_labels=("t", "y", "x"))
    dock = open_dock(viewer, method="classes", classes=3)
    dock.image_panel.what.setCurrentText("all frames")
    run(dock)
    layer = viewer.layers["film [DSC]"]
    params = ClassParams(classes=3)
    expected = napari_dsc.segment(
        film, method="classes", axes="TYX", device="cpu", class_params=params
    )
    np.testing.assert_array_equal(layer.data, expected.labels)
    assert dock.levels.isHidden()
