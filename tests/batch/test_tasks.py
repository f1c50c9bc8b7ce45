"""Files of a batch, one by one in this process."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import torch

import napari_dsc
from napari_dsc import (
    CutParams,
    InvalidImageError,
    InvalidParameterError,
    OutputError,
    Settings,
    SuperpixelParams,
)
from napari_dsc.batch import execution, own_workers
from napari_dsc.batch.execution import do_task, iter_task, new_batch
from napari_dsc.batch.folder import LOG, Log, iter_logged, open_folder, read_log
from napari_dsc.batch.inputs import find_images
from napari_dsc.batch.own_workers import visible_gpus
from napari_dsc.batch.tasks import Outcome, plan_tasks, unused_in
from napari_dsc.cli import main
from napari_dsc.files import read_labels
from napari_dsc.files.tiff import read_record
from napari_dsc.records.recipes import read_recipe

OPTIONS = {
    "device": "cpu",
    "superpixel_params": SuperpixelParams(superpixels="slic", n_superpixels=12),
    "cut_params": CutParams(n_iterations=1),
}


@pytest.fixture
def photos(tmp_path, quadrants):
    """Folder of two images."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a", "b"):
        iio.imwrite(folder / f"{name}.png", quadrants[0])
    return folder


@pytest.fixture
def plan(photos, tmp_path):
    """Tasks for these images, with other options perhaps."""

    def planned(existing="refuse", **options):
        (tmp_path / "out").mkdir(exist_ok=True)
        like = new_batch(Settings(**OPTIONS | options))
        return plan_tasks([photos], tmp_path / "out", like, existing)

    return planned


def names(paths):
    return [path.name for path in paths]


# what is read


def test_a_folder_stands_for_the_images_in_it(photos):
    (photos / "notes.txt").write_text("none")
    (photos / ".hidden.png").write_text("none")
    (photos / "deeper").mkdir()
    iio.imwrite(photos / "deeper" / "c.png", np.zeros((8, 8), np.uint8))
    assert names(find_images([photos])) == ["a.png", "b.png"]
    assert names(find_images([f"{photos}/**/*.png"])) == ["a.png", "b.png", "c.png"]
    assert names(find_images([f"{photos}/[b-z].*"])) == ["b.png"]


def test_a_file_is_taken_once_whatever_its_suffix(photos):
    odd = (photos / "a.png").rename(photos / "a.scan")
    assert find_images([odd, str(odd), f"{photos}/../photos/a.scan"]) == [odd]
    assert names(find_images([photos / "b.png", photos])) == ["b.png"]


def test_outputs_among_the_inputs_are_passed_over_unless_named(photos):
    output = photos / "a_segments.tif"
    iio.imwrite(output, np.zeros((8, 8), np.uint8))
    assert names(find_images([photos])) == ["a.png", "b.png"]
    assert names(find_images([photos, output])) == ["a.png", "a_segments.tif", "b.png"]


def test_nothing_to_read_is_an_error(tmp_path):
    for wrong, words in (("none.png", "no such file"), ("*.png", "no image"), ("", "no image")):
        with pytest.raises(InvalidImageError, match=words):
            find_images([tmp_path / wrong])


# what is written


def test_two_inputs_with_one_output_are_refused(photos, plan):
    iio.imwrite(photos / "a.jpg", np.zeros((8, 8), np.uint8))
    with pytest.raises(InvalidParameterError, match=r"a\.jpg and .*a\.png: .*a_segments\.tif"):
        plan()


def test_an_input_is_never_written(photos, tmp_path):
    inputs = [photos / "a.png", photos / "a_segments.tif"]
    iio.imwrite(inputs[1], np.zeros((8, 8), np.uint8))
    with pytest.raises(OutputError, match="is an input"):
        plan_tasks(inputs, photos, new_batch(Settings(**OPTIONS)), "overwrite")


