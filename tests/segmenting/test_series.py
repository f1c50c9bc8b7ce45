"""Time series and planes on their own: one network for all frames, or one for each."""

import dataclasses
import weakref

import numpy as np
import pytest

import napari_dsc
from napari_dsc import CutParams, ImageParams, Settings, SuperpixelParams
from napari_dsc.batch.execution import do_task, new_batch
from napari_dsc.batch.tasks import plan_tasks
from napari_dsc.cli import main
from napari_dsc.errors import InvalidParameterError
from napari_dsc.files import read_image
from napari_dsc.files.tiff import read_record
from napari_dsc.segmenting.pieces import open_pieces
from napari_dsc.segmenting.segmenter import iter_segmentation
from napari_dsc.segmenting.stages import Stages

OPTIONS = {
    "image_params": ImageParams(normalization="range"),
    "superpixel_params": SuperpixelParams(superpixels="slic", n_superpixels=24),
}
TOGETHER = CutParams(n_iterations=16, n_partitions=4)
APART = CutParams(n_iterations=6, n_partitions=4, series="apart")


@pytest.fixture(scope="module")
def frames():
    """A bright square that walks to the right on dark ground, (T, Y, X), and where it is."""
    where = np.zeros((4, 32, 48), bool)
    for number, frame in enumerate(where):
        frame[8:24, 8 * number : 8 * number + 16] = True
    noise = np.random.default_rng(0).normal(0, 4, where.shape)
    return (50 + 150 * where + noise).astype(np.uint8), where


@pytest.fixture(scope="module")
def together(frames):
    return napari_dsc.segment(frames[0], axes="TYX", cut_params=TOGETHER, **OPTIONS)


def test_a_class_means_the_same_in_all_frames(frames, together):
    labels = together.labels
    pairs = list(zip(labels, frames[1], strict=True))
    own = [np.bincount(one[is_in]).argmax() for one, is_in in pairs]
    ground = [np.bincount(one[~is_in]).argmax() for one, is_in in pairs]
    assert labels.shape == frames[0].shape
    assert len(set(own)) == 1
    assert own[0] not in ground


def test_superpixels_of_frames_are_numbered_on(together):
    parts = [set(np.unique(frame)) for frame in together.superpixels]
    assert len(set.union(*parts)) == sum(map(len, parts)) == together.record["n_superpixels"]
    np.testing.assert_array_equal(
        together.labels, together.classes_of_superpixels[together.superpixels - 1] + 1
    )
    assert together.record["image"]["axes"] == "TYX"


def test_time_in_another_place_moves_with_the_labels(frames, together):
    moved = napari_dsc.segment(
        frames[0].transpose(1, 2, 0), axes="YXT", cut_params=TOGETHER, **OPTIONS
    )
    np.testing.assert_array_equal(moved.labels, together.labels.transpose(1, 2, 0))
    assert moved.parts().sizes.sum() == moved.labels.size


@pytest.mark.parametrize("axes", ["TYX", "ZYX"])
def test_images_apart_are_those_of_runs_of_their_own(axes, frames):
    found = napari_dsc.segment(frames[0], axes=axes, cut_params=APART, **OPTIONS)
    for frame, labels in zip(frames[0], found.labels, strict=True):
        alone = napari_dsc.segment(frame, cut_params=APART, **OPTIONS)
        np.testing.assert_array_equal(labels, alone.labels)
    assert found.record["parameters"]["cut"]["series"] == "apart"


def test_frames_that_are_stacks_are_cut_apart_as_bodies(frames):
    stacks = np.stack([frames[0], frames[0][:, ::-1]])
    found = napari_dsc.segment(stacks, axes="TZYX", cut_params=APART, **OPTIONS)
    body = dataclasses.replace(APART, series="together")
    for stack, labels in zip(stacks, found.labels, strict=True):
        alone = napari_dsc.segment(stack, axes="ZYX", cut_params=body, **OPTIONS)
        np.testing.assert_array_equal(labels, alone.labels)
    assert found.record["parameters"]["cut"]["series"] == "apart"


def test_the_record_of_planes_apart_is_that_of_their_stack(frames):
    given = {"axes": "ZYX", "spacing": (2, 0.5, 0.5)} | OPTIONS
    apart = napari_dsc.segment(frames[0], cut_params=APART, **given).record["image"]
    stack = napari_dsc.segment(frames[0], cut_params=TOGETHER, **given).record["image"]
    for name in ("axes", "shape", "spacing", "sha256"):
        assert apart[name] == stack[name]


def test_the_steps_of_a_stack_are_not_those_of_planes_apart(frames):
    run = napari_dsc.Run(frames[0], axes="ZYX", cut_params=APART, **OPTIONS)
    with pytest.raises(
        InvalidParameterError, match=r"series='apart': not available step by step.*segment\(\)"
    ):
        next(run.iter_steps())


def test_frames_together_have_no_affinity_of_a_tree(frames):
    of_tree = CutParams(n_iterations=2, affinity="tree")
    with pytest.raises(
        InvalidParameterError, match="affinity='tree': not available for a time series"
    ):
        napari_dsc.segment(frames[0], axes="TYX", cut_params=of_tree, **OPTIONS)


