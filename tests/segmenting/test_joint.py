"""Many images in common classes: one network learns from all of them."""

import contextlib
import json
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import napari_dsc
from napari_dsc import (
    ComputationError,
    CutParams,
    ImageParams,
    InvalidImageError,
    InvalidParameterError,
    Settings,
    SuperpixelParams,
)
from napari_dsc.batch import cluster
from napari_dsc.batch.execution import NETWORK, do_task, learn_together, new_batch
from napari_dsc.batch.tasks import plan_tasks
from napari_dsc.cli import main
from napari_dsc.cli.work import run_batch as following
from napari_dsc.errors import OutputError
from napari_dsc.files import read_labels
from napari_dsc.files.tiff import read_record
from napari_dsc.records.record import hashes_of
from napari_dsc.segmenting import joint as joint_module
from napari_dsc.segmenting.joint import Files
from napari_dsc.segmenting.segmenter import exhausted
from napari_dsc.superae.applied import read_card

OPTIONS = {
    "device": "cpu",
    "image_params": ImageParams(normalization="range"),
    "superpixel_params": SuperpixelParams(superpixels="slic", n_superpixels=16),
    "cut_params": CutParams(n_iterations=12, n_partitions=4),
}
FLAGS = "--joint --normalization range --superpixels slic --n-superpixels 16"
FLAGS += " --n-iterations 12 --n-partitions 4"


def picture(height, width, left, seed=0):
    """A bright square on dark ground, and where it is."""
    where = np.zeros((height, width), bool)
    where[8:24, left : left + 16] = True
    noise = np.random.default_rng(seed).normal(0, 4, where.shape)
    return (50 + 150 * where + noise).astype(np.uint8), where


PICTURES = [picture(32, 48, 8), picture(40, 32, 12, 1), picture(32, 32, 4, 2)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Folder ``in`` of these images in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for name, (image, _) in zip("abc", PICTURES, strict=True):
        np.save(f"in/{name}.npy", image)
    return tmp_path


def common_class(labels):
    """The class of the squares, if it is the same in all images and that of no ground."""
    pairs = [(one, where) for one, (_, where) in zip(labels, PICTURES, strict=True)]
    own = {int(np.bincount(one[where]).argmax()) for one, where in pairs}
    ground = {int(np.bincount(one[~where]).argmax()) for one, where in pairs}
    assert len(own) == 1
    assert not own & ground
    return own.pop()


@pytest.fixture(scope="module")
def together():
    return list(napari_dsc.iter_joint([image for image, _ in PICTURES], **OPTIONS))


def test_a_class_means_the_same_in_images_of_any_size(together):
    common_class([one.labels for one in together])
    assert [one.labels.shape for one in together] == [image.shape for image, _ in PICTURES]
    assert [one.smoothed.shape for one in together] == [image.shape for image, _ in PICTURES]


def test_every_record_names_all_images(together):
    joint = together[0].record["joint"]
    own = [one.record["image"]["sha256"] for one in together]
    assert joint["n_images"] == 3
    assert joint["images"] == sorted(own)
    assert all(one.record["joint"] == joint for one in together)
    assert together[0].record["iterations"] == 12
    json.dumps(together[0].record)


def test_the_order_of_images_changes_nothing(together):
    swapped = napari_dsc.iter_joint([image for image, _ in PICTURES[::-1]], **OPTIONS)
    for one, other in zip(together[::-1], swapped, strict=True):
        np.testing.assert_array_equal(one.labels, other.labels)


def test_images_are_not_in_memory_all_at_once(monkeypatch, folder):
    alive, most = weakref.WeakSet(), []
    original = joint_module.open_pieces

    def counting(*arguments):
        pieces = original(*arguments)
        alive.add(pieces.piece(0))
        most.append(len(alive))
        return pieces

    monkeypatch.setattr(joint_module, "open_pieces", counting)
    monkeypatch.setattr(joint_module, "KEPT_BYTES", 0)
    paths = sorted(Path("in").iterdir()) * 4
    few = {**OPTIONS, "cut_params": CutParams(n_iterations=1)}
    for one in napari_dsc.iter_joint(paths, **few):
        assert one.record["joint"]["n_images"] == 12
    assert len(most) >= 24
    assert max(most) <= 2


def test_frames_of_a_series_are_images_among_others():
    film = np.stack([PICTURES[2][0]] * 3)
    files = Files([film, film], Settings(axes="TYX", **OPTIONS))
    told = list(files.iter_survey())
    assert [(one.stage, one.done, one.total) for one in told] == [
        ("reading", 1, 2),
        ("reading", 2, 2),
    ]
    assert [member.n_frames for member in files.members] == [3, 3]
    found = list(napari_dsc.iter_joint([film, film[:2]], axes="TYX", **OPTIONS))
    assert [one.labels.shape for one in found] == [film.shape, film[:2].shape]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"cut_params": CutParams(series="apart")}, "series='apart': images of a joint run"),
        ({"cut_params": CutParams(affinity="tree")}, "affinity='tree': not available"),
        ({"method": "tree"}, "method='tree': not available for .*joint.* use dsc"),
    ],
)
def test_what_is_segmented_one_by_one_is_refused(option, words):
    with pytest.raises(InvalidParameterError, match=words):
        next(napari_dsc.iter_joint([PICTURES[0][0]], **OPTIONS | option))


