"""Networks of three dimensions in use: what they take and refuse, and the command line."""

import numpy as np
import pytest
import tifffile

import napari_dsc
from napari_dsc import CutParams, SuperpixelParams, segment_large
from napari_dsc.cli import main
from napari_dsc.errors import WeightsError
from napari_dsc.images import load_image
from napari_dsc.machine.device import seeded
from napari_dsc.methods import METHODS, MethodOptions
from napari_dsc.superae.model import SuperAE
from napari_dsc.superae.weights import DEFAULT, find_weights, save_weights

FEW = SuperpixelParams(n_superpixels=20, superpixels="slic")
SHORT = CutParams(n_iterations=6, n_partitions=6)
REFUSED = r"expected a stack \(axes Z, Y, X\).* got axes YX; the weights are three-dimensional"


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Weight file of a network of stacks of one channel, as it is before training."""
    path = tmp_path_factory.mktemp("network") / "mine.safetensors"
    with seeded(0):
        save_weights(SuperAE(1, 3), path, {})
    return path


@pytest.fixture(scope="module")
def stack():
    """A bright ball on dark ground, (12, 24, 24) uint8."""
    z, y, x = np.mgrid[:12, :24, :24]
    is_inside = (z - 6) ** 2 + (y - 12) ** 2 + (x - 12) ** 2 < 25
    noise = np.random.default_rng(0).normal(0, 8, is_inside.shape)
    return (40 + 150 * is_inside + noise).clip(0, 255).astype(np.uint8)


def cut(image, network, axes="ZYX", **changes):
    options = {"superpixel_params": FEW, "cut_params": SHORT} | changes
    return napari_dsc.segment(image, axes=axes, weights=network, **options)


@pytest.fixture(scope="module")
def ball_cut(stack, network):
    return cut(stack, network)


@pytest.mark.parametrize("encoder", ["frozen", "trained"])
def test_a_stack_is_cut_and_again_the_same(stack, network, encoder):
    params = CutParams(n_iterations=3, n_partitions=6, encoder=encoder)
    first, again = (cut(stack, network, cut_params=params) for _ in range(2))
    assert first.labels.shape == stack.shape
    assert len(np.unique(first.labels)) > 1
    np.testing.assert_array_equal(first.labels, again.labels)
    np.testing.assert_array_equal(first.probabilities, again.probabilities)


def test_permuted_axes_permute_the_labels(stack, network, ball_cut):
    found = cut(stack.transpose(2, 0, 1), network, "XZY")
    np.testing.assert_array_equal(found.labels, ball_cut.labels.transpose(2, 0, 1))


def test_features_come_from_the_network_of_the_file(stack, network, ball_cut):
    pictures = cut(stack, DEFAULT)
    np.testing.assert_array_equal(pictures.superpixels, ball_cut.superpixels)
    assert not np.allclose(pictures.probabilities, ball_cut.probabilities, atol=1e-3)
    assert ball_cut.record["weights"]["name"] == str(network)


def test_a_series_of_stacks_is_cut_into_common_classes(stack, network):
    film = np.stack([stack[::2, ::2, ::2]] * 2)
    found = cut(film, network, "TZYX", cut_params=CutParams(n_iterations=2, n_partitions=4))
    assert found.labels.shape == film.shape
    np.testing.assert_array_equal(found.labels[0], found.labels[1])


def test_a_stack_is_smoothed_in_space(stack, network):
    smoothed = napari_dsc.smooth(stack, axes="ZYX", weights=network)
    assert (smoothed.shape, smoothed.dtype) == (stack.shape, stack.dtype)
    fine = stack[:4, :8, :8] / np.float32(255)
    changed = fine.copy()
    changed[2] = 1 - changed[2]
    before, after = (
        napari_dsc.smooth(each, axes="ZYX", weights=network) for each in (fine, changed)
    )
    assert np.abs(after - before)[0].max() > 1e-6


@pytest.mark.parametrize(
    ("axes", "changes"),
    [
        ("TYX", {}),
        ("ZYX", {"cut_params": CutParams(series="apart")}),
    ],
    ids=["time", "apart"],
)
def test_planes_of_a_series_are_refused(stack, network, axes, changes):
    with pytest.raises(WeightsError, match=REFUSED):
        cut(stack, network, axes, **changes)


def test_a_plane_is_refused_by_everything_that_takes_weights(stack, network, tmp_path):
    plane = stack[6]
    for take in (napari_dsc.segment, napari_dsc.smooth, napari_dsc.Run):
        with pytest.raises(WeightsError, match=rf"mine\.safetensors'.*{REFUSED}"):
            take(plane, weights=network)
    with pytest.raises(WeightsError, match=REFUSED):
        segment_large(plane, tmp_path / "labels.tif", weights=network)
    options = MethodOptions(weights=str(network), superpixel_params=FEW)
    with pytest.raises(WeightsError, match=REFUSED):
        next(METHODS["kmeans_deep"].iter_scales(load_image(plane), (3,), options))


# the command line


@pytest.fixture
def folder(tmp_path, monkeypatch, stack):
    """Current folder, with two stacks in ``stacks`` and the labels of the ball in ``made``."""
    monkeypatch.chdir(tmp_path)
    for name in ("stacks", "made"):
        (tmp_path / name).mkdir()
    described = {"imagej": True, "metadata": {"axes": "ZYX"}}
    tifffile.imwrite("stacks/a.tif", stack, **described)
    tifffile.imwrite("stacks/b.tif", stack[::-1, :20].copy(), **described)
    tifffile.imwrite("made/a.tif", (stack > 115).astype(np.uint8), **described)
    tifffile.imwrite("made/b.tif", (stack[::-1, :20] > 115).astype(np.uint8), **described)
    tifffile.imwrite("plane.tif", stack[6])
    return tmp_path


TRAIN = ["--ndim", "3", "--crop-size", "16", "--batch-size", "4", "-o", "w.safetensors"]


@pytest.mark.usefixtures("folder")
def test_a_network_trained_on_stacks_cuts_them(capsys):
    command = ["train", "stacks", "--n-template-regions", "8", *TRAIN]
    assert main([*command, "--n-epochs", "2"]) == 0
    file = find_weights("w.safetensors")
    assert (file.card["ndim"], file.card["n_channels"], file.card["n_images"]) == (3, 1, 2)
    assert "--ndim 3" in file.card["command"]
    assert main(["weights", "info", "w.safetensors"]) == 0
    assert '"ndim": 3' in capsys.readouterr().out
    words = "stacks/a.tif --weights w.safetensors --n-superpixels 20"
    assert main(["segment", *words.split(), "-o", "l.tif", "--n-iterations", "2"]) == 0
    assert tifffile.imread("l.tif").shape == (12, 24, 24)
    smooth = words.split(" --n")[0].split()
    assert main(["smooth", *smooth, "-o", "s.tif"]) == 0
    assert tifffile.imread("s.tif").shape == (12, 24, 24)


def test_a_resumed_training_is_the_uninterrupted_one(folder):
    command = ["train", "stacks", "--templates", "made", *TRAIN]
    assert main([*command, "--n-epochs", "2"]) == 0
    whole = (folder / "w.safetensors").read_bytes()
    assert main([*command, "--n-epochs", "1", "--overwrite"]) == 0
    assert main([*command, "--n-epochs", "2", "--resume"]) == 0
    assert (folder / "w.safetensors").read_bytes() == whole


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["train", "plane.tif", *TRAIN],
            "plane.tif: axes YX, expected a stack with Z, Y and X of more than one pixel",
        ),
        (
            ["train", "stacks", "-o", "w.safetensors"],
            "a.tif: axes ZYX, expected YX or YXC; stacks train a network of three dimensions",
        ),
        (["train", "stacks", *TRAIN, "--ndim", "4"], "ndim"),
        (["train", "stacks/a.tif", "--templates", "flat", *TRAIN], "three axes of integers"),
    ],
)
def test_what_cannot_be_trained_on_is_told_in_a_sentence(capsys, stack, folder, words, message):
    (folder / "flat").mkdir()
    tifffile.imwrite("flat/a.tif", stack[0])
    assert main(words) != 0
    error = capsys.readouterr().err
    assert message in error
    assert not (folder / "w.safetensors").exists()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "words",
    [
        ["plane.tif"],
        ["stacks/a.tif", "--series", "apart"],
        ["stacks/a.tif", "--axes", "TYX"],
        ["plane.tif", "--tile", "128"],
    ],
)
def test_planes_are_refused_on_the_command_line(capsys, network, words):
    output = "l.ome.zarr" if "--tile" in words else "l.tif"
    assert main(["segment", *words, "-o", output, "--weights", str(network)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "expected a stack (axes Z, Y, X)" in error
