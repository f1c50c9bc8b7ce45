"""What is in view: the order in which layers are drawn, other layers, rolled views."""

import numpy as np
import pytest
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QApplication

from napari_dsc.widgets.viewer import output


def labels_are_on_top(viewer):
    """Whether the middle of the canvas shows a color, not the gray of the images."""
    QApplication.processEvents()
    picture = viewer.screenshot(canvas_only=True, flash=False)
    middle = picture[picture.shape[0] // 2, picture.shape[1] // 2, :3].astype(int)
    return np.ptp(middle) > 10


@pytest.fixture
def shown(make_napari_viewer_proxy):
    """Viewer whose window draws."""
    if QGuiApplication.platformName() == "offscreen":
        pytest.skip("needs a screen, such as that of Xvfb")
    return make_napari_viewer_proxy(show=True)


@pytest.fixture
def two_images(shown):
    """Two gray images, the upper of which hides whatever lies below it."""
    viewer = shown
    noise = np.random.default_rng(0).integers(100, 130, (40, 60)).astype(np.uint8)
    noise[:, :30] += 60
    for name in ("lower", "cells"):
        viewer.add_image(noise, name=name, contrast_limits=(0, 255))
    return noise


def test_napari_draws_labels_of_another_type_below_images(shown, two_images):
    layer = shown.add_labels(np.ones(two_images.shape, np.uint16))
    assert labels_are_on_top(shown)
    layer.data = layer.data.astype(np.uint8)
    assert not labels_are_on_top(shown)  # else `write_data` is not needed any more
    output.write_data(shown, layer, layer.data.astype(np.uint32))
    assert labels_are_on_top(shown)


@pytest.mark.parametrize("method", ["dsc", "tree"])
def test_a_result_is_drawn_above_its_image_whatever_is_done(
    shown, two_images, open_dock, run, qtbot, method
):
    dock = open_dock(shown, n_superpixels=12, n_iterations=3, n_partitions=4)
    dock.restore({"method": method})
    types = set()
    dock.image_panel.image.choose(shown.layers["cells"])
    for n_superpixels in (12, 24):
        dock.restore({"n_superpixels": n_superpixels})
        run(dock)
        layer = shown.layers["cells [DSC]"]
        assert labels_are_on_top(shown)
        types.add(layer.data.dtype)
    assert types == {np.dtype(np.uint16)}

    layer.paint((20, 30), 3)
    layer.undo()
    assert labels_are_on_top(shown)

    restore = output.restorer(shown, layer)
    output.write_data(shown, layer, layer.data.astype(np.uint8))
    assert labels_are_on_top(shown)
    restore()
    assert layer.data.dtype == np.uint16
    assert labels_are_on_top(shown)


def test_corrections_of_labels_that_need_more_room_stay_on_top(shown, two_images, qtbot):
    labels = np.repeat([1, 250], 30)[None].repeat(40, 0).astype(np.uint8)
    squares = np.arange(1, 25).reshape(4, 6).repeat(10, 0).repeat(10, 1)
    shown.add_labels(squares, name="superpixels", visible=False)
    layer = shown.add_labels(labels, name="labels")
    _, dock = shown.window.add_plugin_dock_widget("napari-dsc", "Correct")
    dock.labels.choose(layer)
    dock.superpixels.choose(shown.layers["superpixels"])
    qtbot.waitUntil(lambda: dock.editor is not None)
    assert layer.data.dtype == np.uint32
    assert labels_are_on_top(shown)


@pytest.mark.parametrize("dock_name", ["Segment", "Superpixels", "Smooth"])
def test_a_plane_is_segmented_beside_layers_of_more_axes(
    viewer, open_dock, run, messages, pixels, dock_name
):
    viewer.add_image(pixels, name="photo")
    dock = open_dock(viewer, dock_name)
    viewer.add_labels(np.ones((3, *pixels.shape[:2]), int))
    viewer.add_shapes([[[0, 2, 2], [0, 9, 9]]], shape_type="line")
    viewer.add_points(np.zeros((1, 4)))
    viewer.add_image(np.zeros((2, 3, *pixels.shape[:2])))
    dock.image_panel.image.choose(viewer.layers["photo"])
    before = len(viewer.layers)
    run(dock)
    assert not messages()
    assert len(viewer.layers) == before + 1
    assert viewer.layers[-1].data.shape[:2] == pixels.shape[:2]


def test_shapes_of_more_axes_bound_a_plane(viewer, open_dock, run, messages, pixels):
    viewer.add_image(pixels, name="photo")
    square = [[0, 8, 10], [0, 8, 40], [0, 30, 40], [0, 30, 10]]
    viewer.add_shapes([square], shape_type="polygon", name="box")
    dock = open_dock(viewer)
    where = dock.image_panel.where
    where.setCurrentIndex(where.findText("shapes of box"))
    run(dock)
    assert not messages()
    labels = viewer.layers["photo [DSC]"]
    assert labels.data.shape == (23, 31)
    np.testing.assert_allclose(labels.translate, (8, 10))


@pytest.mark.parametrize(
    ("order", "axis", "shape"),
    [
        ((0, 1, 2), 0, (1, 20, 24)),
        ((1, 0, 2), 1, (16, 1, 24)),
        ((2, 1, 0), 2, (16, 20, 1)),
        ((2, 0, 1), 2, (16, 20, 1)),
    ],
)
@pytest.mark.parametrize("labels", ["zyx", "tyx"])
def test_the_plane_in_view_is_segmented(viewer, open_dock, run, order, axis, shape, labels):
    stack = np.random.default_rng(0).integers(0, 900, (16, 20, 24)).astype(np.uint16)
    viewer.add_image(stack, name="s", axis_labels=tuple(labels), scale=(3, 1, 0.5))
    viewer.dims.order = order
    viewer.dims.set_point(axis, 6)
    dock = open_dock(viewer, n_superpixels=12, n_iterations=2)
    run(dock)
    layer = viewer.layers["s [DSC]"]
    assert layer.data.shape == shape
    np.testing.assert_allclose(layer.scale, (3, 1, 0.5))
    place = round(6 / (3, 1, 0.5)[axis])
    expected = np.zeros(3)
    expected[axis] = place * (3, 1, 0.5)[axis]
    np.testing.assert_allclose(layer.translate, expected)
    assert layer.metadata["napari-dsc"]["image"]["shape"] == [n for n in shape if n > 1]


def test_shapes_in_a_rolled_view_are_refused(viewer, open_dock, messages):
    viewer.add_image(np.random.default_rng(0).random((16, 20, 24)), name="s")
    viewer.add_shapes([[[2, 2], [9, 9]]], shape_type="rectangle", name="box")
    viewer.dims.order = (1, 0, 2)
    dock = open_dock(viewer)
    dock.image_panel.axes.setCurrentIndex(0)
    where = dock.image_panel.where
    where.setCurrentIndex(where.findText("shapes of box"))
    dock.run()
    [message] = messages()
    assert "the view shows other axes of s than Y and X" in message