def test_a_task_writes_the_labels_that_python_gives(photos, plan, quadrants):
    outcome = do_task(plan()[0])
    expected = napari_dsc.segment(quadrants[0], **OPTIONS)
    np.testing.assert_array_equal(read_labels(outcome.output), expected.labels)
    assert outcome.output.name == "a_segments.tif"
    assert outcome.state == "done"
    assert outcome.figures["n_classes"] == expected.record["n_classes"]
    record = read_record(outcome.output)
    assert record["parameters"] == expected.record["parameters"]
    assert record["source"]["name"] == "a.png"


def test_an_output_that_exists_is_not_touched_without_a_word(plan):
    tasks = plan()
    do_task(tasks[0])
    out = tasks[0].output.parent
    with pytest.raises(OutputError, match="already holds 1 of 2"), open_folder(out, plan()):
        pass
    assert not (out / LOG).exists()
    before = tasks[0].output.stat().st_mtime_ns
    late = do_task(tasks[0]._replace(batch="another"))  # it came after the plan was made
    assert late.state == "failed"
    assert "already exists" in late.error
    assert tasks[0].output.stat().st_mtime_ns == before


def states(tasks):
    return [do_task(task).state for task in tasks]


def test_resuming_keeps_what_was_made_alike(photos, plan):
    assert states(plan()) == ["done", "done"]
    assert states(plan("resume")) == ["kept", "kept"]
    assert states(plan("overwrite")) == ["done", "done"]


def test_resuming_makes_anew_what_was_made_otherwise(photos, plan, quadrants):
    assert states(plan()) == ["done", "done"]
    iio.imwrite(photos / "b.png", quadrants[0][::-1])
    assert states(plan("resume")) == ["kept", "done"]
    other = plan("resume", cut_params=CutParams(n_iterations=2))
    assert states(other) == ["done", "done"]
    assert states(other) == ["kept", "kept"]
    assert states(plan("resume", axes="YXC")[:1]) == ["done"]
    assert states(plan("resume", weights="superae-tree")[:1]) == ["done"]
    assert states(plan("resume")[:1]) == ["done"]


def test_a_worker_with_other_weights_of_the_name_makes_nothing(plan):
    task = plan("resume")[0]
    other = task._replace(settings=task.settings.replace(weights_sha256="0" * 64))
    assert "made with other weights of this name" in do_task(other).error
    assert states([task, other]) == ["done", "kept"]  # what the batch made stays


def test_a_batch_never_makes_an_output_twice(plan):
    tasks = plan("overwrite")
    assert states(tasks) == ["done", "done"]
    assert states(tasks) == ["kept", "kept"]  # as after the loss of a worker


def test_resuming_leaves_what_somebody_else_made(plan):
    task = plan("resume")[0]
    iio.imwrite(task.output, np.ones((32, 48), np.uint8))
    content = task.output.read_bytes()
    outcome = do_task(task)
    assert "holds no record of napari-dsc" in outcome.error
    assert task.output.read_bytes() == content
    outcome = do_task(task._replace(existing="overwrite"))
    assert "did not write" in outcome.error
    assert task.output.read_bytes() == content


def test_a_damaged_file_fails_in_words(photos, plan):
    with (photos / "a.png").open("r+b") as file:
        file.truncate(100)
    (photos / "b.png").unlink()
    tasks = [*plan(), plan()[0]._replace(source=photos / "none.png")]
    outcomes = [do_task(task) for task in tasks]
    assert [outcome.state for outcome in outcomes] == ["failed", "failed"]
    assert "cut short" in outcomes[0].error
    assert "no such file" in outcomes[1].error
    assert not outcomes[0].output.exists()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("two\nlines"), "ValueError: two lines"),
        (RuntimeError("CUDA out of memory"), "out of memory; crop"),
        (MemoryError(), "out of memory; crop"),
        (OSError("gone"), "OSError: gone"),
    ],
)
def test_whatever_goes_wrong_with_a_file_is_told(plan, monkeypatch, error, words):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(execution, "open_pieces", fail)
    assert words in do_task(plan()[0]).error


