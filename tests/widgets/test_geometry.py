"""Labels lie on the image, whatever kind of image, and whatever part of it."""

import dask.array
import numpy as np
import pytest

import napari_dsc
from napari_dsc import CutParams, SuperpixelParams
from napari_dsc.layers import Layout, possible_layouts
from napari_dsc.widgets.viewer.channels import measured_image

SMALL = {
    "device": "cpu",
    "superpixel_params": SuperpixelParams(superpixels="slic", n_superpixels=12),
    "cut_params": CutParams(n_iterations=3, n_partitions=6, seed=5),
}


def corners(layer, shape=None):
    """World coordinates of the outer corners of a layer's first and last pixel."""
    shape = np.array(layer.data.shape[-2:] if shape is None else shape)
    lead = [0] * (layer.ndim - 2)
    ends = ([-0.5, -0.5], shape - 0.5)
    return [np.asarray(layer.data_to_world([*lead, *end]))[-2:] for end in ends]


def assert_same_place(labels, image, shape=None):
    for ours, theirs in zip(corners(labels), corners(image, shape), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


@pytest.fixture
def stack():
    rng = np.random.default_rng(1)
    return rng.integers(0, 999, (3, 40, 56)).astype(np.uint16)


def test_a_grey_image_of_16_bits(viewer, open_dock, run, stack):
    image = viewer.add_image(stack[0], name="cells", scale=(0.3, 0.2), translate=(4, -5))
    run(open_dock(viewer))
    assert_same_place(viewer.layers["cells [DSC]"], image)


def test_an_affine_transform(viewer, open_dock, run, stack):
    affine = np.array([[1, 0.2, 3], [-0.1, 1.5, 4], [0, 0, 1]])
    image = viewer.add_image(stack[0], name="cells", affine=affine, scale=(2, 2), rotate=20)
    run(open_dock(viewer))
    assert_same_place(viewer.layers["cells [DSC]"], image)


def test_the_shown_plane_of_a_stack(viewer, open_dock, run, stack):
    image = viewer.add_image(
        stack,
        name="cells",
        scale=(5, 2, 2),
        translate=(1, 2, 3),
        axis_labels=("z", "y", "x"),
        units=("um", "um", "um"),
    )
    viewer.dims.set_point(0, 1 + 2 * 5)
    dock = open_dock(viewer)
    assert dock.image_panel.axes.currentText() == "Z, Y, X: stack of planes"
    assert dock.image_panel.what.currentText() == "current plane"
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    assert labels.data.shape == (1, 40, 56)
    np.testing.assert_allclose(labels.data_to_world((0, 0, 0)), image.data_to_world((2, 0, 0)))
    assert labels.axis_labels == ("z", "y", "x")
    assert labels.metadata["napari-dsc"]["layer"]["index"] == [2, [0, 40], [0, 56]]


def test_three_channels_enter_together_and_labels_hold_for_all(viewer, open_dock, run, stack):
    image = viewer.add_image(
        stack, name="cells", axis_labels=("c", "y", "x"), scale=(1, 0.5, 0.5)
    )
    dock = open_dock(viewer)
    assert dock.image_panel.axes.currentText() == "C, Y, X: all channels"
    dock.show_smoothed.setChecked(True)
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    assert labels.data.shape == (40, 56)
    assert_same_place(labels, image)
    smoothed = viewer.layers["cells [smoothed]"]
    assert smoothed.data.shape == stack.shape
    np.testing.assert_allclose(smoothed.scale, image.scale)
    assert labels.metadata["napari-dsc"]["image"]["n_channels"] == 3


def test_three_layers_enter_together_as_channels(viewer, open_dock, run, stack):
    place = {"scale": (0.5, 0.25), "translate": (3, 4), "rotate": 10}
    for name, plane in zip("abc", stack, strict=True):
        viewer.add_image(plane, name=name, **place)
    viewer.add_image(stack[0], name="elsewhere")
    viewer.add_image(stack[0, :30], name="smaller", **place)
    dock = open_dock(viewer)
    panel = dock.image_panel
    panel.image.choose(viewer.layers["a"])
    assert [one.text() for one in panel.channels.menu().actions()] == ["b", "c"]
    panel.channels.choose([viewer.layers["b"], viewer.layers["c"]])
    dock.show_smoothed.setChecked(True)
    run(dock)
    labels, smoothed = viewer.layers["a [DSC]"], viewer.layers["a [smoothed]"]
    assert_same_place(labels, viewer.layers["a"])
    assert smoothed.data.shape == stack.shape
    assert_same_place(smoothed, viewer.layers["a"])
    record = labels.metadata["napari-dsc"]
    assert record["layer"]["channels"] == ["a", "b", "c"]
    result = napari_dsc.segment(stack, axes="CYX", **SMALL)
    np.testing.assert_array_equal(labels.data, result.labels)
    measured = measured_image(viewer, labels)
    assert measured.name == "a, b, c"
    np.testing.assert_array_equal(measured.channels_first((40, 56)), stack)
    viewer.layers.remove("c")
    assert measured_image(viewer, labels) is None


def test_channels_that_no_longer_fit_are_left_out(viewer, open_dock, stack):
    for name, plane in zip("abc", stack, strict=True):
        viewer.add_image(plane, name=name)
    panel = open_dock(viewer, "Smooth").image_panel
    panel.channels.choose([viewer.layers["a"], viewer.layers["b"]])
    assert panel.channels.text() == "with 2 more"
    viewer.layers["b"].name = "renamed"
    assert panel.channels.text() == "with 2 more"
    viewer.layers.remove("renamed")
    assert panel.channels.text() == "with 1 more"
    viewer.add_image(stack[0, :20], name="other")
    panel.image.choose(viewer.layers["other"])
    assert panel.channels.text() == "this image alone"
    assert not panel.channels.isEnabled()


def test_one_shown_channel_can_be_picked_instead(viewer, open_dock, run, stack):
    viewer.add_image(stack, name="cells", axis_labels=("c", "y", "x"))
    dock = open_dock(viewer)
    dock.image_panel.axes.setCurrentText("C, Y, X: shown channel")
    viewer.dims.set_point(0, 1)
    run(dock)
    record = viewer.layers["cells [DSC]"].metadata["napari-dsc"]
    assert record["layer"]["index"][0] == 1
    assert record["image"]["n_channels"] == 1


@pytest.mark.parametrize(("level", "size"), [(0, (80, 112)), (1, (40, 56))])
def test_a_level_of_a_pyramid(viewer, open_dock, run, level, size):
    fine = np.random.default_rng(0).integers(0, 255, (80, 112)).astype(np.uint8)
    image = viewer.add_image(
        [fine, fine[::2, ::2]], name="cells", multiscale=True, scale=(0.5, 0.5)
    )
    dock = open_dock(viewer)
    dock.image_panel.where.setCurrentIndex(level)
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    assert labels.data.shape == size
    assert_same_place(labels, image, fine.shape)


def test_a_rectangle_of_a_shapes_layer(viewer, open_dock, run, stack):
    image = viewer.add_image(stack[0], name="cells", scale=(0.5, 0.5), translate=(10, 20))
    box = np.array([[5, 8], [5, 30], [25, 30], [25, 8]])
    viewer.add_shapes([box], name="here", scale=(0.5, 0.5), translate=(10, 20))
    dock = open_dock(viewer)
    dock.image_panel.where.setCurrentText("shapes of here")
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    start, stop = zip(*labels.metadata["napari-dsc"]["layer"]["index"], strict=True)
    assert start == (5, 8)
    np.testing.assert_allclose(labels.data_to_world((0, 0)), image.data_to_world(start))
    assert abs(stop[0] - 25) <= 1
    assert abs(stop[1] - 30) <= 1
    assert labels.data.min() >= 1


def test_pixels_outside_an_ellipse_are_unassigned(viewer, open_dock, run, stack):
    viewer.add_image(stack[0], name="cells")
    box = np.array([[5, 8], [5, 40], [35, 40], [35, 8]])
    viewer.add_shapes([box], shape_type="ellipse", name="here")
    dock = open_dock(viewer)
    dock.image_panel.where.setCurrentText("shapes of here")
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    assert labels.data[0, 0] == 0
    assert labels.data[15, 16] > 0
    share = np.mean(labels.data > 0)
    assert share == pytest.approx(np.pi / 4, abs=0.07)
    numbers = np.unique(labels.data[labels.data > 0])
    np.testing.assert_array_equal(numbers, np.arange(1, len(numbers) + 1))
    # napari adds a row for 0 where there is none
    np.testing.assert_array_equal(np.setdiff1d(labels.features["index"], [0]), numbers)


def test_units_of_the_viewer_and_of_shapes_are_converted(viewer, open_dock, run, stack):
    units = {"units": ("nm", "nm", "nm"), "scale": (1000, 500, 500)}
    image = viewer.add_image(stack, name="cells", axis_labels=("z", "y", "x"), **units)
    viewer.add_image(stack, name="other", axis_labels=("z", "y", "x"), units=("um",) * 3)
    box = np.array([[5, 8], [5, 30], [25, 30], [25, 8]])
    viewer.add_shapes([box / 2], name="here", units=("um", "um"))
    factor = (1 * viewer.layers.units[0]).to("nm").magnitude
    viewer.dims.set_point(0, 2000 / factor)
    dock = open_dock(viewer)
    dock.image_panel.image.choose(image)
    dock.image_panel.where.setCurrentText("shapes of here")
    run(dock)
    index = viewer.layers["cells [DSC]"].metadata["napari-dsc"]["layer"]["index"]
    assert index[0] == 2
    assert abs(index[1][0] - 5) <= 1
    assert abs(index[2][1] - 30) <= 1


def test_shapes_on_other_planes_do_not_count(viewer, open_dock, run, stack):
    viewer.add_image(stack, name="cells", axis_labels=("z", "y", "x"))
    corners = np.array([[5, 8], [5, 30], [25, 30], [25, 8]])
    here, there = (np.column_stack([np.full(4, z), corners + 9 * z]) for z in (0, 1))
    viewer.add_shapes([here, there], name="both")
    viewer.dims.set_point(0, 0)
    dock = open_dock(viewer)
    dock.image_panel.where.setCurrentText("shapes of both")
    run(dock)
    index = viewer.layers["cells [DSC]"].metadata["napari-dsc"]["layer"]["index"]
    assert index[0] == 0
    assert index[1][1] <= 26


def test_shapes_beside_the_image_are_told(viewer, open_dock, messages, stack):
    viewer.add_image(stack[0], name="cells")
    viewer.add_shapes([np.array([[90, 90], [90, 99], [99, 99], [99, 90]])], name="far")
    dock = open_dock(viewer)
    dock.image_panel.where.setCurrentText("shapes of far")
    dock.run()
    assert len(messages()) == 1
    assert messages()[0].startswith("image: the shapes of far cover no pixel of cells")


def test_the_part_that_the_window_shows(viewer, open_dock, run, stack):
    image = viewer.add_image(stack[0], name="cells", scale=(2, 2))
    image.corner_pixels = np.array([[10, 12], [29, 43]])
    dock = open_dock(viewer)
    dock.image_panel.where.setCurrentText("current view")
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    assert labels.data.shape == (20, 32)
    np.testing.assert_allclose(labels.data_to_world((0, 0)), image.data_to_world((10, 12)))


def test_a_try_on_the_view_leaves_the_result_alone(viewer, open_dock, run, qtbot, stack):
    viewer.add_image(stack[0], name="cells")
    dock = open_dock(viewer)
    for box in (dock.show_smoothed, dock.show_superpixels, dock.show_confidence):
        box.setChecked(True)
    run(dock)
    whole = viewer.layers["cells [DSC]"].data.copy()
    viewer.layers["cells"].corner_pixels = np.array([[10, 12], [29, 43]])
    dock.try_button.click()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    tried = viewer.layers["cells [DSC try]"]
    assert tried.data.shape == (20, 32)
    np.testing.assert_array_equal(viewer.layers["cells [DSC]"].data, whole)
    for kind in ("smoothed", "superpixels", "confidence"):
        assert viewer.layers[f"cells [{kind}]"].data.shape == (40, 56)
    assert len(viewer.layers) == 6
    assert dock.image_panel.where.currentText() == "whole image"


def test_a_lazy_image_is_computed_off_the_gui_thread(viewer, open_dock, run, stack):
    import threading

    threads = set()

    def block(values):
        threads.add(threading.current_thread().name)
        return values

    lazy = dask.array.from_array(stack[0]).map_blocks(block, dtype=stack.dtype)
    viewer.add_image(lazy, name="cells", contrast_limits=(0, 999))
    dock = open_dock(viewer)
    threads.clear()
    run(dock)
    assert threads
    assert viewer.layers["cells [DSC]"].data.shape == (40, 56)


def test_big_previews_are_thinned_and_lie_on_the_image(
    viewer, open_dock, qtbot, stack, monkeypatch
):
    from napari_dsc.jobs import runs as _runs
    from napari_dsc.jobs import statuses as _statuses

    for module in (_runs, _statuses):
        monkeypatch.setattr(module, "PREVIEW_PIXELS", 40 * 56 // 8)
    image = viewer.add_image(stack[0], name="cells", scale=(2, 2))
    dock = open_dock(viewer, n_iterations=10_000)
    dock.run()
    qtbot.waitUntil(lambda: "cells [DSC]" in viewer.layers)
    labels = viewer.layers["cells [DSC]"]
    assert labels.data.shape == (13, 19)
    np.testing.assert_allclose(
        labels.data_to_world((-0.5, -0.5)), image.data_to_world((-0.5, -0.5))
    )
    qtbot.waitUntil(dock.run_bar.keep_button.isEnabled)
    dock.run_bar.keep_button.click()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert labels.data.shape == (40, 56)
    assert_same_place(labels, image)


@pytest.mark.parametrize(
    ("shape", "options", "first"),
    [
        ((40, 56), {}, Layout("YX", False)),
        ((40, 56, 3), {"rgb": True}, Layout("YXC", True)),
        ((9, 40, 56), {"axis_labels": ("time", "y", "x")}, Layout("TYX", False)),
        ((9, 40, 56), {"axis_labels": ("channel", "y", "x")}, Layout("CYX", True)),
        ((3, 40, 56), {"axis_labels": ("C", "Y", "X")}, Layout("CYX", True)),
        ((2, 9, 40, 56), {"axis_labels": ("t", "z", "y", "x")}, Layout("TZYX", False)),
        ((9, 40, 56), {}, Layout("ZYX", False)),
        ((9, 3, 40, 56), {"axis_labels": ("t", "c", "y", "x")}, Layout("TCYX", True)),
    ],
)
def test_names_of_axes_count_before_guesses(shape, options, first):
    from napari.layers import Image

    layouts = possible_layouts(Image(np.zeros(shape, np.uint8), **options))
    assert layouts[0] == first
    assert len({one.words() for one in layouts}) == len(layouts)


def test_axes_that_do_not_end_in_y_and_x_are_refused_by_name(viewer, open_dock):
    image = np.zeros((40, 56, 3), np.uint8)
    viewer.add_image(image, name="cells", rgb=False, axis_labels=("y", "x", "c"))
    dock = open_dock(viewer)
    assert not dock.run_bar.run_button.isEnabled()
    assert "y, x, c" in dock.run_bar.status.text()


def test_a_layer_tells_its_axes_and_how_far_apart_planes_lie(stack):
    from napari.layers import Image

    from napari_dsc.layers import read_layer

    named = Image(stack, scale=(4, 2, 2), axis_labels=("z", "y", "x"))
    assert read_layer(named)[1:4] == ("ZYX", (4.0, 2.0, 2.0), "")
    physical = Image(stack, scale=(4, 2, 2), axis_labels=("z", "y", "x"), units=["um"] * 3)
    assert read_layer(physical)[2] == (4.0, 2.0, 2.0)
    run = napari_dsc.Run(named)
    assert (run.image.axes_origin, run.image.spacing) == ("the layer", (4.0, 2.0, 2.0))
    with pytest.raises(napari_dsc.DSCError, match="is ambiguous"):
        napari_dsc.Run(Image(stack))
