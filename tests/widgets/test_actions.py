"""Layer actions, called as the menus and the command palette do."""

import inspect
import json
import shlex

import napari
import numpy as np
import pytest
import tifffile
from app_model.types import MenuItem
from napari._app_model import get_app_model
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QApplication

from napari_dsc.cli import main
from napari_dsc.correction.parts import parts_of
from napari_dsc.correction.sessions import Session, save_session
from napari_dsc.layers.geometry import geometry_of
from napari_dsc.widgets import actions


@pytest.fixture
def segmented(viewer, open_dock, run, pixels):
    """Viewer with an image and its labels, the labels active."""
    viewer.add_image(pixels, name="cells", scale=(2, 3), units=("um", "um"))
    dock = open_dock(viewer, result="classes")
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    viewer.layers.selection.active = labels
    return viewer, labels, dock


def test_segment_runs_on_the_active_image(viewer, open_dock, qtbot, pixels):
    viewer.add_image(pixels, name="other")
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer)
    viewer.layers.selection.active = viewer.layers["other"]
    actions.segment_image(viewer)
    assert dock.run_bar.is_running
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert "other [DSC]" in viewer.layers


def test_segment_opens_the_dock_by_its_command(make_napari_viewer, qtbot, pixels):
    viewer = make_napari_viewer()
    viewer.add_image(pixels, name="cells")
    get_app_model().commands.execute_command("napari-dsc.segment_image").result()
    [dock] = viewer.window.dock_widgets.values()
    assert dock.run_bar.is_running
    dock.run_bar.cancel()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    qtbot.waitUntil(lambda: not dock.compute.survey.is_running)


def test_classes_split_into_regions_with_their_class(segmented, qtbot):
    viewer, labels, _ = segmented
    actions.split_classes(viewer)
    qtbot.waitUntil(lambda: "cells [DSC] [regions]" in viewer.layers)
    regions = viewer.layers["cells [DSC] [regions]"]
    np.testing.assert_allclose(regions.scale, labels.scale)
    for index, of in zip(regions.features["index"], regions.features["class"], strict=True):
        assert (labels.data[regions.data == index] == of).all()


def test_segments_are_measured_in_physical_units(segmented, qtbot, pixels):
    viewer, labels, _ = segmented
    actions.measure_segments(viewer)
    qtbot.waitUntil(lambda: "area" in labels.features)
    table = labels.features.set_index("index")
    for label in np.unique(labels.data):
        inside = labels.data == label
        row = table.loc[label]
        assert row["area_px"] == inside.sum()
        assert row["area"] == 6 * inside.sum()
        assert row["mean_intensity_1"] == pytest.approx(pixels[inside][:, 1].mean())
        assert row["centroid_x"] == pytest.approx(3 * np.nonzero(inside)[1].mean())
        assert 0 < row["confidence"] <= 1
        assert row["class"] == label


