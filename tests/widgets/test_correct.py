"""The Correct dock: strokes, shapes, scribbles, number of segments, sessions, undo."""

import dataclasses
import gc
import weakref

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

import napari_dsc
from napari_dsc import CutParams, SuperpixelParams
from napari_dsc.correction.parts import Parts
from napari_dsc.layers import geometry_of
from napari_dsc.widgets.viewer import editor as _editor

ROWS, COLUMNS = 4, 6  # superpixels of 10 x 10 pixels


def grid():
    return np.arange(1, ROWS * COLUMNS + 1).reshape(ROWS, COLUMNS).repeat(10, 0).repeat(10, 1)


def halves():
    """Label 1 on the left, 2 on the right."""
    return (
        np.repeat([1, 2], COLUMNS // 2).repeat(10)[None].repeat(ROWS * 10, 0).astype(np.uint8)
    )


def parts_with(superpixels):
    """Columns of the grid differ in color; superpixel 8 is the least certain."""
    n = int(superpixels.max())
    colors = np.arange(n)[:, None] % COLUMNS / COLUMNS
    probabilities = np.where(np.arange(n)[:, None] % COLUMNS < 3, [0.9, 0.1], [0.2, 0.8])
    probabilities[7] = [0.51, 0.49]
    return Parts(superpixels, colors, probabilities)


@pytest.fixture
def editing(qtbot):
    """Open the dock on labels that a run made."""

    def opened(viewer, labels=None, **options):
        labels = halves() if labels is None else labels
        superpixels = np.broadcast_to(grid(), labels.shape).copy()
        metadata = {
            "napari-dsc": {"iterations": 3},
            "napari-dsc superpixels": parts_with(superpixels),
        }
        layer = viewer.add_labels(labels, name="cells [DSC]", metadata=metadata, **options)
        _, dock = viewer.window.add_plugin_dock_widget("napari-dsc", "Correct")
        qtbot.waitUntil(lambda: dock.editor is not None)
        return dock, layer

    return opened


def stroke(qtbot, layer, points, label):
    """What a drag of napari's brush does."""
    before = layer.data.copy()
    with layer.block_history():
        for point in points:
            layer.paint(point, label)
    qtbot.waitUntil(lambda: not np.array_equal(layer.data, before))
    qtbot.wait(50)


def superpixel(layer, row, column):
    return layer.data[..., row * 10 : row * 10 + 10, column * 10 : column * 10 + 10]


def test_a_stroke_takes_whole_superpixels_and_undo_gives_them_back(viewer, editing, qtbot):
    _dock, layer = editing(viewer)
    layer.brush_size = 1
    stroke(qtbot, layer, [(5, 25), (15, 25)], 2)
    assert (superpixel(layer, 0, 2) == 2).all()
    assert (superpixel(layer, 1, 2) == 2).all()
    assert (layer.data != halves()).sum() == 200
    after = layer.data.copy()
    layer.undo()
    np.testing.assert_array_equal(layer.data, halves())
    layer.redo()
    np.testing.assert_array_equal(layer.data, after)


def test_without_the_dock_the_brush_paints_pixels(viewer, editing, qtbot):
    dock, layer = editing(viewer)
    viewer.window.remove_dock_widget(dock)
    layer.brush_size = 1
    layer.paint((5, 25), 2)
    qtbot.wait(50)
    assert (layer.data != halves()).sum() == 1


def test_a_rule_leaves_painting_to_napari(viewer, editing, qtbot):
    dock, layer = editing(viewer)
    dock.rule.setCurrentText(_editor.PIXELS)
    layer.brush_size = 1
    stroke(qtbot, layer, [(5, 25)], 2)
    assert (layer.data != halves()).sum() == 1


def test_a_polygon_takes_the_superpixels_that_lie_mostly_inside(viewer, editing, qtbot):
    _dock, layer = editing(viewer)
    layer.mode = "polygon"
    layer.paint_polygon([(0, 0), (0, 17), (12, 17), (12, 0)], 2)
    qtbot.waitUntil(lambda: (superpixel(layer, 0, 0) == 2).all())
    qtbot.wait(50)
    assert (layer.data[:10, :20] == 2).all()
    assert (layer.data != halves()).sum() == 200


def test_a_stroke_can_merge_segments_into_the_largest(viewer, editing, qtbot):
    labels = halves()
    labels[:10, :10] = 7
    dock, layer = editing(viewer, labels)
    dock.rule.setCurrentText(_editor.MERGE)
    layer.brush_size = 1
    stroke(qtbot, layer, [(5, 5), (5, 15)], 9)
    np.testing.assert_array_equal(layer.data, halves())


@pytest.mark.parametrize("rule", [_editor.MERGE, _editor.DETACH])
def test_strokes_that_point_work_whatever_label_is_selected(viewer, editing, qtbot, rule):
    dock, layer = editing(viewer)
    layer.selected_label = 1
    dock.rule.setCurrentText(rule)
    layer.brush_size = 1
    stroke(qtbot, layer, [(5, 5), (5, 35)], layer.selected_label)
    changed = (layer.data != halves()).sum()
    assert changed == (1200 if rule == _editor.MERGE else 200)
    dock.rule.setCurrentText(_editor.WHOLE)
    assert layer.selected_label == 1


def test_two_strokes_at_once_are_two_edits(viewer, editing, qtbot):
    _, layer = editing(viewer)
    layer.brush_size = 1
    for column in (5, 15):
        with layer.block_history():
            layer.paint((5, column), 2)
    qtbot.wait(100)
    assert (layer.data[:10, :20] == 2).all()
    assert (layer.data != halves()).sum() == 200
    layer.undo()
    assert (layer.data != halves()).sum() == 100
    layer.undo()
    np.testing.assert_array_equal(layer.data, halves())


def test_a_stroke_that_holds_no_superpixel_is_told(viewer, editing, qtbot):
    dock, layer = editing(viewer)
    layer.mode = "polygon"
    layer.paint_polygon([(0, 0), (0, 3), (3, 3), (3, 0)], 2)
    qtbot.waitUntil(lambda: "covers no superpixel" in dock.status.text())
    np.testing.assert_array_equal(layer.data, halves())


def test_what_other_code_writes_is_no_stroke(viewer, editing, qtbot):
    _, layer = editing(viewer)
    layer.data_setitem((np.array([5]), np.array([5])), 2)
    qtbot.wait(100)
    assert (layer.data != halves()).sum() == 1


def test_a_hidden_dock_leaves_the_brush_alone(viewer, editing, qtbot):
    dock, layer = editing(viewer)
    dock.parentWidget().hide()
    layer.brush_size = 1
    stroke(qtbot, layer, [(5, 25)], 2)
    assert (layer.data != halves()).sum() == 1


def test_small_types_have_room_even_in_a_hidden_layer(viewer, editing, qtbot):
    labels = np.where(halves() == 2, 250, 1).astype(np.uint8)
    dock, layer = editing(viewer, labels, visible=False)
    slide(qtbot, dock, 24)
    assert n_segments(layer) == 24
    assert layer.data.max() > 255


def test_a_stroke_can_make_a_new_segment(viewer, editing, qtbot):
    dock, layer = editing(viewer)
    dock.rule.setCurrentText(_editor.DETACH)
    layer.brush_size = 1
    stroke(qtbot, layer, [(5, 5)], 2)
    assert (superpixel(layer, 0, 0) == 3).all()
    assert (layer.data == 3).sum() == 100


def test_small_label_types_grow_when_numbers_do(viewer, editing, qtbot):
    labels = np.where(halves() == 2, 255, 1).astype(np.uint8)
    dock, layer = editing(viewer, labels)
    dock.rule.setCurrentText(_editor.DETACH)
    layer.brush_size = 1
    stroke(qtbot, layer, [(5, 5)], 2)
    assert (superpixel(layer, 0, 0) == 256).all()
    layer.undo()
    np.testing.assert_array_equal(layer.data, labels)


def test_shapes_are_one_stroke(viewer, editing):
    dock, layer = editing(viewer, scale=(2, 2), translate=(3, 3))
    box = np.array([(0, 0), (0, 19), (19, 19), (19, 0)]) * 2 + 3
    shapes = viewer.add_shapes([box], shape_type="rectangle", name="box")
    dock.shapes.choose(shapes)
    layer.selected_label = 5
    dock.apply.click()
    assert (layer.data[:20, :20] == 5).all()
    assert (layer.data == 5).sum() == 400
    layer.undo()
    np.testing.assert_array_equal(layer.data, halves())


@pytest.mark.parametrize("plane", [0, 4, 7])
def test_shapes_on_a_plane_without_labels_are_told(viewer, editing, plane):
    viewer.add_image(np.zeros((8, 40, 60)))
    dock, layer = editing(viewer, halves()[None], translate=(5, 0, 0))
    shapes = viewer.add_shapes([[(0, 0), (0, 19), (19, 19), (19, 0)]], name="box")
    dock.shapes.choose(shapes)
    viewer.dims.set_point(0, plane)
    dock.apply.click()
    assert "no pixel on the shown plane" in dock.status.text()
    np.testing.assert_array_equal(layer.data[0], halves())


def test_a_stroke_in_a_stack_takes_superpixels_of_its_plane(viewer, editing, qtbot):
    _dock, layer = editing(viewer, halves()[None])
    layer.brush_size = 1
    stroke(qtbot, layer, [(0, 5, 25)], 2)
    assert (superpixel(layer, 0, 2) == 2).all()


def test_scribbles_split_a_segment_by_color(viewer, editing, qtbot):
    dock, layer = editing(viewer)
    dock.new_scribbles.click()
    scribbles = viewer.layers["cells [DSC] [scribbles]"]
    assert dock.scribbles.currentData() == scribbles
    assert viewer.layers.selection.active == scribbles
    scribbles.data[5, 2:6] = 1  # first column
    scribbles.data[35, 22:26] = 2  # third column
    dock.split.click()
    qtbot.waitUntil(lambda: len(np.unique(layer.data)) == 3)
    # the second column is as near to one as to the other: it goes with either, as a whole
    assert {len(np.unique(layer.data[:, one : one + 10])) for one in (0, 20, 30)} == {1}
    assert layer.data[0, 0] != layer.data[0, 20]
    assert (layer.data[:, 30:] == 2).all()
    layer.undo()
    np.testing.assert_array_equal(layer.data, halves())


def test_scribbles_that_split_nothing_are_told(viewer, editing, qtbot):
    dock, layer = editing(viewer)
    dock.split.click()
    assert dock.status.text() == "Draw on a Labels layer and choose it under Scribbles."
    dock.new_scribbles.click()
    dock.split.click()
    qtbot.waitUntil(lambda: "No segment has" in dock.status.text())
    np.testing.assert_array_equal(layer.data, halves())


def slide(qtbot, dock, number):
    """Move the slider and wait until the labels are written."""
    dock.number.slider.setValue(number)
    qtbot.waitUntil(lambda: not dock.number.is_moving)


def n_segments(layer):
    return len(np.unique(layer.data[layer.data > 0]))


def test_the_number_of_segments_can_change_after_the_run(viewer, editing, qtbot):
    dock, layer = editing(viewer)
    assert dock.number.slider.value() == 2
    assert dock.number.slider.maximum() == 24
    slide(qtbot, dock, 6)
    assert n_segments(layer) == 6
    assert {1, 2} < set(np.unique(layer.data).tolist())
    slide(qtbot, dock, 1)
    assert n_segments(layer) == 1
    slide(qtbot, dock, 2)
    np.testing.assert_array_equal(layer.data, halves())
    layer.undo()
    assert n_segments(layer) == 1
    layer.undo()
    assert n_segments(layer) == 6


def test_labels_follow_a_held_slider_and_are_one_step_to_undo(viewer, editing, qtbot):
    dock, layer = editing(viewer)
    dock.number.slider.setSliderDown(True)
    for number in (3, 5, 9):
        dock.number.slider.setValue(number)
        qtbot.waitUntil(lambda number=number: n_segments(layer) == number)
    qtbot.wait(600)  # a pause ends nothing while the slider is held
    assert dock.number.is_moving
    dock.number.slider.setSliderDown(False)
    assert not dock.number.is_moving
    assert n_segments(layer) == 9
    layer.undo()
    np.testing.assert_array_equal(layer.data, halves())


def test_an_edit_right_after_the_slider_is_a_step_of_its_own(viewer, editing, qtbot):
    dock, layer = editing(viewer)
    layer.brush_size = 1
    dock.number.slider.setValue(1)
    qtbot.waitUntil(lambda: n_segments(layer) == 1)
    assert dock.number.is_moving
    stroke(qtbot, layer, [(5, 25)], 9)
    assert (layer.data == 9).sum() == 100
    layer.undo()
    assert n_segments(layer) == 1
    layer.undo()
    np.testing.assert_array_equal(layer.data, halves())


def test_unassigned_superpixels_stay_out_of_the_slider(viewer, editing, qtbot):
    labels = halves()
    labels[:20] = 0
    dock, layer = editing(viewer, labels)
    assert dock.number.slider.maximum() == 12
    slide(qtbot, dock, 12)
    assert n_segments(layer) == 12
    assert (layer.data[:20] == 0).all()


def test_so_many_pixels_that_undo_would_hold_up_the_window_are_told(
    viewer, editing, qtbot, monkeypatch
):
    from napari_dsc.widgets.controls import correcting as _granularity

    monkeypatch.setattr(_granularity, "MOST_UNDOABLE_PIXELS", 100)
    dock, layer = editing(viewer)
    layer.brush_size = 1
    stroke(qtbot, layer, [(5, 25)], 2)
    told = []
    dock.editor.message.connect(told.append)
    slide(qtbot, dock, 1)
    assert "Too many pixels to undo" in told[0]
    layer.undo()  # the stroke before would write old pixels
    assert n_segments(layer) == 1


def test_the_least_certain_superpixel_comes_into_view(viewer, editing):
    dock, layer = editing(viewer, scale=(2, 2), translate=(100, 200))
    assert dock.uncertain.item(0).text() == "superpixel 8: margin 0.020"
    dock.next.click()
    row, column = (8 - 1) // COLUMNS, (8 - 1) % COLUMNS
    expected = layer.data_to_world((row * 10 + 4.5, column * 10 + 4.5))
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], expected, atol=2)
    dock.next.click()
    assert dock.uncertain.currentRow() == 1


