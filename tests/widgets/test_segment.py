"""The Segment dock: open, run, cancel, stop and keep, fail, close."""

import gc
import inspect
import re
import weakref

import numpy as np
import pytest
import torch
from napari.layers import Labels
from qtpy.QtWidgets import QApplication

import napari_dsc
from napari_dsc import ComputationError, CutParams, SuperpixelParams
from napari_dsc.cut.objective import Objective
from napari_dsc.jobs import analysis as _analysis
from napari_dsc.jobs import job as _job
from napari_dsc.jobs import machine as _machine
from napari_dsc.jobs import result as _result
from napari_dsc.jobs import runs as _runs
from napari_dsc.jobs import statuses as _statuses
from napari_dsc.superae.applied import embedding_of
from napari_dsc.superae.weights import DEFAULT, find_weights, load_weights


class Pixels(np.ndarray):
    """Array that can be watched; napari keeps its class."""

    @classmethod
    def drawn(cls):
        return np.random.default_rng(0).integers(0, 255, (40, 56)).astype(np.uint8).view(cls)


def wait_for_steps(qtbot, dock, count=1):
    qtbot.waitUntil(lambda: dock.run_bar.bar.value() >= count)


def test_one_button_gives_labels_that_lie_on_the_image(viewer, open_dock, run, pixels):
    place = {
        "scale": (2, 3),
        "translate": (5, 7),
        "rotate": 30,
        "shear": [0.2],
        "units": ("um", "um"),
        "axis_labels": ("y", "x"),
    }
    image = viewer.add_image(pixels, name="cells", **place)
    dock = open_dock(viewer)
    assert len(viewer.layers) == 1
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    assert isinstance(labels, Labels)
    assert labels.data.shape == (40, 56)
    assert labels.data.min() >= 1
    for corner in ((0, 0), (39, 55), (0, 55)):
        np.testing.assert_allclose(labels.data_to_world(corner), image.data_to_world(corner))
    assert labels.units == image.units
    assert labels.axis_labels == ("y", "x")


def test_the_labels_are_those_of_the_console(viewer, open_dock, run, pixels):
    layer = viewer.add_image(pixels, name="cells", scale=(0.5, 0.5), units=("um", "um"))
    dock = open_dock(viewer, superpixels="ucm", n_threads=1)
    run(dock)
    made = viewer.layers["cells [DSC]"]
    result = napari_dsc.segment(
        layer,
        device="cpu",
        superpixel_params=SuperpixelParams(n_superpixels=12),
        cut_params=CutParams(n_iterations=3, n_partitions=6, seed=5, patience=0),
    )
    np.testing.assert_array_equal(made.data, result.labels)
    record = made.metadata["napari-dsc"]
    assert record["image"]["sha256"] == result.record["image"]["sha256"]
    assert record["image"]["spacing"] == [0.5, 0.5]
    assert record["image"]["unit"] == "µm"
    assert record["parameters"] == result.record["parameters"]


def test_the_result_of_the_console_becomes_a_layer_on_the_image(viewer, pixels):
    layer = viewer.add_image(pixels, name="cells", scale=(0.5, 0.5), translate=(3, 4))
    result = napari_dsc.segment(
        layer,
        superpixel_params=SuperpixelParams(n_superpixels=12),
        cut_params=CutParams(n_iterations=2),
    )
    made = viewer.add_layer(result.to_layer(name="mine"))
    np.testing.assert_allclose(made.scale, (0.5, 0.5))
    np.testing.assert_allclose(made.translate, (3, 4))
    assert made.metadata["napari-dsc"]["iterations"] == 2
    assert list(made.features["index"]) == sorted(np.unique(result.labels))


def test_repeated_runs_update_the_layer_with_equal_labels(viewer, open_dock, run, pixels):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer)
    run(dock)
    first = viewer.layers["cells [DSC]"].data.copy()
    run(dock)
    assert len(viewer.layers) == 2
    np.testing.assert_array_equal(viewer.layers["cells [DSC]"].data, first)