def test_labels_without_a_run_can_be_measured_too(viewer, qtbot, pixels):
    viewer.add_image(pixels, name="cells")
    labels = viewer.add_labels(np.arange(40 * 56).reshape(40, 56) // 1120 + 1, name="mine")
    actions.measure_segments(viewer)
    qtbot.waitUntil(lambda: "area" in labels.features)
    assert labels.features["mean_intensity_0"][0] == pytest.approx(pixels[:20, :, 0].mean())


def test_the_copied_code_runs_in_the_console(segmented):
    viewer, labels, _ = segmented
    actions.copy_as_python(viewer)
    names = {"viewer": viewer}
    exec(QApplication.clipboard().text(), names)
    np.testing.assert_array_equal(names["result"].labels, labels.data)


def test_the_copied_code_names_part_and_axes(viewer, open_dock, run, qtbot):
    stack = np.random.default_rng(0).integers(0, 99, (3, 40, 56)).astype(np.uint8)
    viewer.add_image(stack, name="cells")
    dock = open_dock(viewer)
    dock.image_panel.axes.setCurrentText("C, Y, X: all channels")
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    viewer.layers.selection.active = labels
    actions.copy_as_python(viewer)
    names = {"viewer": viewer}
    exec(QApplication.clipboard().text(), names)
    np.testing.assert_array_equal(names["result"].labels, labels.data)


def test_a_scale_that_only_the_layer_has_is_in_the_command(
    viewer, open_dock, run, messages, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    stack = np.random.default_rng(0).integers(0, 99, (6, 32, 40)).astype(np.uint8)
    tifffile.imwrite("cells.tif", stack)  # says nothing of its pixel size
    viewer.add_image(stack, name="cells", scale=(4, 0.5, 0.5), units="cm")
    dock = open_dock(viewer)
    dock.image_panel.what.setCurrentText("whole stack")
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    viewer.layers.selection.active = labels
    actions.copy_as_command(viewer)
    words = shlex.split(QApplication.clipboard().text())
    assert words[words.index("--spacing") + 1] == "40000.0,5000.0,5000.0"
    words[words.index("IMAGE.tif")] = "cells.tif"
    assert main(words[1:]) == 0
    np.testing.assert_array_equal(tifffile.imread("cells_labels.tif"), labels.data)
    assert not [one for one in messages() if "does not contain" in one]
    actions.copy_as_recipe(viewer)
    assert "does not contain the pixel size." in messages()[-1]


def test_what_a_copied_run_cannot_hold_is_said(viewer, open_dock, run, pixels, messages):
    viewer.add_image(pixels, name="cells")
    given = viewer.add_labels(np.arange(40 * 56).reshape(40, 56) // 280, name="bands")
    dock = open_dock(viewer)
    dock.guides.superpixels.choose(given)
    run(dock)
    viewer.layers.selection.active = viewer.layers["cells [DSC]"]
    actions.copy_as_recipe(viewer)
    assert "does not contain the superpixels of another layer" in messages()[-1]


def test_scribbles_and_corrections_are_not_in_a_copied_run(
    viewer, open_dock, run, pixels, messages
):
    viewer.add_image(pixels, name="cells")
    scribbles = viewer.add_labels(np.eye(40, 56, dtype=np.uint8), name="scribbles")
    dock = open_dock(viewer)
    dock.guides.scribbles.choose(scribbles)
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    viewer.layers.selection.active = labels
    actions.copy_as_recipe(viewer)
    assert "does not contain the scribbles." in messages()[-1]
    labels.metadata["napari-dsc"] |= {"corrected": True}
    actions.copy_as_python(viewer)
    assert "the scribbles and the corrections" in messages()[-1]


def test_measured_centers_follow_a_rotation(viewer, qtbot):
    labels = viewer.add_labels(np.ones((3, 5), int), name="mine", rotate=90, scale=(2, 2))
    actions.measure_segments(viewer)
    qtbot.waitUntil(lambda: "area" in labels.features)
    row = labels.features.iloc[0]
    center = labels.data_to_world((1, 2))
    assert (row["centroid_y"], row["centroid_x"]) == pytest.approx(center)
    assert row["area"] == pytest.approx(4 * 15)


def test_the_copied_command_names_the_parameters(segmented):
    viewer, _, _ = segmented
    actions.copy_as_command(viewer)
    words = shlex.split(QApplication.clipboard().text())
    assert words[:3] == ["napari-dsc", "segment", "IMAGE.tif"]
    assert words[words.index("--n-superpixels") + 1] == "12"


def test_the_copied_recipe_gives_the_same_labels_in_the_shell(
    segmented, tmp_path, monkeypatch, pixels
):
    import imageio.v3 as iio
    import tifffile

    viewer, labels, _ = segmented
    actions.copy_as_recipe(viewer)
    monkeypatch.chdir(tmp_path)
    iio.imwrite("cells.png", pixels)
    (tmp_path / "run.dsc.json").write_text(QApplication.clipboard().text())
    command = "segment cells.png -o labels.tif --device cpu --recipe run.dsc.json"
    assert main(command.split()) == 0
    np.testing.assert_array_equal(tifffile.imread("labels.tif"), labels.data)


def test_a_copied_recipe_can_be_pasted_into_the_dock(segmented):
    viewer, _, dock = segmented
    actions.copy_as_recipe(viewer)
    before = dock.values()
    dock.reset()
    assert dock.values() != before
    actions.paste_recipe(viewer)
    for name in ("n_superpixels", "n_iterations", "n_partitions", "seed", "weights"):
        assert dock.values()[name] == before[name]


@pytest.mark.parametrize("text", ["", "hello", "[1]", '{"parameters": {"cut": {"seed": -1}}}'])
def test_what_is_no_recipe_cannot_be_pasted(viewer, messages, text):
    QApplication.clipboard().setText(text)
    actions.paste_recipe(viewer)
    [message] = messages()
    assert message.startswith(("recipe: ", "record: seed=-1"))
    assert len(viewer.window.dock_widgets) == 0


def test_the_saved_recipe_is_the_copied_one(segmented, tmp_path, monkeypatch, messages):
    viewer, _, _ = segmented
    path = tmp_path / "run.dsc.json"
    asked = []

    def answer(parent, title, suggested, kinds):
        asked.append(suggested)
        return str(path), kinds

    monkeypatch.setattr(actions.QFileDialog, "getSaveFileName", answer)
    actions.save_recipe(viewer)
    assert asked == ["cells.dsc.json"]
    actions.copy_as_recipe(viewer)
    assert path.read_text() == QApplication.clipboard().text()
    path.unlink()
    monkeypatch.setattr(actions.QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    actions.save_recipe(viewer)
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_that_cannot_be_saved_is_told(segmented, tmp_path, monkeypatch, messages):
    viewer, _, _ = segmented
    missing = str(tmp_path / "missing" / "run.dsc.json")
    monkeypatch.setattr(actions.QFileDialog, "getSaveFileName", lambda *_: (missing, ""))
    actions.save_recipe(viewer)
    assert len(messages()) == 1
    assert missing in messages()[0]


def test_repeat_shows_the_run_and_gives_equal_labels(segmented, run, pixels):
    viewer, labels, dock = segmented
    viewer.add_image(pixels, name="again")
    dock.reset()
    viewer.layers.selection.active = labels
    viewer.layers.selection.add(viewer.layers["again"])
    viewer.layers.selection.active = labels
    viewer.layers.selection.add(viewer.layers["again"])
    actions.repeat_run(viewer)
    dock.image_panel.image.choose(viewer.layers["again"])
    run(dock)
    np.testing.assert_array_equal(viewer.layers["again [DSC]"].data, labels.data)


def test_labels_of_others_hold_no_run(viewer, messages):
    viewer.add_labels(np.ones((4, 4), int), name="mine")
    for action in (actions.copy_as_python, actions.copy_as_recipe, actions.repeat_run):
        action(viewer)
    assert len(messages()) == 3
    assert all("has no record of a run" in message for message in messages())


def test_the_record_on_the_layer_is_plain_json(segmented):
    _, labels, _ = segmented
    record = labels.metadata["napari-dsc"]
    assert json.loads(json.dumps(record)) == record
    assert {"software", "device", "image", "weights", "parameters", "seconds", "layer"} <= set(
        record
    )


def test_labels_saved_by_napari_stay_the_same(segmented, tmp_path):
    import tifffile

    _, labels, _ = segmented
    [path] = labels.save(str(tmp_path / "labels.tif"))
    np.testing.assert_array_equal(tifffile.imread(path), labels.data)


PLACES = [
    ("segment", "segment_image", "image"),
    ("segment", "split_classes", "labels"),
    ("segment", "repeat_run", "labels"),
    ("measure", "measure_segments", "labels"),
    ("metadata", "copy_as_python", "labels"),
    ("metadata", "copy_as_command", "labels"),
    ("metadata", "copy_as_recipe", "labels"),
    ("metadata", "save_recipe", "labels"),
]


def test_an_action_stands_in_the_menu_of_its_kind_of_layer(make_napari_viewer):
    make_napari_viewer()
    for menu, command, kind in PLACES:
        [item] = [
            item
            for item in get_app_model().menus.get_menu(f"napari/layers/{menu}")
            if isinstance(item, MenuItem) and item.command.id == f"napari-dsc.{command}"
        ]
        for other in ("image", "labels", "shapes", None):
            context = {"active_layer_type": other}
            assert item.when.eval(context) == (other == kind), command
            assert item.command.enablement.eval(context) == (other == kind), command


def palette_hits(text):
    """Commands that napari's palette offers for a text, in its order."""
    from napari._qt.widgets.qt_command_palette import QCommandList

    app, commands = get_app_model(), QCommandList()
    rules = app.menus.get_menu(app.menus.COMMAND_PALETTE_ID)
    commands.extend_command([rule.command for rule in rules])
    return list(commands.iter_top_hits(text))


def test_the_first_hit_of_the_palette_opens_segment(viewer, qtbot):
    first, *_ = palette_hits("DSC")
    assert first.title == "Segment (Deep Superpixel Cut)"
    get_app_model().commands.execute_command(first.id).result()
    assert "Segment" in " ".join(viewer.window.dock_widgets)


def test_no_command_of_the_palette_needs_an_argument(viewer):
    for rule in palette_hits("DSC"):
        if not rule.id.startswith("napari-dsc.") or not _is_enabled(rule):
            continue
        run = get_app_model().commands[rule.id].resolved_callback
        given = {"viewer", "qt_viewer", "window"}  # by napari
        needed = [
            name
            for name, one in inspect.signature(run).parameters.items()
            if one.default is one.empty and name not in given
        ]
        assert not needed or rule.id in DOCKS, rule.id


DOCKS = [
    f"napari-dsc.{name}"
    for name in ("segment", "smooth", "superpixels", "correct", "evaluate", "batch")
]


def _is_enabled(rule):
    kinds = ("image", "labels")
    return rule.enablement is None or any(
        rule.enablement.eval({"active_layer_type": kind}) for kind in kinds
    )


def test_a_session_is_offered_to_no_other_reader():
    npe2 = pytest.importorskip("npe2")
    readers = npe2.PluginManager.instance().iter_compatible_readers(["a.dscsession"])
    assert [one.plugin_name for one in readers] == ["napari-dsc"]


def test_a_session_that_is_dropped_on_the_canvas_opens_without_a_question(
    make_napari_viewer, tmp_path
):
    path = tmp_path / "cells.dscsession"
    labels = np.arange(1, 13, dtype=np.uint8).reshape(3, 4).repeat(4, 0).repeat(4, 1)
    parts = parts_of(labels, labels[None].astype(float), np.zeros((12, 0)))
    place = geometry_of(napari.layers.Labels(labels, scale=(2, 3))).options()
    save_session(path, Session("cells", labels, parts, {}, place, {}))
    viewer = make_napari_viewer()
    canvas = viewer.window._qt_viewer
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    where = QPointF(20, 20)
    event = QDropEvent(where, Qt.DropAction.CopyAction, mime, buttons, keys)
    canvas.dropEvent(event)
    assert len(viewer.layers) == 1
    np.testing.assert_array_equal(viewer.layers[0].data, labels)
    assert QApplication.activeModalWidget() is None