def test_table_and_record_follow_the_edits(viewer, editing, qtbot):
    dock, layer = editing(viewer)
    dock.rule.setCurrentText(_editor.DETACH)
    layer.brush_size = 1
    assert "corrected" not in layer.metadata["napari-dsc"]
    stroke(qtbot, layer, [(5, 55)], 1)
    qtbot.waitUntil(lambda: len(layer.features) == 3)
    assert layer.metadata["napari-dsc"]["corrected"]
    table = layer.features.set_index("index")
    assert list(table.index) == [1, 2, 3]
    assert table.loc[3, "class"] == 2
    assert table.loc[3, "confidence"] == pytest.approx(0.8)
    layer.undo()
    qtbot.waitUntil(lambda: len(layer.features) == 2)


def test_measurements_of_segments_that_stay_are_kept(viewer, editing, qtbot):
    labels = halves()
    labels[:10, :10] = 7
    _dock, layer = editing(viewer, labels)
    layer.features = {"index": [1, 2, 7], "area": [1100.0, 1200.0, 100.0]}
    layer.brush_size = 1
    stroke(qtbot, layer, [(5, 5)], 1)
    qtbot.waitUntil(lambda: "confidence" in layer.features)
    table = layer.features.set_index("index")
    assert list(table.index) == [1, 2]
    assert np.isnan(table.loc[1, "area"])
    assert table.loc[2, "area"] == 1200


