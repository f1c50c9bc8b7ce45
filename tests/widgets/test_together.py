"""Docks beside each other and beside the layers: tabs, the selection, what cannot be run."""

import numpy as np
import pytest
from napari.utils.progress import progress
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow

from napari_dsc.widgets.viewer.shapes import Outline

SQUARES = np.arange(1, 25).reshape(4, 6).repeat(10, 0).repeat(10, 1)


def open_correct(viewer):
    _, dock = viewer.window.add_plugin_dock_widget("napari-dsc", "Correct")
    return dock


def parts():
    from napari_dsc.correction.parts import Parts

    colors = np.arange(24)[:, None] / 24
    probabilities = np.full((24, 2), [0.9, 0.1])
    probabilities[8] = [0.51, 0.49]
    return Parts(SQUARES, colors, probabilities)


def labels_of_a_run(viewer, name):
    labels = np.repeat([1, 2], 30)[None].repeat(40, 0).astype(np.uint16)
    metadata = {"napari-dsc": {"iterations": 3}, "napari-dsc superpixels": parts()}
    return viewer.add_labels(labels, name=name, metadata=metadata, scale=(2, 3))


def test_segment_and_correct_open_as_tabs_and_fit_a_small_screen(
    make_napari_viewer_proxy, qtbot
):
    viewer = make_napari_viewer_proxy(show=True)
    docks = [
        viewer.window.add_plugin_dock_widget("napari-dsc", name)[0]
        for name in ("Segment", "Correct", "Evaluate")
    ]
    window = next(one for one in QApplication.topLevelWidgets() if isinstance(one, QMainWindow))
    own = [
        one
        for one in window.findChildren(QDockWidget)
        if one.windowTitle().split(" (")[0] in ("Segment", "Correct", "Evaluate")
    ]
    assert len(own) == len(docks)
    qtbot.waitUntil(lambda: len(window.tabifiedDockWidgets(own[0])) == 2)
    needed = window.minimumSizeHint()
    assert (needed.width(), needed.height()) <= (1366, 768)
    assert needed.height() <= 768


def test_the_segment_dock_follows_the_selected_image_unless_it_is_pinned(
    viewer, open_dock, pixels
):
    first = viewer.add_image(pixels, name="first")
    dock = open_dock(viewer)
    second = viewer.add_image(pixels, name="second")
    labels = viewer.add_labels(np.ones(pixels.shape[:2], int))
    assert dock.image_panel.layer == second
    viewer.layers.selection.active = first
    assert dock.image_panel.layer == first
    viewer.layers.selection.active = labels
    assert dock.image_panel.layer == first
    dock.image_panel.pin.setChecked(True)
    viewer.layers.selection.active = second
    assert dock.image_panel.layer == first


def test_the_correct_dock_follows_the_selected_labels_but_no_scribbles(viewer, qtbot):
    first, second = (labels_of_a_run(viewer, name) for name in ("first", "second"))
    dock = open_correct(viewer)
    viewer.layers.selection.active = first
    qtbot.waitUntil(lambda: dock.editor is not None and dock.editor.layer == first)
    dock.new_scribbles.click()
    assert viewer.layers.selection.active not in (first, second)
    assert dock.labels.currentData() == first
    viewer.layers.selection.active = second
    qtbot.waitUntil(lambda: dock.editor is not None and dock.editor.layer == second)
    dock.pin.setChecked(True)
    viewer.layers.selection.active = first
    assert dock.labels.currentData() == second


def test_undo_after_a_split_undoes_the_split(viewer, qtbot):
    layer = labels_of_a_run(viewer, "cells")
    dock = open_correct(viewer)
    qtbot.waitUntil(lambda: dock.editor is not None)
    before = layer.data.copy()
    dock.new_scribbles.click()
    scribbles = viewer.layers.selection.active
    scribbles.data[5, 5], scribbles.data[35, 25] = 1, 2
    dock.split.click()
    qtbot.waitUntil(lambda: not np.array_equal(layer.data, before))
    assert viewer.layers.selection.active == layer
    viewer.layers.selection.active.undo()  # what Ctrl+Z calls
    np.testing.assert_array_equal(layer.data, before)