def test_an_image_that_cannot_be_used_stops_python():
    with pytest.raises(InvalidImageError, match="constant"):
        next(napari_dsc.iter_joint([PICTURES[0][0], np.zeros((32, 32))], **OPTIONS))


def test_many_hashes_become_one():
    assert hashes_of(["a", "b"]) == ["a", "b"]
    many = [str(number) for number in range(101)]
    assert len(hashes_of(many)) == 64
    assert hashes_of(many) != hashes_of(many[::-1])


# intensities

STRETCHED = {**OPTIONS, "image_params": ImageParams()}


def test_an_image_without_objects_stays_dark():
    image, where = PICTURES[0]
    empty = np.random.default_rng(3).normal(50, 4, (32, 40)).astype(np.uint8)
    found, nothing = napari_dsc.iter_joint([image, empty], **STRETCHED)
    ground = np.bincount(found.labels[~where]).argmax()
    assert np.unique(nothing.labels).tolist() == [ground]
    stretches = [one.record["image"]["normalization"] for one in (found, nothing)]
    assert stretches[0] == stretches[1] == found.record["joint"]["normalization"]
    assert stretches[0]["mode"] == "percentile"
    assert 30 < stretches[0]["low"] < 50
    assert 190 < stretches[0]["high"] < 215


def test_images_with_few_bright_pixels_are_stretched_to_them():
    images = []
    for seed in (0, 1):
        image = np.zeros((64, 64), np.uint8)
        image[8:10, 20 + seed] = 200 + seed
        images.append(image)
    found = list(napari_dsc.iter_joint(images, **STRETCHED))
    for one in found:
        stretch = one.record["image"]["normalization"]
        assert stretch == {"mode": "extremes", "low": 0, "high": 201}


def test_images_of_several_types_are_stretched_each_by_itself():
    image = PICTURES[0][0]
    files = Files([image, image.astype(np.uint16) * 100], Settings(**STRETCHED))
    exhausted(files.iter_survey())
    assert "the images differ in type" in files.notes[0]
    assert files.record()["normalization"] == {}
    highs = [files.piece(place).piece(0).normalization.high for place in (0, 1)]
    assert highs[1] == 100 * highs[0]


# on the command line


def test_the_command_gives_what_python_gives(folder, together, capsys):
    assert main(["segment", "in", "-o", "out", *FLAGS.split()]) == 0
    for name, one in zip("abc", together, strict=True):
        path = Path(f"out/{name}_segments.tif")
        np.testing.assert_array_equal(read_labels(path), one.labels)
        record = read_record(path)
        assert record["joint"] == one.record["joint"]
        assert record["label_loss"] == one.record["label_loss"]
    assert "3/3 c.npy: axes YX" in capsys.readouterr().err


def test_another_number_of_channels_is_named_before_anything_is_written(folder, capsys):
    np.save("in/d.npy", np.stack([PICTURES[0][0]] * 3, -1))
    assert main(["segment", "in", "-o", "out", *FLAGS.split()]) == 2
    said = capsys.readouterr().err
    assert "d.npy: 3 channels, expected 1 as in" in said
    assert said.count("error") == 1
    assert not Path("out").exists()


