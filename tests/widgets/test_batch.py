"""The Batch dock: choose files, run, cancel, retry, open a result."""

import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_dsc import CutParams, SuperpixelParams
from napari_dsc.batch.execution import do_task, new_batch
from napari_dsc.batch.folder import LOG, open_folder, read_log
from napari_dsc.batch.tasks import plan_tasks
from napari_dsc.files import read_labels
from napari_dsc.jobs import batch as _batch_job
from napari_dsc.jobs.job import Canceled
from napari_dsc.records.recipes import recipe_content
from napari_dsc.segmenting import segmenter
from napari_dsc.segmenting.settings import Settings

FEW = Settings(
    superpixel_params=SuperpixelParams(n_superpixels=12), cut_params=CutParams(n_iterations=2)
)


@pytest.fixture
def photos(tmp_path, pixels):
    """Folder of three images, the second of which is cut short, and a recipe beside it."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in "abc":
        iio.imwrite(folder / f"{name}.png", pixels)
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:300])
    (tmp_path / "few.json").write_bytes(recipe_content(FEW.to_record()))
    return folder


@pytest.fixture
def dock(viewer, open_dock, qtbot, photos, tmp_path):
    """Batch dock with these images, this recipe and a new output folder."""
    dock = open_dock(viewer, "Batch")
    dock.take_folder(photos)
    qtbot.waitUntil(lambda: len(dock.files.rows) == 3)
    dock.recipe.setText(str(tmp_path / "few.json"))
    dock.folder.setText(str(tmp_path / "out"))
    return dock


def states(dock):
    model = dock.files
    return [model.data(model.index(row, 1)) for row in range(model.rowCount())]


def test_the_table_says_what_became_of_each_file(dock, run, tmp_path):
    assert states(dock) == ["waiting"] * 3
    run(dock)
    assert states(dock) == ["done", "failed", "done"]
    model = dock.files
    role = Qt.ItemDataRole.ToolTipRole
    assert "cut short" in model.data(model.index(1, 1), role)
    assert "n_superpixels: " in model.data(model.index(0, 1), role)
    assert dock.run_bar.status.text() == "2 done, 0 kept, 1 failed; log in batch.jsonl"
    assert [line["state"] for line in read_log(tmp_path / "out" / LOG) if "file" in line] == [
        "done",
        "failed",
        "done",
    ]


def test_the_outputs_are_those_of_the_command_and_are_kept(dock, run, photos, tmp_path):
    template = new_batch(FEW.replace(device="cpu"))
    task = plan_tasks([photos / "a.png"], tmp_path / "out", template, "refuse")[0]
    task.output.parent.mkdir()
    do_task(task)
    run(dock)
    assert states(dock) == ["kept", "failed", "done"]
    expected = read_labels(tmp_path / "out" / "a_segments.tif")
    dock.existing.setCurrentIndex(1)
    run(dock)
    assert states(dock) == ["done", "failed", "done"]
    np.testing.assert_array_equal(read_labels(tmp_path / "out" / "a_segments.tif"), expected)


def test_what_failed_is_tried_again_without_the_others(dock, run, qtbot, photos, pixels):
    assert not dock.retry.isEnabled()
    run(dock)
    iio.imwrite(photos / "b.png", pixels)
    dock.retry.click()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert states(dock) == ["done", "done", "done"]
    assert dock.run_bar.status.text().startswith("1 done, 0 kept, 0 failed")
    assert not dock.retry.isEnabled()


def test_canceling_ends_within_a_step_and_leaves_no_half_file(dock, qtbot, tmp_path):
    slow = FEW.replace(cut_params=CutParams(n_iterations=10_000, patience=0))
    (tmp_path / "few.json").write_bytes(recipe_content(slow.to_record()))
    dock.run_bar.run_button.click()
    qtbot.waitUntil(lambda: " of 10000" in dock.run_bar.status.text())
    assert states(dock)[0] == "running"
    assert not dock.clear.isEnabled()
    dock.run_bar.run_button.click()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert states(dock) == ["waiting"] * 3
    assert list((tmp_path / "out").glob("*.tif")) == []
    with open_folder(tmp_path / "out"):  # nobody has it any more
        pass


def test_series_are_files_among_others(dock, run, qtbot, photos, viewer, monkeypatch, pixels):
    monkeypatch.setattr(_batch_job, "REPORT_SECONDS", 0)
    film = np.stack([pixels[..., 0], pixels[::-1, :, 0]])
    size = {"resolution": (2, 2), "metadata": {"axes": "TYX", "unit": "um"}}
    tifffile.imwrite(photos / "aa.tif", film, imagej=True, **size)
    (photos / "b.png").write_bytes((photos / "a.png").read_bytes())
    dock.take_folder(photos)
    qtbot.waitUntil(lambda: len(dock.files.rows) == 4)
    run(dock)
    assert states(dock) == ["done"] * 4
    dock.table.selectRow(3)
    dock.open.click()
    qtbot.waitUntil(lambda: "aa [DSC]" in viewer.layers)
    image, labels = viewer.layers
    np.testing.assert_array_equal(image.data, film)
    assert labels.data.shape == film.shape
    for layer in (image, labels):
        np.testing.assert_allclose(layer.scale, (1, 0.5, 0.5))


def test_a_file_that_was_canceled_did_not_fail(photos, tmp_path, monkeypatch):
    def cancel(*_, **__):
        raise Canceled

    monkeypatch.setattr(segmenter, "iter_segmentation", cancel)
    task = plan_tasks([photos / "a.png"], tmp_path, new_batch(Settings()), "refuse")[0]
    with pytest.raises(Canceled):
        do_task(task)


def test_a_result_lies_on_its_image_with_its_pixel_size(dock, run, qtbot, photos, viewer):
    calibrated = photos / "b.png"
    gray = np.random.default_rng(0).integers(0, 255, (40, 56)).astype(np.uint8)
    tifffile.imwrite(
        calibrated.with_name("d.tif"),
        gray,
        imagej=True,
        resolution=(4, 4),
        metadata={"unit": "um"},
    )
    dock.files.add([calibrated.with_name("d.tif")])
    run(dock)
    for row, names in ((0, ["a", "a [DSC]"]), (3, ["d", "d [DSC]"])):
        dock.table.selectRow(row)
        dock.open.click()
        qtbot.waitUntil(lambda names=names: names[1] in viewer.layers)
        assert [layer.name for layer in viewer.layers][-2:] == names
        labels = viewer.layers[-1]
        assert isinstance(labels, Labels)
        assert "parameters" in labels.metadata["napari-dsc"]
        assert viewer.layers[-2].rgb == (row == 0)
        np.testing.assert_allclose(labels.scale, viewer.layers[-2].scale)
    np.testing.assert_allclose(labels.scale, (0.25, 0.25))
    dock.table.selectRow(1)
    assert not dock.open.isEnabled()
    assert "cut short" in dock.run_bar.status.text()


def test_what_is_missing_is_said(viewer, open_dock, tmp_path):
    dock = open_dock(viewer, "Batch")
    assert dock.run_bar.status.text() == "Add images."
    dock.files.add([tmp_path / "a.png", tmp_path / "a.png"])
    assert dock.files.rowCount() == 1
    assert dock.run_bar.status.text() == "Choose an output folder."
    assert not dock.run_bar.run_button.isEnabled()
    dock.folder.setText(str(tmp_path))
    assert dock.run_bar.run_button.isEnabled()
    dock.clear.click()
    assert dock.files.rowCount() == 0


def test_what_hinders_all_files_is_one_message(dock, run, tmp_path, messages):
    with open_folder(tmp_path / "out"):
        run(dock)
    assert len(messages()) == 1
    assert "another batch is running" in messages()[0]
    assert states(dock) == ["waiting"] * 3
    dock.recipe.setText(str(tmp_path / "none.json"))
    run(dock)
    assert "none.json" in messages()[1]


def test_what_a_batch_does_not_use_of_its_recipe_is_told(dock, run, tmp_path):
    (tmp_path / "few.json").write_bytes(recipe_content(FEW.replace(tile=64).to_record()))
    run(dock)
    assert "tile=64 is not used" in dock.run_bar.status.text()


def test_the_buttons_ask_for_files_and_folders(
    dock, qtbot, photos, tmp_path, pixels, monkeypatch
):
    iio.imwrite(tmp_path / "d.png", pixels)
    answers = {
        "getOpenFileNames": ([str(tmp_path / "d.png")], ""),
        "getOpenFileName": (str(tmp_path / "other.json"), ""),
        "getExistingDirectory": str(photos),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(QFileDialog, name, lambda *_, answer=answer: answer)
    dock.clear.click()
    dock.add_files.click()
    dock.add_folder.click()
    qtbot.waitUntil(lambda: len(dock.files.rows) == 4)
    assert dock.files.rows[0].source == Path(tmp_path, "d.png")
    dock.choose_recipe.click()
    dock.choose_folder.click()
    assert dock.recipe.text() == str(tmp_path / "other.json")
    assert dock.folder.text() == str(photos)


def test_closing_the_dock_ends_the_batch(dock, viewer, qtbot, tmp_path):
    dock.run_bar.run_button.click()
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert len(list((tmp_path / "out").glob("*.tif"))) < 2


def test_ten_thousand_files_take_no_time(viewer, open_dock, qtbot):
    dock = open_dock(viewer, "Batch")
    dock.show()
    files = [Path(f"{number}.png") for number in range(10_000)]
    steps = (
        lambda: dock.files.add(files),
        lambda: [dock.files.update_row(number, "done") for number in range(100)],
        dock.table.grab,
    )
    for step in steps:
        start = time.thread_time()
        step()
        assert time.thread_time() - start < 0.1


def test_the_window_never_waits_while_files_are_segmented(dock, run, heartbeat):
    run(dock)  # loads what the first run loads
    dock.existing.setCurrentIndex(1)
    assert heartbeat.least_stall(lambda: run(dock)) < 0.2
    assert max(heartbeat.steps) < 0.1
