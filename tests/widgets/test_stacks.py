"""Whole stacks, all frames and all channels in the Segment dock, and where their labels lie."""

import dask.array
import numpy as np
import pytest
import zarr

import napari_dsc
from napari_dsc import CutParams, SuperpixelParams
from napari_dsc.jobs import statuses as _statuses
from napari_dsc.layers import possible_layouts
from napari_dsc.widgets.docks import segment

CUT = {"n_iterations": 3, "n_partitions": 6, "seed": 5, "patience": 0}
SIZES = {"T": 3, "Z": 4, "C": 2, "Y": 32, "X": 40}


def options(**cut):
    return {
        "device": "cpu",
        "superpixel_params": SuperpixelParams(superpixels="slic", n_superpixels=12),
        "cut_params": CutParams(**CUT | cut),
    }


def drawn(axes):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 400, [SIZES[axis] for axis in axes])
    pixels[..., :16, 10:30] += 500
    return pixels.astype(np.uint16)


def placed(axes):
    """Keyword arguments of a layer that lies somewhere."""
    n_axes = len(axes)
    scale = {"T": 60, "Z": 2, "C": 1, "Y": 0.5, "X": 0.5}
    unit = {"T": "s", "C": "pixel"}
    return {
        "name": "cells",
        "axis_labels": tuple(axes.lower()),
        "scale": [scale[axis] for axis in axes],
        "units": [unit.get(axis, "um") for axis in axes],
        "translate": np.arange(3, 3 + n_axes),
    }


def spacing_of(axes):
    return [2.0 if axis == "Z" else 0.5 for axis in axes if axis in "ZYX"]


def edges(layer):
    """World coordinates of the outer corners of a layer's first and last pixel."""
    last = np.array(layer.data.shape) - 0.5
    return [layer.data_to_world(one) for one in (np.full(layer.ndim, -0.5), last)]


@pytest.mark.parametrize(
    ("axes", "what", "shape"),
    [
        ("ZYX", "whole stack", (4, 32, 40)),
        ("TYX", "all frames", (3, 32, 40)),
        ("TZYX", "all frames, whole stacks", (3, 4, 32, 40)),
        ("ZCYX", "whole stack", (4, 1, 32, 40)),
    ],
)
def test_the_dock_gives_what_the_console_gives_and_it_lies_on_the_image(
    viewer, open_dock, run, axes, what, shape
):
    pixels, place = drawn(axes), placed(axes)
    image = viewer.add_image(pixels, **place)
    dock = open_dock(viewer)
    dock.image_panel.what.setCurrentText(what)
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    found = napari_dsc.segment(pixels, axes=axes, spacing=spacing_of(axes), **options())
    assert labels.data.shape == shape
    np.testing.assert_array_equal(labels.data.squeeze(), found.labels)
    assert labels.axis_labels == image.axis_labels
    assert labels.units == image.units
    np.testing.assert_allclose(edges(labels), edges(image))
    for corner in (np.zeros(len(axes)), np.array(pixels.shape) - 1):
        assert labels.get_value(image.data_to_world(corner), world=True) > 0
    record = labels.metadata["napari-dsc"]
    assert record["image"]["axes"] == axes
    assert record["image"]["spacing"] == spacing_of(axes)


def test_planes_or_frames_that_are_not_taken_are_those_in_view(viewer, open_dock, run):
    pixels = drawn("ZTYX")  # time amid the axes
    viewer.add_image(pixels, **placed("ZTYX"))
    viewer.dims.set_point(1, 4 + 2 * 60)
    dock = open_dock(viewer)
    panel = dock.image_panel
    choices = [panel.what.itemText(index) for index in range(panel.what.count())]
    assert choices == [
        "current plane",
        "whole stack",
        "all frames of this plane",
        "all frames, whole stacks",
    ]
    panel.what.setCurrentText("whole stack")
    for box in (dock.show_smoothed, dock.show_superpixels, dock.show_confidence):
        box.setChecked(True)
    run(dock)
    found = napari_dsc.segment(pixels[:, 2], axes="ZYX", spacing=(2, 0.5, 0.5), **options())
    assert len(viewer.layers) == 5
    for layer in viewer.layers[1:]:
        assert layer.data.shape == (4, 1, 32, 40)
        np.testing.assert_allclose(layer.translate, (3, 4 + 2 * 60, 5, 6))
    labels = viewer.layers["cells [DSC]"].data
    np.testing.assert_array_equal(labels[:, 0], found.labels)
    superpixels = viewer.layers["cells [superpixels]"].data
    np.testing.assert_array_equal(superpixels[:, 0], found.superpixels)