def test_files_that_fail_do_not_stop_the_others(folder, capsys):
    whole = Path("in/a.npy").read_bytes()
    Path("in/cut.npy").write_bytes(whole[:300])
    np.save("in/one.npy", np.ones((1, 1), np.uint8))
    np.save("in/even.npy", np.full((32, 32), 7, np.uint8))
    np.save("in/tiny.npy", PICTURES[0][0][8:16, 8:20])
    flags = [*FLAGS.replace("superpixels 16", "superpixels 97").split(), "--json"]
    assert main(["segment", "in", "-o", "out", *flags]) == 1
    said = capsys.readouterr()
    lines = {Path(one["file"]).stem: one for one in map(json.loads, said.out.splitlines())}
    failed = {name for name, line in lines.items() if "error" in line}
    assert failed == {"cut", "one", "even", "tiny"}
    assert "4 of 7 images failed, the others are done" in said.err
    assert len(list(Path("out").iterdir())) == 3


def test_nothing_to_learn_from_is_wrong_input(folder, capsys):
    np.save("in/a.npy", np.zeros((32, 32)))
    np.save("in/b.npy", np.zeros((32, 32)))
    assert main(["segment", "in/a.npy", "in/b.npy", "-o", "out", *FLAGS.split()]) == 2
    assert "joint: none of 2 images can be used" in capsys.readouterr().err
    Path("empty").mkdir()
    assert main(["segment", "empty", "-o", "out", *FLAGS.split()]) == 2
    assert "empty: no image found" in capsys.readouterr().err
    assert not Path("out").exists()
    Path("empty/.zgroup").touch()
    assert main(["segment", "empty", "-o", "out", *FLAGS.split()]) == 2
    assert "empty: cannot be read as zarr" in capsys.readouterr().err


def test_one_input_is_cut_as_always_and_says_so(folder, capsys):
    alone = FLAGS.replace("--joint ", "").split()
    assert main(["segment", "in/a.npy", "-o", "one.tif", *FLAGS.split()]) == 0
    assert "one input, so its result is that without --joint" in capsys.readouterr().err
    assert main(["segment", "in/a.npy", "-o", "two.tif", *alone]) == 0
    np.testing.assert_array_equal(read_labels(Path("one.tif")), read_labels(Path("two.tif")))


def test_tiles_and_joint_exclude_each_other(folder, capsys):
    assert main(["segment", "in", "-o", "out", *FLAGS.split(), "--tile", "64"]) == 2
    assert "--joint and --tile exclude each other" in capsys.readouterr().err


# in a batch


@pytest.fixture
def plan(folder):
    """Tasks for the images, with the network of all."""

    def planned(existing, **options):
        Path("out").mkdir(exist_ok=True)
        like = new_batch(Settings(**OPTIONS | options))
        tasks = plan_tasks(["in"], Path("out"), like, existing)
        joint = learn_together(tasks)
        return [task._replace(joint=joint) for task in tasks]

    return planned


def states(tasks):
    return [do_task(task).state for task in tasks]


def test_a_batch_gives_what_python_gives(plan, together):
    outcomes = [do_task(task) for task in plan("refuse")]
    for outcome, one in zip(outcomes, together, strict=True):
        assert outcome.error == ""
        np.testing.assert_array_equal(read_labels(outcome.output), one.labels)
        record = read_record(outcome.output)
        assert record["joint"]["sha256"] == one.record["joint"]["sha256"]
        assert record["cut_loss"] == one.record["cut_loss"]


def test_the_network_of_an_earlier_batch_is_not_replaced_unasked(plan):
    assert states(plan("refuse")[:1]) == ["done"]
    before = Path("out", NETWORK).read_bytes()
    for path in Path("out").glob("*.tif"):
        path.rename(path.name)
    with pytest.raises(OutputError, match=r"joint\.safetensors: already exists"):
        plan("refuse", cut_params=CutParams(n_iterations=3))
    assert Path("out", NETWORK).read_bytes() == before


def test_resuming_takes_the_network_that_is_there(plan):
    assert states(plan("refuse")[:1]) == ["done"]
    before = Path("out", NETWORK).stat().st_mtime_ns
    assert states(plan("resume")) == ["kept", "done", "done"]
    assert Path("out", NETWORK).stat().st_mtime_ns == before