def test_a_layer_of_the_user_with_that_name_is_left_alone(viewer, open_dock, run, pixels):
    viewer.add_image(pixels, name="cells")
    painted = viewer.add_labels(np.ones((40, 56), int), name="cells [DSC]")
    dock = open_dock(viewer)
    run(dock)
    run(dock)
    assert len(viewer.layers) == 3
    assert (painted.data == 1).all()


def test_undo_does_not_bring_old_pixels_into_new_labels(viewer, open_dock, run, pixels):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer)
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    labels.fill((0, 0), 77)
    run(dock)
    fresh = labels.data.copy()
    labels.undo()
    np.testing.assert_array_equal(labels.data, fresh)


def test_the_selection_and_the_keys_of_the_viewer_stay(viewer, open_dock, run, pixels):
    layer = viewer.add_image(pixels, name="cells")
    keys = dict(viewer.keymap)
    dock = open_dock(viewer)
    run(dock)
    assert dict(viewer.keymap) == keys
    assert viewer.layers.selection.active == layer


def test_intermediates_are_shown_when_asked_for(viewer, open_dock, run, pixels):
    viewer.add_image(pixels, name="cells", scale=(2, 2))
    dock = open_dock(viewer)
    dock.show_smoothed.setChecked(True)
    dock.show_superpixels.setChecked(True)
    run(dock)
    smoothed, superpixels = (
        viewer.layers["cells [smoothed]"],
        viewer.layers["cells [superpixels]"],
    )
    assert smoothed.rgb
    assert smoothed.data.dtype == np.uint8
    assert 6 <= superpixels.data.max() <= 14
    np.testing.assert_allclose(smoothed.scale, (2, 2))
    np.testing.assert_allclose(superpixels.scale, (2, 2))


def test_superpixels_of_another_tool_are_merged_as_they_are(viewer, open_dock, run, pixels):
    viewer.add_image(pixels, name="cells")
    given = np.arange(40 * 56).reshape(40, 56) // 280 + 1  # bands of five rows
    layer = viewer.add_labels(given, name="bands")
    dock = open_dock(viewer)
    dock.guides.superpixels.choose(layer)
    run(dock)
    labels = viewer.layers["cells [DSC]"].data
    assert all(len(np.unique(labels[given == band])) == 1 for band in np.unique(given))
    record = viewer.layers["cells [DSC]"].metadata["napari-dsc"]
    assert record["n_superpixels"] == 8
    assert len(record["given_superpixels"]["sha256"]) == 64


def test_superpixels_of_another_shape_are_refused(viewer, open_dock, pixels, messages):
    viewer.add_image(pixels, name="cells")
    layer = viewer.add_labels(np.ones((9, 9), int), name="other")
    dock = open_dock(viewer)
    dock.guides.superpixels.choose(layer)
    dock.run()
    assert not dock.run_bar.is_running
    assert messages() == [
        "superpixels: other has shape (9, 9), cells has (40, 56); choose labels of the same "
        "shape",
    ]


def test_previews_come_while_it_runs_and_keep_the_label_of_a_class(
    viewer, open_dock, qtbot, pixels, monkeypatch
):
    monkeypatch.setattr(_statuses, "PREVIEW_SECONDS", 0)
    monkeypatch.setattr(_statuses, "REPORT_SECONDS", 0)
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, superpixels="ucm", n_iterations=10_000)
    dock.run()
    qtbot.waitUntil(lambda: "cells [DSC]" in viewer.layers)
    preview = viewer.layers["cells [DSC]"]
    regions = preview.data.copy()  # of the merge tree, before the cut begins
    wait_for_steps(qtbot, dock)
    qtbot.waitUntil(lambda: preview.data.max() <= 6)
    assert preview.data.min() >= 1
    assert len(np.unique(regions)) == 4
    before = dock.run_bar.bar.value()
    wait_for_steps(qtbot, dock, before + 3)
    assert len(dock.plot.curves["classes"]) > 3
    dock.run_bar.keep_button.click()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert viewer.layers["cells [DSC]"] == preview
    iterations = preview.metadata["napari-dsc"]["iterations"]
    assert before + 3 <= iterations < 10_000