@pytest.mark.parametrize("axes", ["TYX", "ZYX"])
def test_images_apart_are_those_of_the_console(viewer, open_dock, run, axes):
    pixels = drawn(axes)
    viewer.add_image(pixels, name="cells", axis_labels=tuple(axes.lower()))
    dock = open_dock(viewer, series="apart")
    dock.image_panel.what.setCurrentIndex(1)
    run(dock)
    found = napari_dsc.segment(pixels, axes=axes, **options(series="apart"))
    np.testing.assert_array_equal(viewer.layers["cells [DSC]"].data, found.labels)


def test_only_choices_that_fit_the_axes_and_the_dock_are_offered(viewer, open_dock):
    viewer.add_image(drawn("ZYX"), name="cells")
    panel = open_dock(viewer).image_panel
    panel.axes.setCurrentText("Z, Y, X: stack of planes")
    panel.what.setCurrentText("whole stack")
    panel.axes.setCurrentText("T, Y, X: frames in time")
    assert panel.what.currentText() == "current frame"
    assert panel.what.findText("all frames") == 1
    panel.axes.setCurrentText("C, Y, X: all channels")
    assert panel.what.currentText() == "current plane"
    assert not panel.what.isEnabled()
    other = open_dock(viewer, "Smooth").image_panel
    other.axes.setCurrentText("T, Y, X: frames in time")
    assert other.what.count() == 1
    panel.axes.setCurrentText("Z, Y, X: stack of planes")
    viewer.add_image(drawn("TYX"), name="another")
    assert panel.axes.currentText() == "Z, Y, X: stack of planes"


@pytest.mark.parametrize("name", ["Superpixels", "Smooth"])
def test_the_other_docks_take_stacks(viewer, open_dock, run, name):
    pixels = drawn("ZYX")
    image = viewer.add_image(pixels, **placed("ZYX"))
    dock = open_dock(viewer, name)
    dock.image_panel.what.setCurrentText("whole stack")
    run(dock)
    made = viewer.layers[-1]
    wanted = {"axes": "ZYX", "spacing": (2, 0.5, 0.5)}
    if name == "Smooth":
        found = napari_dsc.smooth(pixels, **wanted)
    else:
        few = SuperpixelParams(superpixels="slic", n_superpixels=12)
        found = napari_dsc.over_segment(pixels, superpixel_params=few, **wanted)
    np.testing.assert_array_equal(made.data, found)
    np.testing.assert_allclose(edges(made), edges(image))


def test_shapes_of_the_shown_plane_hold_for_the_whole_stack(viewer, open_dock, run):
    viewer.add_image(drawn("ZYX"), name="cells", axis_labels=("z", "y", "x"))
    box = np.array([[5, 8], [5, 30], [25, 30], [25, 8]])
    viewer.add_shapes([box], shape_type="ellipse", name="here")
    dock = open_dock(viewer)
    dock.image_panel.what.setCurrentText("whole stack")
    dock.image_panel.where.setCurrentText("shapes of here")
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    assert labels.data.shape[0] == 4
    assert 0.6 < np.mean(labels.data[0] > 0) < 0.9
    assert ((labels.data > 0) == (labels.data[0] > 0)).all()
    np.testing.assert_allclose(labels.translate, (0, 5, 8), atol=1)


