"""Time series and planes on their own: one network for all frames, or one for each."""

import numpy as np
import pytest

import napari_dsc
from napari_dsc import CutParams, ImageParams, SuperpixelParams
from napari_dsc.cli import main
from napari_dsc.errors import InvalidParameterError
from napari_dsc.files import read_image

OPTIONS = {
    "image_params": ImageParams(normalization="range"),
    "superpixel_params": SuperpixelParams(n_superpixels=24),
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


def test_the_steps_of_a_stack_are_not_those_of_planes_apart(frames):
    run = napari_dsc.Run(frames[0], axes="ZYX", cut_params=APART, **OPTIONS)
    with pytest.raises(InvalidParameterError, match="series='apart': expected together"):
        next(run.iter_steps())


def test_a_series_goes_through_the_command_line(frames, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("film.npy", frames[0])
    flags = "--axes TYX --n-superpixels 24 --n-iterations 4 --result regions --overlay o.png"
    assert main(["segment", "film.npy", "-o", "out.tif", *flags.split()]) == 0
    raw = read_image(tmp_path / "out.tif")
    assert (raw.axes, raw.pixels.shape) == ("TYX", frames[0].shape)
    assert not set(np.unique(raw.pixels[0])) & set(np.unique(raw.pixels[1]))
    said = capsys.readouterr().err
    assert "the overlay shows T 2" in said
    assert "4 images" in said