def test_a_series_goes_through_the_command_line(frames, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("film.npy", frames[0])
    flags = "--axes TYX --superpixels slic --n-superpixels 24 --n-iterations 4"
    flags += " --result regions --overlay o.png"
    assert main(["segment", "film.npy", "-o", "out.tif", *flags.split()]) == 0
    raw = read_image(tmp_path / "out.tif")
    assert (raw.axes, raw.pixels.shape) == ("TYX", frames[0].shape)
    assert not set(np.unique(raw.pixels[0])) & set(np.unique(raw.pixels[1]))
    said = capsys.readouterr().err
    assert "the overlay shows T 2" in said
    assert "4 images" in said
    assert "axes TYX (from the caller), 4 x 32 x 48" in said


@pytest.mark.parametrize("axes", ["TYX", "YTX", "TCYX", "TZYX"])
def test_frames_are_smoothed_and_divided_one_by_one(axes, frames):
    film = {"TYX": frames[0], "YTX": frames[0].swapaxes(0, 1)}.get(axes)
    if film is None:
        film = np.stack([frames[0], frames[0][:, ::-1]], 1)
    options = {"image_params": OPTIONS["image_params"]}
    time = axes.index("T")
    smoothed = napari_dsc.smooth(film, axes=axes, **options)
    divided = napari_dsc.over_segment(film, axes=axes, **OPTIONS)
    assert smoothed.shape == film.shape
    assert divided.shape == frames[0].shape if axes == "TCYX" else divided.shape == film.shape
    n_before = 0
    for number in range(4):
        frame = film.take(number, time)
        rest = axes.replace("T", "")
        one = napari_dsc.smooth(frame, axes=rest, **options)
        np.testing.assert_array_equal(smoothed.take(number, time), one)
        parts = napari_dsc.over_segment(frame, axes=rest, **OPTIONS)
        np.testing.assert_array_equal(divided.take(number, time), parts + n_before)
        n_before += int(parts.max())


@pytest.mark.parametrize("command", ["superpixels", "smooth"])
def test_the_commands_take_series_too(command, frames, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("film.npy", frames[0])
    flags = ["--axes", "TYX", "--normalization", "range"]
    flags += (
        ["--superpixels", "slic", "--n-superpixels", "24"] if command == "superpixels" else []
    )
    assert main([command, "film.npy", "-o", "out.tif", *flags]) == 0
    raw = read_image(tmp_path / "out.tif")
    if command == "smooth":
        expected = napari_dsc.smooth(
            frames[0], axes="TYX", image_params=OPTIONS["image_params"]
        )
    else:
        expected = napari_dsc.over_segment(frames[0], axes="TYX", **OPTIONS)
    assert raw.axes == "TYX"
    np.testing.assert_array_equal(raw.pixels, expected)
    record = read_record(tmp_path / "out.tif")
    assert ("superpixels" in record["parameters"]) == (command == "superpixels")
    assert "cut" not in record["parameters"]
    assert "4 images" in capsys.readouterr().err


def test_the_record_of_a_series_tells_how_the_cut_ended(frames, together):
    assert together.record["iterations"] == 16
    assert together.record["label_loss"] > 0
    assert together.record["n_images"] == len(together.record["image"]["sha256"]) == 4
    assert together.record["image"]["shape"] == [4, 32, 48]
    assert together.record["seconds"]["cut"] > 0
    found = napari_dsc.segment(frames[0][:2], axes="TYX", cut_params=APART, **OPTIONS)
    alone = napari_dsc.segment(frames[0][1], cut_params=APART, **OPTIONS)
    for name in ("iterations", "label_loss", "cut_loss"):
        assert found.record[name][1] == alone.record[name]
        assert len(found.record[name]) == 2


def test_what_is_made_of_a_frame_does_not_stay_in_memory(frames, monkeypatch):
    made = {"smoothed": [], "superpixels": []}

    def counting(name):
        make = getattr(Stages, name)

        def counted(*arguments):
            found = make(*arguments)
            made[name].append(weakref.ref(found))
            return found

        monkeypatch.setattr(Stages, name, counted)

    for name in made:
        counting(name)
    smoothed = SuperpixelParams(superpixels="slic", n_superpixels=24, source="smoothed")
    settings = Settings(
        axes="TYX", cut_params=TOGETHER, **OPTIONS | {"superpixel_params": smoothed}
    )
    for _ in iter_segmentation(open_pieces(frames[0], settings), settings):
        alive = {name: sum(one() is not None for one in refs) for name, refs in made.items()}
        assert max(alive.values()) <= 1
    assert {name: len(refs) for name, refs in made.items()} == dict.fromkeys(made, 4)


@pytest.mark.parametrize(("axes", "spacing"), [("TYX", (0.5, 0.25)), ("YZX", (0.5, 2, 0.25))])
def test_a_batch_takes_series_and_keeps_axes_and_pixel_size(axes, spacing, frames, tmp_path):
    images = frames[0] if axes == "TYX" else frames[0].swapaxes(0, 1)
    np.save(tmp_path / "film.npy", images)
    given = Settings(axes=axes, spacing=spacing, cut_params=TOGETHER, **OPTIONS)
    like = new_batch(given)
    (task,) = plan_tasks([tmp_path / "film.npy"], tmp_path / "out", like, "resume")
    task.output.parent.mkdir()
    outcome = do_task(task)
    assert outcome.error == ""
    raw = read_image(outcome.output)
    expected = napari_dsc.segment(
        images, axes=axes, spacing=spacing, cut_params=TOGETHER, **OPTIONS
    )
    np.testing.assert_array_equal(raw.pixels, expected.labels)
    assert raw.axes == axes
    assert raw.spacing == spacing
    again = [task._replace(batch="another", existing="resume")]
    other = new_batch(given.replace(spacing=spacing[::-1]))
    again += plan_tasks([task.source], tmp_path / "out", other, "resume")
    assert [do_task(one).state for one in again] == ["kept", "done"]
    tree = task._replace(settings=task.settings.replace(method="tree"), existing="overwrite")
    assert do_task(tree._replace(batch="tree")).error == ""
    expected = napari_dsc.segment(images, given, method="tree")
    np.testing.assert_array_equal(read_image(outcome.output).pixels, expected.labels)