def test_a_run_leaves_corrected_labels_alone(viewer, open_dock, run, pixels, qtbot):
    viewer.add_image(pixels, name="cells")
    segment = open_dock(viewer)
    run(segment)
    _, dock = viewer.window.add_plugin_dock_widget("napari-dsc", "Correct")
    qtbot.waitUntil(lambda: dock.editor is not None)
    layer = viewer.layers["cells [DSC]"]
    slide(qtbot, dock, 1)
    run(segment)
    assert n_segments(layer) == 1
    assert n_segments(viewer.layers["cells [DSC] [1]"]) > 1
    layer.undo()
    assert n_segments(layer) > 1


def test_superpixels_that_change_are_prepared_anew(viewer, qtbot):
    labels = viewer.add_labels(halves(), name="theirs")
    cells = viewer.add_labels(grid(), name="cells")
    _, dock = viewer.window.add_plugin_dock_widget("napari-dsc", "Correct")
    dock.labels.choose(labels)
    dock.superpixels.choose(cells)
    qtbot.waitUntil(lambda: dock.editor is not None)
    cells.data = np.repeat([1, 2, 3], 20)[None].repeat(40, 0)
    qtbot.waitUntil(lambda: dock.editor is not None and len(dock.editor.parts.sizes) == 3)


def test_a_session_of_another_name_is_not_replaced_unasked(
    viewer, editing, qtbot, tmp_path, monkeypatch
):
    dock, _ = editing(viewer)
    (tmp_path / "x.dscsession").write_bytes(b"precious")
    answer = (str(tmp_path / "x"), "")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: answer)
    dock.save.click()
    qtbot.wait(100)
    assert "exists" in dock.status.text()
    assert (tmp_path / "x.dscsession").read_bytes() == b"precious"