def test_keep_keeps_the_last_labels_before_a_loss_that_is_not_finite(
    viewer, open_dock, qtbot, pixels, monkeypatch, messages
):
    whole = Objective.cut_step

    def lost(self, iteration, *words):
        step = whole(self, iteration, *words)
        if iteration == 3:  # as if Keep came while the step that fails was computed
            dock.run_bar.task.keep()
        return step if iteration < 3 else step._replace(cut_loss=torch.tensor(torch.nan))

    monkeypatch.setattr(Objective, "cut_step", lost)
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, n_iterations=10)
    dock.run()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert messages() == []
    assert viewer.layers["cells [DSC]"].metadata["napari-dsc"]["iterations"] == 2


def test_no_preview_when_switched_off(viewer, open_dock, qtbot, pixels):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, n_iterations=10_000)
    dock.preview.setChecked(False)
    dock.run()
    wait_for_steps(qtbot, dock, 2)
    assert len(viewer.layers) == 1
    dock.run_bar.cancel()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)


def test_cancel_takes_the_preview_back(viewer, open_dock, qtbot, pixels, messages):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, n_iterations=10_000)
    dock.run()
    qtbot.waitUntil(lambda: "cells [DSC]" in viewer.layers)
    assert dock.run_bar.run_button.text() == "Cancel"
    dock.run_bar.run_button.click()
    assert dock.run_bar.run_button.text() == "Canceling..."
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert [layer.name for layer in viewer.layers] == ["cells"]
    assert dock.run_bar.run_button.text() == "Run"
    assert dock.run_bar.run_button.isEnabled()
    assert messages() == []


def test_cancel_gives_the_labels_of_the_last_run_back(viewer, open_dock, run, qtbot, pixels):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer)
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    before, record = labels.data.copy(), labels.metadata["napari-dsc"]
    dock.restore({"n_iterations": 10_000, "seed": 8})
    dock.run()
    wait_for_steps(qtbot, dock, 2)
    dock.run_bar.cancel()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    np.testing.assert_array_equal(labels.data, before)
    assert labels.metadata["napari-dsc"] == record
    assert len(labels.features) == len(np.unique(before))


def test_scribbles_decide_classes(viewer, open_dock, run, pixels):
    viewer.add_image(pixels, name="cells")
    scribbles = np.zeros((40, 56), np.uint8)
    scribbles[2:4, 2:5] = 5
    scribbles[35:38, 50:54] = 2
    layer = viewer.add_labels(scribbles, name="scribbles")
    dock = open_dock(viewer)
    run(dock)
    free = viewer.layers["cells [DSC]"].data.copy()
    assert not (free[scribbles > 0] == scribbles[scribbles > 0]).all()
    dock.guides.scribbles.choose(layer)
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    np.testing.assert_array_equal(labels.data[scribbles > 0], scribbles[scribbles > 0])
    record = labels.metadata["napari-dsc"]
    assert len(record["given_scribbles"]["sha256"]) == 64


def test_a_scribble_without_a_class_is_told(viewer, open_dock, run, pixels, messages):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer)
    dock.guides.scribbles.choose(viewer.add_labels(np.full((40, 56), 7), name="scribbles"))
    run(dock)
    [message] = messages()
    assert (
        message
        == "scribbles: got label 7, expected 1 to 6, the number of classes (n_partitions)"
    )
    assert "cells [DSC]" not in viewer.layers


def test_the_confidence_can_be_shown(viewer, open_dock, run, pixels):
    viewer.add_image(pixels, name="cells", scale=(2, 2))
    dock = open_dock(viewer)
    dock.show_confidence.setChecked(True)
    run(dock)
    shown = viewer.layers["cells [confidence]"]
    assert shown.data.dtype == np.float32
    assert 0 <= shown.data.min() < shown.data.max() <= 1
    np.testing.assert_allclose(shown.scale, (2, 2))


