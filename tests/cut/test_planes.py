"""The cut of stacks: planes are a batch, superpixels and their neighbors lie in space."""

import itertools

import numpy as np
import pytest
import torch
from scipy import ndimage

import napari_dsc
from napari_dsc import CutParams, SuperpixelParams
from napari_dsc.cli import main
from napari_dsc.cut.coarse import coarse_shape, coarse_spacing
from napari_dsc.cut.sums import superpixel_sums
from napari_dsc.files import read_image
from napari_dsc.files.tiff import read_record
from napari_dsc.superae.applied import as_batch

FEW = SuperpixelParams(n_superpixels=30)
SHORT = CutParams(n_iterations=12, n_partitions=8)
SPACING = {"Z": 2.0, "Y": 1.0, "X": 1.0}


@pytest.fixture(scope="module")
def ball():
    """A bright ball on dark ground, and where it is."""
    z, y, x = np.mgrid[:8, :28, :32]
    is_inside = 4 * (z - 3.5) ** 2 + (y - 13.5) ** 2 + (x - 15.5) ** 2 < 49
    noise = np.random.default_rng(0).normal(0, 4, is_inside.shape)
    return (40 + 160 * is_inside + noise).astype(np.uint8), is_inside


def cut(stack, axes="ZYX", params=SHORT):
    return napari_dsc.segment(
        stack,
        axes=axes,
        spacing=[SPACING[axis] for axis in axes],
        superpixel_params=FEW,
        cut_params=params,
    )


@pytest.fixture(scope="module")
def ball_cut(ball):
    return cut(ball[0])


def direct_sums(features, norm, superpixels):
    """Sums over superpixels of all planes, the way one thinks of them."""
    height, width = superpixels.shape[1:]
    normalized = torch.nn.functional.batch_norm(
        features[..., :height, :width], None, None, norm.weight, norm.bias, True, 0, norm.eps
    )
    rows = normalized.permute(0, 2, 3, 1).flatten(0, 2)
    members = torch.nn.functional.one_hot(superpixels.flatten()).to(rows.dtype).T
    return members @ rows, members @ rows.softmax(1), members @ rows.logsumexp(1)


def test_sums_over_planes_and_their_gradient_are_those_of_direct_code():
    torch.manual_seed(0)
    superpixels = torch.arange(3 * 5 * 6).reshape(3, 5, 6) % 7
    features = torch.randn(3, 4, 8, 8, dtype=torch.float64, requires_grad=True)
    norm = torch.nn.BatchNorm2d(4).double()
    found = superpixel_sums(features, norm, superpixels, 7)
    weights = [torch.randn_like(each) for each in found[:3]]
    gradients = []
    for sums in (found[:3], direct_sums(features, norm, superpixels)):
        for one, other in zip(found[:3], sums, strict=True):
            torch.testing.assert_close(one, other)
        loss = sum((w * each).sum() for w, each in zip(weights, sums, strict=True))
        gradients.append(torch.autograd.grad(loss, [features, norm.weight, norm.bias]))
    torch.testing.assert_close(*gradients)


def test_planes_become_a_batch_in_their_order():
    pixels = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    batch = as_batch(pixels, 3)
    assert batch.shape == (3, 3, 4, 5)
    for plane, channel in itertools.product(range(3), range(3)):
        assert torch.equal(batch[plane, channel], pixels[channel % 2, plane])


def test_a_stack_keeps_its_planes_and_shrinks_within_them():
    shape = coarse_shape((50, 200, 400), 0.5, 1.0)
    assert shape == (50, 100, 200)
    assert coarse_spacing((3.0, 1.0, 1.0), (50, 200, 400), shape) == (3.0, 2.0, 2.0)


def test_a_ball_in_a_stack_is_one_class_in_all_planes(ball, ball_cut):
    labels, inside = ball_cut.labels, ball[1]
    assert labels.shape == inside.shape
    own = np.bincount(labels[inside]).argmax()
    core, far = ndimage.binary_erosion(inside), ~ndimage.binary_dilation(inside, iterations=2)
    assert (labels[core] == own).mean() > 0.9
    assert (labels[far] == own).mean() < 0.1


def test_the_record_of_a_stack_repeats_it(ball, ball_cut):
    parameters = ball_cut.record["parameters"]
    again = cut(ball[0], params=CutParams(**parameters["cut"]))
    np.testing.assert_array_equal(again.labels, ball_cut.labels)
    assert ball_cut.record["image"]["spacing"] == [2.0, 1.0, 1.0]


@pytest.mark.parametrize("axes", ["XYZ", "YZX"])
def test_permuted_axes_permute_the_labels(axes, ball, ball_cut):
    order = ["ZYX".index(axis) for axis in axes]
    found = cut(ball[0].transpose(order), axes)
    np.testing.assert_array_equal(found.labels, ball_cut.labels.transpose(order))


def test_a_stack_has_a_table_and_parts_like_an_image(ball_cut):
    table, parts = ball_cut.features(), ball_cut.parts()
    np.testing.assert_array_equal(table["index"], np.unique(ball_cut.labels))
    assert parts.sizes.sum() == ball_cut.labels.size
    assert len(parts.colors) == ball_cut.record["n_superpixels"]


def test_regions_of_a_stack_connect_through_planes_on_the_command_line(
    ball, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    np.save("stack.npy", ball[0])
    flags = "--axes ZYX --spacing 2,1,1 --n-superpixels 30 --n-iterations 12 --result regions"
    words = ["segment", "stack.npy", "-o", "out.tif", "--overlay", "o.png", *flags.split()]
    assert main(words) == 0
    raw = read_image(tmp_path / "out.tif")
    assert (raw.axes, raw.spacing, raw.pixels.shape) == ("ZYX", (2.0, 1.0, 1.0), (8, 28, 32))
    for label in np.unique(raw.pixels):
        assert ndimage.label(raw.pixels == label)[1] == 1
    assert raw.pixels[2, 13, 15] == raw.pixels[5, 13, 15]
    assert read_record(tmp_path / "out.tif")["n_classes"] > 1