def test_a_session_is_saved_and_opened_again(viewer, editing, qtbot, tmp_path, monkeypatch):
    dock, layer = editing(viewer, scale=(2, 3), translate=(5, 7), rotate=20, units=("um", "um"))
    slide(qtbot, dock, 5)
    path = tmp_path / "cells.dscsession"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    dock.save.click()
    qtbot.waitUntil(path.exists)
    again = viewer.open(path, plugin="napari-dsc")[0]
    np.testing.assert_array_equal(again.data, layer.data)
    np.testing.assert_allclose(again.data_to_world((3, 4)), layer.data_to_world((3, 4)))
    assert again.units == layer.units
    assert again.metadata["napari-dsc"]["iterations"] == 3
    dock.labels.choose(again)
    qtbot.waitUntil(lambda: dock.editor is not None and dock.editor.layer == again)
    slide(qtbot, dock, 3)
    assert len(np.unique(again.data)) == 3
    assert len(np.unique(layer.data)) == 5


def test_labels_of_another_tool_need_superpixels(viewer, qtbot):
    labels = viewer.add_labels(halves(), name="theirs")
    cells = viewer.add_labels(grid(), name="cells")
    _, dock = viewer.window.add_plugin_dock_widget("napari-dsc", "Correct")
    dock.labels.choose(labels)
    assert "theirs has no run" in dock.status.text()
    assert not dock.number.slider.isEnabled()
    dock.superpixels.choose(cells)
    qtbot.waitUntil(lambda: dock.editor is not None)
    assert dock.uncertain.count() == 0
    labels.brush_size = 1
    stroke(qtbot, labels, [(5, 25)], 2)
    assert (superpixel(labels, 0, 2) == 2).all()