def test_next_uncertain_outlines_the_superpixel(viewer, qtbot):
    layer = labels_of_a_run(viewer, "cells")
    dock = open_correct(viewer)
    qtbot.waitUntil(lambda: dock.editor is not None)
    viewer.layers.selection.active = layer
    dock.next.click()
    dock.uncertain.setCurrentRow(0)
    outline = viewer.layers["cells [uncertain]"]
    [path] = outline.data
    low, high = path.min(0), path.max(0)
    np.testing.assert_allclose(low, (9.5, 19.5))  # superpixel 9: rows 10-19, columns 20-29
    np.testing.assert_allclose(high, (19.5, 29.5))
    np.testing.assert_allclose(outline.scale, layer.scale)
    assert viewer.layers.selection.active == layer
    assert dock.shapes.findText(outline.name) == -1
    dock.next.click()
    assert sum("uncertain" in one.name for one in viewer.layers) == 1
    viewer.layers.remove(layer)
    assert not any("uncertain" in one.name for one in viewer.layers)


def test_the_outline_of_a_stack_lies_on_its_plane(viewer):
    stack = np.stack([np.zeros_like(SQUARES), SQUARES])
    layer = viewer.add_labels(stack, name="stack")
    outline = Outline(viewer)
    outline.show(layer, stack, (1, 0, 0))
    [path] = viewer.layers["stack [uncertain]"].data
    assert set(path[:, 0]) == {1}
    np.testing.assert_allclose(path.max(0)[1:], 9.5)


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.full((40, 50), 7, np.uint8), "has the same value everywhere"),
        (np.full((40, 50, 3), (1, 2, 3), np.uint8), "has the same value everywhere"),
        (np.random.default_rng(0).random((7, 90)), "has 7 x 90 pixels; open an image of at"),
    ],
    ids=["constant", "constant color", "tiny"],
)
def test_what_cannot_be_run_says_so_before(viewer, open_dock, pixels, words):
    viewer.add_image(pixels, name="odd", contrast_limits=(0, 255))
    docks = [open_dock(viewer, name) for name in ("Segment", "Superpixels", "Smooth")]
    for dock in docks:
        assert not dock.run_bar.run_button.isEnabled()
        assert words in dock.run_bar.status.text()
    viewer.add_image(np.random.default_rng(0).random((40, 50)), name="fine")
    assert all(dock.run_bar.run_button.isEnabled() for dock in docks)


def test_stages_without_steps_move_a_bar(viewer, open_dock, run, pixels):
    viewer.add_image(np.stack([pixels] * 3), name="film", rgb=True)
    dock = open_dock(viewer, n_superpixels=12, n_iterations=3)
    dock.image_panel.axes.setCurrentIndex(
        next(
            i
            for i in range(dock.image_panel.axes.count())
            if dock.image_panel.axes.itemData(i).axes.startswith("T")
        )
    )
    dock.image_panel.what.setCurrentIndex(dock.image_panel.what.findText("all frames"))
    seen = []
    dock.run_bar.progressed.connect(
        lambda status: seen.append((status.sentence.split(":")[0], dock.run_bar.bar.maximum()))
    )
    run(dock)
    assert ("Loading", 0) in seen  # busy
    assert {most for words, most in seen if words == "Making superpixels"} & {3}
    assert dock.run_bar.bar.maximum() == 1


def test_the_seconds_shown_are_those_that_the_user_waited(viewer, open_dock, run, pixels):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, n_superpixels=12, n_iterations=3)
    run(dock)
    shown = float(dock.run_bar.status.text().split(" in ")[1].split(" s")[0])
    stages = sum(viewer.layers["cells [DSC]"].metadata["napari-dsc"]["seconds"].values())
    assert shown >= round(stages, 1)
    assert shown == pytest.approx(dock.run_bar.seconds, abs=0.06)


@pytest.mark.parametrize(("superpixels", "is_grown"), [("ucm", True), ("slic", False)])
def test_only_superpixels_of_the_tree_grow_it_first(
    viewer, open_dock, run, pixels, superpixels, is_grown
):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, n_superpixels=12, n_iterations=3)
    dock.restore({"superpixels": superpixels, "preview": True})
    seen = []
    dock.run_bar.progressed.connect(lambda status: seen.append(status.sentence))
    run(dock)
    assert ("Growing the merge tree" in seen) == is_grown
    assert not dock.levels.isHidden()  # it can still be grown when it is asked for


def test_no_bar_forces_the_events_of_the_window(viewer, open_dock, run, pixels):
    """A bar in napari's activity dock runs pending events, perhaps amid a repaint."""
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, n_superpixels=12, n_iterations=3)
    bars = []
    dock.run_bar.progressed.connect(lambda _: bars.extend(progress._all_instances))
    run(dock)
    assert not bars