def test_resuming_learns_anew_from_other_images_or_with_other_parameters(plan):
    assert states(plan("refuse")) == ["done"] * 3
    card = read_card(Path("out", NETWORK))
    assert states(plan("resume", cut_params=CutParams(n_iterations=3))) == ["done"] * 3
    assert read_card(Path("out", NETWORK)) != card
    np.save("in/d.npy", PICTURES[0][0][::-1])
    few = plan("resume", cut_params=CutParams(n_iterations=3))
    assert few[0].joint["n_images"] == 4
    assert states(few) == ["done"] * 4


def test_images_cut_alone_are_not_kept_for_a_joint_batch(plan):
    tasks = plan("resume")
    assert states([task._replace(joint={}) for task in tasks]) == ["done"] * 3
    again = plan("resume")
    assert states(again) == ["done"] * 3
    assert states(plan("resume")) == ["kept"] * 3


def test_a_network_that_was_damaged_is_not_used_and_learned_anew(plan):
    tasks = plan("refuse")
    with Path("out", NETWORK).open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\0\0\0\0")
    assert "refused because its sha256" in do_task(tasks[0]).error
    Path("out", NETWORK).unlink()
    assert NETWORK in do_task(tasks[0]).error
    assert states(plan("resume")) == ["done"] * 3


def test_a_batch_of_images_that_do_not_fit_together_is_refused(plan):
    np.save("in/d.npy", np.stack([PICTURES[0][0]] * 3, -1))
    with pytest.raises(InvalidImageError, match=r"d\.npy: 3 channels, expected 1 as in"):
        plan("refuse")
    assert list(Path("out").iterdir()) == []


class Here:
    """Stands in for a client: does everything at once, in this process."""

    def submit(self, do, argument, **_):
        return SimpleNamespace(result=lambda: do(argument))


def run_here(monkeypatch, *flags):
    @contextlib.contextmanager
    def workers(*_):
        yield Here(), {}

    def outcomes(client, tasks, do, resources):
        yield from map(do, tasks)

    monkeypatch.setattr(following, "_workers", workers)
    monkeypatch.setattr(cluster, "iter_outcomes", outcomes)
    return main(["batch", "in", "-o", "out", *FLAGS.split(), *flags])


def test_the_command_batch_learns_first(folder, together, monkeypatch, capsys):
    Path("in/cut.npy").write_bytes(Path("in/a.npy").read_bytes()[:300])
    assert run_here(monkeypatch) == 1
    said = capsys.readouterr().err
    assert "3 images are cut by one network, joint.safetensors" in said
    assert "3 done, 0 kept, 1 failed of 4 files" in said
    for name, one in zip("abc", together, strict=True):
        found = read_labels(Path(f"out/{name}_segments.tif"))
        np.testing.assert_array_equal(found, one.labels)
    assert run_here(monkeypatch, "--resume") == 1
    assert "0 done, 3 kept, 1 failed" in capsys.readouterr().err


def test_the_commands_say_that_images_are_stretched_each_by_itself(folder, monkeypatch, capsys):
    np.save("in/a.npy", PICTURES[0][0].astype(np.uint16))
    said = []
    assert run_here(monkeypatch) == 0
    said.append(capsys.readouterr().err)
    assert main(["segment", "in", "-o", "alone", *FLAGS.split()]) == 0
    said.append(capsys.readouterr().err)
    assert all("the images differ in type" in words for words in said)


def test_the_command_batch_refuses_what_does_not_fit_together(folder, monkeypatch, capsys):
    assert run_here(monkeypatch, "--series", "apart") == 2
    assert "series='apart': images of a joint run are cut together" in capsys.readouterr().err
    np.save("in/d.npy", np.stack([PICTURES[0][0]] * 3, -1))
    assert run_here(monkeypatch) == 2
    assert "d.npy: 3 channels" in capsys.readouterr().err

    def fail(*_):
        raise ComputationError("the scheduler is lost")

    monkeypatch.setattr(cluster, "done_once", fail)
    assert run_here(monkeypatch) == 1
    assert "the scheduler is lost" in capsys.readouterr().err
    assert not list(Path("out").glob("*.tif"))