def test_a_lazy_stack_is_read_as_it_is_chunked_and_gives_the_same(viewer, open_dock, run):
    pixels = drawn("ZYX")
    for name, array in (("a", pixels), ("b", dask.array.from_array(pixels, (1, 7, 40)))):
        viewer.add_image(array, name=name, axis_labels=("z", "y", "x"))
    dock = open_dock(viewer)
    for name in "ab":
        dock.image_panel.image.choose(viewer.layers[name])
        dock.image_panel.what.setCurrentText("whole stack")
        run(dock)
    labels = [viewer.layers[f"{name} [DSC]"].data for name in "ab"]
    np.testing.assert_array_equal(*labels)


def test_the_preview_of_a_stack_lies_on_it_and_can_be_kept(viewer, open_dock, qtbot):
    image = viewer.add_image(drawn("ZYX"), **placed("ZYX"))
    dock = open_dock(viewer, n_iterations=10_000)
    dock.image_panel.what.setCurrentText("whole stack")
    dock.run()
    qtbot.waitUntil(lambda: "cells [DSC]" in viewer.layers)
    labels = viewer.layers["cells [DSC]"]
    np.testing.assert_allclose(edges(labels), edges(image))
    qtbot.waitUntil(dock.run_bar.keep_button.isEnabled)
    dock.run_bar.keep_button.click()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert labels.metadata["napari-dsc"]["iterations"] < 10_000
    assert dock.levels.isHidden()


@pytest.mark.parametrize("series", ["together", "apart"])
def test_a_run_over_frames_is_canceled_within_a_step(
    viewer, open_dock, qtbot, messages, monkeypatch, series
):
    monkeypatch.setattr(_statuses, "REPORT_SECONDS", 0)
    viewer.add_image(drawn("TYX"), **placed("TYX"))
    dock = open_dock(viewer, n_iterations=5000, series=series)
    dock.image_panel.what.setCurrentText("all frames")
    dock.run()
    bar = dock.run_bar.bar
    qtbot.waitUntil(lambda: bar.value() > 1 and bar.maximum() > 1000)
    assert bar.maximum() == (5000 if series == "together" else 15_000)
    assert not dock.run_bar.keep_button.isEnabled()
    assert re_match(dock.run_bar.status.text())
    dock.run_bar.cancel()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert [layer.name for layer in viewer.layers] == ["cells"]
    assert messages() == []


def re_match(text):
    return text.startswith("Merging superpixels: ") and text.endswith(" left")


def test_what_frames_do_not_have_is_refused_in_words(viewer, open_dock, run, messages):
    viewer.add_image(drawn("TYX"), **placed("TYX"))
    layer = viewer.add_labels(np.ones((3, 32, 40), int), **placed("TYX") | {"name": "mine"})
    dock = open_dock(viewer)
    dock.image_panel.what.setCurrentText("all frames")
    dock.guides.scribbles.choose(layer)
    run(dock)
    dock.guides.superpixels.choose(layer)
    run(dock)
    dock.method.setCurrentIndex(dock.method.findData("tree"))
    run(dock)
    begin = [message.split(": ")[0] for message in messages()]
    assert begin == ["scribbles", "superpixels"]
    wanted = "on a time series, or planes apart; leave them out"
    assert all(message.endswith(wanted) for message in messages())
    assert viewer.layers["cells [DSC]"].data.shape == (3, 32, 40)  # the tree takes no guides


def test_a_stack_too_big_for_the_memory_is_not_started(viewer, open_dock, monkeypatch):
    from napari_dsc.jobs import machine as _memory

    lazy = dask.array.zeros((400, 2000, 2000), chunks=(1, 2000, 2000), dtype=np.uint8)
    viewer.add_image(lazy, name="cells", contrast_limits=(0, 1), axis_labels=("z", "y", "x"))
    dock = open_dock(viewer)
    monkeypatch.setattr(_memory, "free_bytes", lambda _: 16 * 2**30)
    dock.image_panel.what.setCurrentText("whole stack")
    dock.run()
    assert not dock.run_bar.is_running
    assert "the current plane under What" in dock.run_bar.status.text()