@pytest.mark.parametrize("shape", [(40, 50), (1, 40, 60)])
def test_superpixels_of_another_shape_are_refused(viewer, qtbot, shape):
    viewer.add_labels(halves(), name="theirs")
    cells = viewer.add_labels(np.ones(shape, int), name="cells")
    _, dock = viewer.window.add_plugin_dock_widget("napari-dsc", "Correct")
    dock.labels.choose(viewer.layers["theirs"])
    dock.superpixels.choose(cells)
    assert str(shape) in dock.status.text()
    assert dock.editor is None


def test_an_empty_viewer_says_what_to_do(viewer):
    _, dock = viewer.window.add_plugin_dock_widget("napari-dsc", "Correct")
    assert dock.status.text().startswith("Segment an image first")
    assert not dock.save.isEnabled()
    dock.new_scribbles.click()
    assert len(viewer.layers) == 0


def test_a_rerun_is_edited_with_its_own_superpixels(viewer, open_dock, run, pixels, qtbot):
    viewer.add_image(pixels, name="cells")
    segment = open_dock(viewer)
    run(segment)
    _, dock = viewer.window.add_plugin_dock_widget("napari-dsc", "Correct")
    qtbot.waitUntil(lambda: dock.editor is not None)
    layer = viewer.layers["cells [DSC]"]
    first = layer.metadata["napari-dsc superpixels"]
    segment.restore({"n_superpixels": 20})
    run(segment)
    second = layer.metadata["napari-dsc superpixels"]
    assert second is not first
    qtbot.waitUntil(lambda: dock.editor is not None and dock.editor.parts is second)
    qtbot.wait(300)
    assert "corrected" not in layer.metadata["napari-dsc"]
    slide(qtbot, dock, dock.number.slider.maximum())
    assert n_segments(layer) == len(second.sizes)