def test_the_same_dock_cannot_start_twice(viewer, open_dock, qtbot, pixels, monkeypatch):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, n_iterations=10_000)
    dock.run()
    started = []
    monkeypatch.setattr(dock.run_bar, "start", lambda *_: started.append(1))
    dock.run()
    assert started == []
    dock.run_bar.cancel()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            ComputationError("device cuda:0: out of memory; crop"),
            "device cuda:0: out of memory",
        ),
        (
            RuntimeError("shapes differ"),
            "The run failed unexpectedly (RuntimeError: shapes differ)",
        ),
        (StopIteration(), "The run failed unexpectedly (RuntimeError"),
        (MemoryError(), "The run failed unexpectedly (MemoryError"),
    ],
    ids=["memory", "torch", "stop", "system"],
)
def test_an_error_comes_once_in_words_and_frees_the_dock(
    viewer, open_dock, run, pixels, messages, monkeypatch, error, words
):
    def fail(*_, **__):
        raise error

    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer)
    monkeypatch.setattr(_runs, "_followed", fail)
    run(dock)
    assert len(messages()) == 1
    assert messages()[0].startswith(words)
    assert dock.run_bar.run_button.isEnabled()
    assert len(viewer.layers) == 1


def test_the_memory_of_a_gpu_that_runs_out_is_told_in_words(
    viewer, open_dock, run, pixels, messages, monkeypatch
):
    import torch

    from napari_dsc.cut import coarse

    def fail(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer)
    monkeypatch.setattr(coarse, "iter_image_cut", fail)
    run(dock)
    assert messages() == ["device cpu: out of memory; crop or downscale the image"]


def test_the_report_of_an_error_can_be_copied(viewer, open_dock, run, pixels, monkeypatch):
    from napari.utils.notifications import notification_manager

    def fail(*_, **__):
        raise RuntimeError("shapes differ")

    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer)
    monkeypatch.setattr(_runs, "_followed", fail)
    run(dock)
    ((text, copy),) = notification_manager.records[-1].actions
    assert text == "Copy report"
    copy()
    report = QApplication.clipboard().text()
    assert "RuntimeError: shapes differ" in report
    assert '"n_superpixels": 12' in report
    assert "Traceback" in report


@pytest.mark.parametrize("end", ["success", "cancel", "error", "close"])
def test_the_image_is_freed_whatever_the_end(viewer, open_dock, run, qtbot, monkeypatch, end):
    def fail(*_, **__):
        raise RuntimeError("no")

    viewer.add_image(Pixels.drawn(), name="cells")
    held = weakref.ref(viewer.layers["cells"].data)
    dock = open_dock(viewer, n_iterations=3 if end == "success" else 10_000)
    if end == "error":
        monkeypatch.setattr(_runs, "_followed", fail)
    if end in ("success", "error"):
        run(dock)
    else:
        dock.run()
        wait_for_steps(qtbot, dock, 2)
        bar = dock.run_bar
        bar.cancel() if end == "cancel" else viewer.window.remove_dock_widget(dock)
        qtbot.waitUntil(lambda: not bar.is_running)
    assert held() is not None  # its layer has it
    viewer.layers.clear()
    qtbot.waitUntil(lambda: not gc.collect() and held() is None)


@pytest.mark.gpu
@pytest.mark.parametrize("end", ["success", "cancel", "error"])
def test_gpu_memory_is_given_back(viewer, open_dock, run, qtbot, pixels, monkeypatch, end):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, device="cuda", n_iterations=3 if end == "success" else 10_000)
    before = torch.cuda.memory_allocated()
    if end == "error":
        monkeypatch.setattr(_runs, "_followed", fail_like_torch)
    if end == "cancel":
        dock.run()
        wait_for_steps(qtbot, dock, 2)
        assert torch.cuda.memory_allocated() > before
        dock.run_bar.cancel()
        qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    else:
        run(dock)
    qtbot.waitUntil(lambda: not gc.collect() and torch.cuda.memory_allocated() == before)


def fail_like_torch(*_):
    raise RuntimeError("shapes differ")