def test_whoever_stops_in_the_middle_leaves_no_file(plan):
    task = plan()[0]
    steps = iter_task(task)
    next(steps)
    steps.close()
    assert list(task.output.parent.iterdir()) == []


def test_weights_of_ones_own_are_found_from_everywhere(tmp_path, monkeypatch):
    from napari_dsc.superae.registry import where

    content = where("superae-bsds500").read_bytes()
    (tmp_path / "mine.safetensors").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    own = new_batch(Settings(weights="mine.safetensors")).settings
    assert own.weights == str(tmp_path / "mine.safetensors")
    packaged = new_batch(Settings(weights="superae-bsds500")).settings
    assert len(own.weights_sha256) == 64
    assert packaged.weights_sha256 == own.weights_sha256


# log and lock


def test_the_log_has_a_line_for_each_file_and_for_start_and_end(tmp_path):
    outcomes = [
        Outcome(Path("a.png"), Path("a_segments.tif"), "done", "", {"n_classes": 2}),
        Outcome(Path("b.png"), Path("b_segments.tif"), "failed", "an odd file"),
    ]
    with open_folder(tmp_path) as log:
        list(iter_logged((one for one in outcomes), log))
    lines = read_log(tmp_path / LOG)
    for line in lines:
        assert line.pop("time").endswith("+00:00")
    assert lines[0].pop("pid") == os.getpid()
    assert [lines[0]["event"], *lines[1:]] == [
        "start",
        {"file": "a.png", "state": "done", "output": "a_segments.tif", "n_classes": 2},
        {"file": "b.png", "state": "failed", "error": "an odd file"},
        {"event": "end", "done": 1, "failed": 1},
    ]


def test_a_line_cut_by_a_power_failure_spoils_no_other(tmp_path):
    path = tmp_path / LOG
    path.write_text('{"file": "a"}\n{"fil')
    Log(path).append({"file": "b"})
    assert path.read_text() == '{"file": "a"}\n{"fil\n{"file": "b"}\n'
    assert read_log(path) == [{"file": "a"}, {"file": "b"}]


def test_two_batches_do_not_share_a_folder(tmp_path):
    with (
        open_folder(tmp_path),
        pytest.raises(OutputError, match=rf"another batch .*process {os.getpid()} on"),
        open_folder(tmp_path),
    ):
        pass
    with open_folder(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match="cannot be used as a folder"),
        open_folder(tmp_path / "file" / "out"),
    ):
        pass


KILLED = """
import json, sys
from pathlib import Path
from napari_dsc.batch.folder import open_folder
from napari_dsc.batch.folder import iter_logged
from napari_dsc.batch.tasks import plan_tasks
from napari_dsc.batch.execution import do_task, new_batch
from napari_dsc import CutParams, Settings, SuperpixelParams
photos, out = map(Path, sys.argv[1:])
few = SuperpixelParams(superpixels="slic", n_superpixels=12)
like = new_batch(Settings(device="cpu", superpixel_params=few,
                          cut_params=CutParams(n_iterations=1)))
tasks = plan_tasks([photos], out, like, "refuse")
with open_folder(out, tasks) as log:
    for outcome in iter_logged((do_task(task) for task in tasks), log):
        print(outcome.state, flush=True)
        sys.stdin.read()
"""