def test_a_result_of_the_console_can_be_corrected(viewer, pixels, qtbot):
    result = napari_dsc.segment(
        pixels,
        superpixel_params=SuperpixelParams(n_superpixels=12),
        cut_params=CutParams(n_iterations=2),
    )
    layer = viewer.add_layer(result.to_layer())
    _, dock = viewer.window.add_plugin_dock_widget("napari-dsc", "Correct")
    qtbot.waitUntil(lambda: dock.editor is not None)
    slide(qtbot, dock, 12)
    assert len(np.unique(layer.data)) == min(12, int(result.superpixels.max()))


def test_a_result_of_a_stack_can_be_corrected(viewer, pixels, qtbot):
    image = viewer.add_image(pixels[None, ..., 0], axis_labels=("z", "y", "x"))
    result = napari_dsc.segment(
        image.data[0],
        superpixel_params=SuperpixelParams(n_superpixels=12),
        cut_params=CutParams(n_iterations=2),
    )
    placed = dataclasses.replace(result, geometry=geometry_of(image))
    layer = viewer.add_layer(placed.to_layer())
    assert layer.data.shape == (1, 40, 56)
    _, dock = viewer.window.add_plugin_dock_widget("napari-dsc", "Correct")
    qtbot.waitUntil(lambda: dock.editor is not None)
    slide(qtbot, dock, 12)
    assert "corrected" not in result.record


def test_a_closed_dock_lets_go(viewer, editing):
    dock, layer = editing(viewer)
    callbacks = len(layer.events.paint.callbacks), len(layer.events.data.callbacks)
    editor = weakref.ref(dock.editor)
    viewer.window.remove_dock_widget(dock)
    after = len(layer.events.paint.callbacks), len(layer.events.data.callbacks)
    assert after == (callbacks[0] - 1, callbacks[1] - 1)
    assert dock.editor is None
    gc.collect()
    assert editor() is None
    viewer.layers.remove(layer)  # tells nobody who has gone


def test_removing_the_layer_ends_the_editing(viewer, editing):
    dock, layer = editing(viewer)
    viewer.layers.remove(layer)
    assert dock.editor is None
    assert "Segment an image first" in dock.status.text()