def test_a_dock_closed_while_running_ends_the_run_and_adds_nothing(
    viewer, open_dock, qtbot, pixels, messages
):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, n_iterations=10_000)
    dock.preview.setChecked(False)
    dock.run()
    wait_for_steps(qtbot, dock, 1)
    bar = dock.run_bar
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: not bar.is_running)
    assert [layer.name for layer in viewer.layers] == ["cells"]
    assert messages() == []


@pytest.mark.parametrize("end", ["close", "error", "cancel"])
def test_a_rerun_that_ends_early_gives_the_earlier_result_back(
    viewer, open_dock, run, qtbot, pixels, monkeypatch, end
):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer)
    run(dock)
    labels = viewer.layers["cells [DSC]"]
    before, record = labels.data.copy(), dict(labels.metadata["napari-dsc"])
    shown = []
    preview = _statuses._preview

    def fail_later(step, mask):
        shown.append(1)
        if end == "error" and len(shown) > 3:
            raise RuntimeError("no")
        return preview(step, mask)

    monkeypatch.setattr(_statuses, "_preview", fail_later)
    monkeypatch.setattr(_statuses, "PREVIEW_SECONDS", 0)
    monkeypatch.setattr(_statuses, "PREVIEW_PIXELS", 300)
    dock.restore({"n_iterations": 10_000, "seed": 8})
    bar = dock.run_bar
    dock.run()
    qtbot.waitUntil(lambda: labels.data.shape != before.shape)
    labels.mode = "paint"
    labels.fill((0, 0), 5)
    if end == "cancel":
        bar.cancel()
    elif end == "close":
        viewer.window.remove_dock_widget(dock)
        np.testing.assert_array_equal(labels.data, before)  # at once
    qtbot.waitUntil(lambda: not bar.is_running)
    np.testing.assert_array_equal(labels.data, before)
    np.testing.assert_allclose(labels.scale, (1, 1))
    assert labels.metadata["napari-dsc"] == record
    assert len(labels.features) == len(np.unique(before))
    assert labels.mode == "paint"
    labels.undo()
    np.testing.assert_array_equal(labels.data, before)
    assert len(viewer.layers) == 2


def test_cancel_while_the_last_stage_runs_gives_nothing(
    viewer, open_dock, qtbot, pixels, monkeypatch
):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, "Smooth")
    smooth = _runs.STAGES["smooth"]

    def canceled_at_the_end(request, control):
        result = yield from smooth(request, control)
        control.cancel.set()
        return result

    monkeypatch.setitem(_runs.STAGES, "smooth", canceled_at_the_end)
    dock.run()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert [layer.name for layer in viewer.layers] == ["cells"]
    assert dock.run_bar.status.text() == "Canceled; nothing was changed."


def test_a_device_that_fails_even_to_be_tidied_frees_the_dock(
    viewer, open_dock, run, pixels, monkeypatch
):
    import torch

    def fail():
        raise RuntimeError("device-side assert triggered")

    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", fail)
    run(dock)
    assert "cells [DSC]" in viewer.layers


def test_what_happened_stays_readable(viewer, open_dock, qtbot, run, pixels):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, n_iterations=10_000)
    dock.run()
    qtbot.waitUntil(lambda: "cells [DSC]" in viewer.layers)
    dock.run_bar.cancel()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert dock.run_bar.status.text() == "Canceled; nothing was changed."
    dock.restore({"n_iterations": 2})
    run(dock)
    sentence = dock.run_bar.status.text()
    assert "segments in" in sentence
    viewer.add_image(pixels, name="another")
    assert dock.run_bar.status.text() == sentence


def test_memory_that_ran_out_once_is_told_with_the_result(
    viewer, open_dock, run, pixels, monkeypatch
):
    from napari_dsc.cut import coarse

    real, sizes = coarse.iter_cut, []

    def short_of_memory(image, *rest, **known):
        sizes.append(image.shape)
        if len(sizes) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        yield from real(image, *rest, **known)

    monkeypatch.setattr(coarse, "iter_cut", short_of_memory)
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer)
    run(dock)
    assert len(sizes) == 2
    assert "segments in" in dock.run_bar.status.text()
    assert "memory ran out: the cut starts again" in dock.run_bar.status.text()