@pytest.mark.slow
def test_a_killed_batch_blocks_nobody_and_goes_on_where_it_was(photos, plan, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-c", KILLED, str(photos), str(out)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "done\n"
        busy = pytest.raises(OutputError, match=f"process {process.pid} on")
        with busy, open_folder(out, plan()):  # outputs that exist are no news
            pass
        process.kill()
    with open_folder(out):
        assert states(plan("resume")) == ["kept", "done"]


# GPUs


def test_each_gpu_has_one_worker(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus(torch.device("cpu")) == ()
    assert visible_gpus(torch.device("cuda", 1)) == ()
    assert visible_gpus(torch.device("cuda", 0)) == ("0", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert visible_gpus(torch.device("cuda", 0)) == ("3", "5")


def test_a_worker_is_prepared_for_its_gpu(monkeypatch):
    class Worker:
        name = 3

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.setattr(own_workers, "keep_freed_memory", lambda: None)
    before = torch.get_num_threads(), signal.getsignal(signal.SIGINT)
    try:
        own_workers.Preparation(2, ("3", "5")).setup(Worker())
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "5"
        assert torch.get_num_threads() == 2
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        torch.set_num_threads(before[0])
        signal.signal(signal.SIGINT, before[1])


# the command


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--resume", "--overwrite"), "expected one of them"),
        (("--scheduler", "tcp://127.0.0.1:1", "--workers", "2"), "expected one of them"),
        (("--workers", "-1"), "workers=-1"),
        (("--device", "cuda:99"), "cuda:99"),
        (("--weights", "none"), "weights='none'"),
        (("--save-recipe", "recipe.txt"), "recipe.txt"),
    ],
)
def test_wrong_flags_are_refused_before_any_work(photos, tmp_path, capsys, flags, words):
    out = tmp_path / "out"
    assert main(["batch", str(photos), "-o", str(out), *flags]) == 2
    assert words in capsys.readouterr().err
    assert not list(out.glob("*.tif"))


def test_without_the_library_the_command_says_what_to_install(
    photos, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["batch", str(photos), "-o", str(tmp_path / "out")]) == 2
    assert 'pip install "napari-dsc[batch]"' in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_does_all_but_a_file_cut_short(
    photos, tmp_path, quadrants, monkeypatch, capsys
):
    for number in range(3):
        iio.imwrite(photos / f"{number}.png", quadrants[0])
    with (photos / "1.png").open("r+b") as file:
        file.truncate(100)
    monkeypatch.chdir(tmp_path)
    flags = (
        "--workers",
        "2",
        "--json",
        "--superpixels",
        "slic",
        "--n-superpixels",
        "12",
        "--n-iterations",
        "1",
    )
    assert main(["batch", "photos", "-o", "out", "--save-recipe", "r.json", *flags]) == 1
    said = capsys.readouterr()
    assert "2 workers, dashboard http://127.0.0.1:" in said.err
    assert "1.png: cannot be read" in said.err
    assert "4 done, 0 kept, 1 failed of 5 files" in said.err
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert lines == [line for line in read_log(Path("out", LOG)) if "file" in line]
    found = {Path(line["file"]).name: line["state"] for line in lines}
    done = dict.fromkeys(("a.png", "b.png", "0.png", "2.png"), "done")
    assert found == done | {"1.png": "failed"}
    assert len(list(Path("out").glob("*_segments.tif"))) == 4
    saved = Settings.from_record(read_recipe(Path("r.json")))
    assert saved.superpixel_params.n_superpixels == 12
    assert saved.cut_params.n_iterations == 1


def test_the_names_of_an_earlier_how_to_work_and_say_the_new_ones(photos, tmp_path):
    with pytest.warns(DeprecationWarning, match=r"batch\.execution\.do_task"):
        from napari_dsc.batch.working import do_task as former_do
    from napari_dsc.batch.working import new_batch as former_new

    with pytest.warns(DeprecationWarning, match=r"execution\.new_batch\(Settings"):
        few = former_new(OPTIONS)
    with pytest.warns(DeprecationWarning, match=r"batch\.folder\.iter_logged"):
        from napari_dsc.batch.running import iter_logged as former_logged
    with open_folder(tmp_path / "few") as log:
        tasks = plan_tasks([photos / "a.png"], tmp_path / "few", few, "resume")
        [outcome] = former_logged((former_do(task) for task in tasks), log)
    assert outcome.state == "done"


def test_what_a_recipe_of_tiles_asks_for_is_not_dropped_without_a_word():
    assert unused_in(Settings().to_record()) == []
    [note] = unused_in(Settings(tile=64).to_record())
    assert note.startswith("recipe: tile=64 is not used, because a batch segments each image")