@pytest.fixture
def to_file(monkeypatch, tmp_path):
    """Answer of the user who is asked for a file."""
    path = tmp_path / "cells.ome.zarr"
    monkeypatch.setattr(segment.run_layer, "ask_for_pyramid", lambda *_: path)
    return path


def test_a_lazy_image_is_segmented_by_tiles_into_labels_that_stay_in_a_file(
    viewer, open_dock, run, to_file
):
    pixels = drawn("TYX")
    lazy = dask.array.from_array(pixels, (1, 16, 40))
    image = viewer.add_image([lazy, lazy[:, ::2, ::2]], multiscale=True, **placed("TYX"))
    viewer.dims.set_point(0, 3 + 60)
    dock = open_dock(viewer)
    dock.image_panel.where.setCurrentText("whole image, by tiles into a file")
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    assert isinstance(labels.data, dask.array.Array)
    assert labels.data.shape == (1, 32, 40)
    np.testing.assert_allclose(labels.translate, image.data_to_world((1, 0, 0)))
    np.testing.assert_allclose(labels.scale, image.scale)
    record = napari_dsc.segment_large(
        pixels[1], to_file.with_name("other.ome.zarr"), spacing=(0.5, 0.5), **options()
    )
    other = zarr.open_group(to_file.with_name("other.ome.zarr"), mode="r")
    np.testing.assert_array_equal(labels.data[0], other["0"][:])
    mine = labels.metadata["napari-dsc"]
    assert mine["image"]["spacing"] == record["image"]["spacing"]
    assert mine["layer"]["index"][0] == 1

    dock.image_panel.where.setCurrentIndex(0)
    run(dock)
    assert isinstance(labels.data, dask.array.Array)
    assert "path" not in viewer.layers["cells [DSC] [1]"].metadata


@pytest.mark.parametrize("end", ["cancel", "refusal"])
def test_a_run_by_tiles_that_ends_early_leaves_nothing(
    viewer, open_dock, qtbot, run, messages, to_file, end
):
    viewer.add_image(dask.array.from_array(drawn("YX")), name="cells", contrast_limits=(0, 999))
    dock = open_dock(viewer, n_iterations=5000, patience=0)
    dock.image_panel.where.setCurrentText("whole image, by tiles into a file")
    if end == "refusal":
        dock.method.setCurrentIndex(dock.method.findData("tree"))
        run(dock)
        told = "method='tree': not available for an image in tiles; use dsc or classes"
        assert messages() == [told]
    else:
        dock.run()
        learning = "Learning: "
        qtbot.waitUntil(lambda: dock.run_bar.status.text().startswith(learning))
        dock.run_bar.cancel()
        qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert len(viewer.layers) == 1
    assert list(to_file.parent.iterdir()) == []


def test_by_tiles_is_offered_for_images_that_are_large_or_lazy(viewer, open_dock):
    viewer.add_image(np.zeros((40, 56), np.uint8), name="small")
    lazy = dask.array.zeros((40, 56), dtype=np.uint8)
    viewer.add_image(lazy, name="lazy", contrast_limits=(0, 1))
    words = "whole image, by tiles into a file"
    for name, place in (("Segment", 2), ("Smooth", -1)):
        panel = open_dock(viewer, name).image_panel
        assert panel.where.findText(words) == place
        panel.image.choose(viewer.layers["small"])
        assert panel.where.findText(words) == -1


def test_every_reading_of_the_axes_has_words_of_its_own():
    from napari.layers import Image

    for axes in ("YX", "ZYX", "ZTYX", "ZTCYX"):
        layouts = possible_layouts(Image(np.zeros([2] * len(axes), np.uint8)))
        assert len({one.words() for one in layouts}) == len(layouts)
        assert all(len(one.axes) == len(axes) for one in layouts)