def test_two_docks_on_one_image_draw_into_layers_of_their_own(viewer, open_dock, qtbot, pixels):
    from napari_dsc.widgets.docks.segment import Segment

    viewer.add_image(pixels, name="cells")
    first = open_dock(viewer, n_iterations=10_000)
    second = Segment(viewer)
    viewer.window.add_dock_widget(second, name="another")
    qtbot.waitUntil(lambda: not second.compute.survey.is_running)
    second.restore(
        {"n_superpixels": 12, "n_iterations": 10_000, "patience": 0, "device": "cpu"}
    )
    first.run()
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    second.run()
    qtbot.waitUntil(lambda: len(viewer.layers) == 3)
    qtbot.waitUntil(first.run_bar.keep_button.isEnabled)
    first.run_bar.keep_button.click()
    qtbot.waitUntil(lambda: not first.run_bar.is_running)
    kept = viewer.layers["cells [DSC]"].data.copy()
    second.run_bar.cancel()
    qtbot.waitUntil(lambda: not second.run_bar.is_running)
    np.testing.assert_array_equal(viewer.layers["cells [DSC]"].data, kept)
    assert len(viewer.layers) == 2


def test_networks_drawn_in_parallel_are_those_of_their_seeds():
    from concurrent.futures import ThreadPoolExecutor

    model = load_weights(find_weights(DEFAULT))

    def first_weight(seed):
        return float(embedding_of(model, 6, seed).parts[0].weight.detach().flatten()[0])

    alone = [first_weight(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(first_weight, [0, 1, 2, 3] * 4)) == alone * 4


def test_a_closed_dock_holds_no_layer(viewer, open_dock, pixels):
    viewer.add_image(pixels, name="cells")
    viewer.add_labels(np.ones((40, 56), int), name="bands")
    dock = open_dock(viewer)
    assert dock.guides.superpixels.count() == 2
    viewer.window.remove_dock_widget(dock)
    assert dock.guides.superpixels.count() == 0
    assert dock.image_panel.image.count() == 0


def test_reset_forgets_given_superpixels(viewer, open_dock, pixels):
    viewer.add_image(pixels, name="cells")
    layer = viewer.add_labels(np.ones((40, 56), int), name="bands")
    dock = open_dock(viewer)
    dock.guides.superpixels.choose(layer)
    dock.preview.setChecked(False)
    dock.reset()
    assert dock.guides.superpixels.currentData() is None
    assert dock.preview.isChecked()


def test_a_folder_that_cannot_be_written_does_not_hinder_a_run(
    viewer, open_dock, run, pixels, tmp_path, monkeypatch
):
    from napari_dsc.widgets import preferences as _preferences

    (tmp_path / "file").write_text("[]")
    monkeypatch.setattr(
        _preferences, "_last_values_path", lambda: tmp_path / "file" / "last.json"
    )
    viewer.add_image(pixels, name="cells")
    run(open_dock(viewer))
    assert "cells [DSC]" in viewer.layers


def test_a_closed_dock_no_longer_follows_the_layers(viewer, open_dock, pixels):
    viewer.add_image(pixels, name="cells")
    before = len(viewer.layers.events.inserted.callbacks)
    dock = open_dock(viewer)
    assert len(viewer.layers.events.inserted.callbacks) > before
    viewer.window.remove_dock_widget(dock)
    assert len(viewer.layers.events.inserted.callbacks) == before


def test_a_second_opening_shows_the_same_dock(viewer, open_dock, pixels):
    viewer.add_image(pixels, name="cells")
    assert open_dock(viewer) is open_dock(viewer)


def test_a_window_closed_while_running_ends_the_run(
    make_napari_viewer_proxy, open_dock, qtbot, pixels
):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, n_iterations=10_000)
    dock.run()
    wait_for_steps(qtbot, dock, 1)
    control = dock.run_bar.task._control
    viewer.close()
    assert control.cancel.is_set()


def test_two_viewers_run_independently(make_napari_viewer_proxy, open_dock, qtbot, pixels):
    first, second = make_napari_viewer_proxy(), make_napari_viewer_proxy()
    first.add_image(pixels, name="a")
    second.add_image(pixels[::-1], name="b")
    docks = [open_dock(one, n_iterations=20) for one in (first, second)]
    for dock in docks:
        dock.run()
    qtbot.waitUntil(lambda: not any(one.run_bar.is_running for one in docks))
    assert [layer.name for layer in first.layers] == ["a", "a [DSC]"]
    assert [layer.name for layer in second.layers] == ["b", "b [DSC]"]


def test_an_image_removed_while_running_still_gives_its_labels(
    viewer, open_dock, qtbot, pixels
):
    viewer.add_image(pixels, name="cells", scale=(3, 3))
    dock = open_dock(viewer, n_iterations=20)
    dock.run()
    wait_for_steps(qtbot, dock, 1)
    viewer.layers.remove("cells")
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    np.testing.assert_allclose(viewer.layers["cells [DSC]"].scale, (3, 3))


def test_an_image_renamed_while_running_stays_the_choice(viewer, open_dock, qtbot, pixels):
    viewer.add_image(pixels, name="other")
    layer = viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, n_iterations=20)
    dock.image_panel.image.choose(layer)
    dock.run()
    layer.name = "renamed"
    assert dock.image_panel.layer == layer
    assert dock.image_panel.image.currentText() == "renamed"
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert "cells [DSC]" in viewer.layers


def test_a_removed_preview_comes_back_as_the_result_only(viewer, open_dock, qtbot, pixels):
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, n_iterations=10_000)
    dock.run()
    qtbot.waitUntil(lambda: "cells [DSC]" in viewer.layers)
    viewer.layers.remove("cells [DSC]")
    wait_for_steps(qtbot, dock, dock.run_bar.bar.value() + 20)
    assert "cells [DSC]" not in viewer.layers
    dock.run_bar.keep_button.click()
    qtbot.waitUntil(lambda: not dock.run_bar.is_running)
    assert "cells [DSC]" in viewer.layers


def test_without_an_image_run_is_disabled_with_the_reason(viewer, open_dock):
    dock = open_dock(viewer)
    assert not dock.run_bar.run_button.isEnabled()
    assert "Open an image" in dock.run_bar.run_button.toolTip()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (np.full((40, 40), np.nan), "image: all values are NaN"),
        (np.repeat([0.0, np.nan], 800).reshape(40, 40), "image: constant"),
    ],
    ids=["nan", "constant beside nan"],
)
def test_an_image_that_cannot_be_used_is_told_once(
    viewer, open_dock, run, messages, bad, words
):
    viewer.add_image(bad, name="bad", contrast_limits=(0, 1))
    run(open_dock(viewer))
    assert len(messages()) == 1
    assert messages()[0].startswith(words)


def test_values_of_the_last_run_are_remembered(
    viewer, open_dock, run, pixels, tmp_path, monkeypatch
):
    from napari_dsc.widgets import preferences as _preferences

    monkeypatch.setattr(_preferences, "_last_values_path", lambda: tmp_path / "last.json")
    viewer.add_image(pixels, name="cells")
    dock = open_dock(viewer, superpixels="watershed")
    run(dock)
    viewer.window.remove_dock_widget(dock)
    _, again = viewer.window.add_plugin_dock_widget("napari-dsc", "Segment")
    assert again.parameters.get(SuperpixelParams) == SuperpixelParams(
        superpixels="watershed", n_superpixels=12
    )
    again.reset()
    assert again.parameters.get(SuperpixelParams) == SuperpixelParams()


def test_jobs_know_nothing_of_qt_and_napari():
    for module in (_analysis, _job, _machine, _result, _runs, _statuses):
        code = inspect.getsource(module)
        assert not re.search(r"^\s*(from|import) (qtpy|napari|magicgui)\b", code, re.MULTILINE)
