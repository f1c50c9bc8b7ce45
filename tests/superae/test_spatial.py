"""The network of three dimensions: what it is, and how it is trained."""

import hashlib
import itertools

import numpy as np
import pytest
import torch
from torch import nn

from napari_dsc.cut.joint import _gather_statistics, _norms
from napari_dsc.errors import InvalidImageError, WeightsError
from napari_dsc.hierarchy.construction import make_template
from napari_dsc.machine.device import seeded
from napari_dsc.params import TemplateParams, TrainParams
from napari_dsc.superae import model as module
from napari_dsc.superae.applied import as_batch, embedding_of, smooth_planes
from napari_dsc.superae.blocks import pad_to_stride
from napari_dsc.superae.model import SuperAE, smooth_to_the_rim
from napari_dsc.superae.train import (
    _crop_sides,
    _example,
    _iter_batches,
    _random_crop,
    iter_training,
    new_training,
)
from napari_dsc.superae.training_files import load_checkpoint, save_checkpoint
from napari_dsc.superae.weights import DEFAULT, find_weights, load_weights, save_weights

CPU = torch.device("cpu")
# of the packaged weights, and what they make of a ramp
KNOWN_SHA256 = "9ed74d1aa82568175f358564801b67181b36b444717decc5fbd2f6018a61a9a9"
KNOWN_COLOR = [0.09439, 0.52493, 0.89782]


def vary(**changes):
    return TrainParams(**{"ndim": 3, "n_epochs": 3, "batch_size": 2, "crop_size": 12} | changes)


def random_stack(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def fresh(ndim, n_channels=1):
    with seeded(0):
        return SuperAE(n_channels, ndim).eval()


def inflated(model):
    """Network of stacks that does to each plane what `model` does, if all planes are equal."""
    spatial = SuperAE(model.n_channels, 3)
    tensors = {}
    for name, tensor in model.state_dict().items():
        if tensor.ndim == 4:
            is_up = name in {"decoder.0.0.weight", "decoder.1.0.weight"}
            taps = (0, 1, 1) if is_up else (0, 1, 0)
            tensor = torch.stack([tensor * tap for tap in taps], 2)
        tensors[name] = tensor
    spatial.load_state_dict(tensors)
    return spatial.eval()


@pytest.fixture(scope="module")
def bright_half():
    """A stack, half dark and half bright with noise, (1, 10, 14, 16) in [0, 1], and halves."""
    rng = np.random.default_rng(0)
    pixels = rng.normal(0.2, 0.02, (1, 10, 14, 16)).astype(np.float32)
    pixels[:, 5:] += 0.6
    return pixels.clip(0, 1), (np.indices((10, 14, 16))[0] >= 5).astype(np.int64)


def trained(pixels, template, params):
    state = new_training(len(pixels), params, CPU)
    for _ in iter_training([pixels], [template], params, state):
        pass
    return state


# the network


@pytest.mark.parametrize("shape", [(1, 5, 7), (3, 9, 10), (13, 8, 11)])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_smoothing_keeps_every_size_and_stays_between_0_and_1(shape, n_channels):
    stack = random_stack(1, n_channels, *shape)
    with torch.inference_mode():
        smoothed = fresh(3, n_channels)(stack)
    assert smoothed.shape == stack.shape
    assert 0 <= float(smoothed.min()) < float(smoothed.max()) <= 1


def test_padding_repeats_the_last_voxels_of_each_axis():
    stack = random_stack(1, 2, 3, 4, 9)
    expected = np.pad(stack.numpy(), ((0, 0), (0, 0), (0, 1), (0, 0), (0, 3)), "edge")
    np.testing.assert_array_equal(pad_to_stride(stack), expected)


def test_the_layers_are_those_of_two_dimensions_in_space():
    planes, spatial = (
        [type(layer) for layer in fresh(ndim).modules() if not list(layer.children())]
        for ndim in (2, 3)
    )
    up, block = [nn.ConvTranspose3d, nn.BatchNorm3d, nn.ReLU], [nn.BatchNorm3d, nn.ReLU]
    assert spatial == [nn.Conv3d, *block] * 3 + up * 2 + [nn.Conv3d]
    assert len(planes) == len(spatial)
    assert list(fresh(2).state_dict()) == list(fresh(3).state_dict())


def test_two_dimensions_are_as_they_were():
    model = load_weights(find_weights(DEFAULT))
    content = b"".join(tensor.numpy().tobytes() for tensor in model.state_dict().values())
    assert hashlib.sha256(content).hexdigest() == KNOWN_SHA256
    ramp = torch.linspace(0, 1, 270).reshape(1, 3, 9, 10)
    with torch.inference_mode():
        smoothed = model(ramp)
    assert smoothed[0, :, 4, 5].tolist() == pytest.approx(KNOWN_COLOR, abs=1e-4)
    assert list(SuperAE().state_dict()) == list(model.state_dict())


@pytest.mark.parametrize("depth", [1, 4, 6])
def test_planes_that_are_all_alike_are_smoothed_as_a_plane(depth):
    model = load_weights(find_weights(DEFAULT))
    plane = random_stack(3, 9, 14)
    stack = plane.unsqueeze(1).repeat(1, depth, 1, 1)
    with torch.inference_mode():
        expected = smooth_planes(model, plane)
        smoothed = smooth_planes(inflated(model), stack)
    for z in range(depth):
        torch.testing.assert_close(smoothed[:, z], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("depth", [1, 4, 7])
def test_planes_that_are_all_alike_have_the_features_of_a_plane(depth, training):
    model = load_weights(find_weights(DEFAULT))
    plane = random_stack(3, 10, 12)
    stack = plane.unsqueeze(1).repeat(1, depth, 1, 1)
    flat, spatial = (
        embedding_of(each, 5, 0).train(training) for each in (model, inflated(model))
    )
    with torch.no_grad():
        expected = flat(as_batch(plane, 3))
        features = spatial(as_batch(stack, 3))
    assert features.shape == (depth, 5, 10, 12)
    torch.testing.assert_close(features, expected.expand_as(features), rtol=1e-3, atol=1e-4)


def test_features_know_the_planes_above_and_below():
    embedding = embedding_of(fresh(3), 4, 0).eval()
    stack = random_stack(1, 8, 8, 8)
    changed = stack.clone()
    changed[:, 5] = 1 - changed[:, 5]
    with torch.no_grad():
        before, after = (embedding(as_batch(each, 1)) for each in (stack, changed))
    differences = (after - before).abs().amax((1, 2, 3))
    assert float(differences[4]) > 1e-4
    assert float(differences[6]) > 1e-4


def test_gradients_reach_every_weight_of_the_embedding():
    embedding = embedding_of(fresh(3), 4, 0).train()
    features = embedding(as_batch(random_stack(1, 5, 8, 8), 1))
    (features.square() * torch.arange(320.0).view(5, 1, 8, 8)).sum().backward()
    for name, weight in embedding.named_parameters():
        assert float(weight.grad.abs().sum()) > 0, name


def test_statistics_of_a_stack_normalize_it_as_training_does():
    embedding = embedding_of(fresh(3), 4, 0)
    batch = as_batch(random_stack(1, 8, 16, 16), 1)
    with torch.no_grad():
        expected = embedding.train()(batch)
        _gather_statistics(embedding, _norms(embedding), [batch])
        features = embedding.eval()(batch)
    assert len(_norms(embedding)) == 4
    torch.testing.assert_close(features, expected, rtol=1e-3, atol=1e-3)


def test_cubes_leave_no_seams(monkeypatch):
    model, stack = fresh(3), random_stack(1, 1, 3, 6, 20)
    with torch.inference_mode():
        whole = smooth_to_the_rim(model, stack)
        monkeypatch.setattr(module, "CUBE", 12)
        torch.testing.assert_close(smooth_to_the_rim(model, stack), whole, rtol=1e-5, atol=1e-6)


def test_channels_that_the_network_does_not_have_are_smoothed_one_by_one():
    model, stack = fresh(3), random_stack(2, 2, 6, 5)
    with torch.inference_mode():
        both = smooth_planes(model, stack)
        alone = smooth_planes(model, stack[1:])
    assert both.shape == stack.shape
    torch.testing.assert_close(both[1:], alone)


# its training


@pytest.mark.parametrize("method", ["mumford_shah", "tree", "mean_boundary"])
def test_the_loss_falls_on_templates_made_in_space(bright_half, method):
    pixels, _ = bright_half
    made = TemplateParams(template_method=method, n_template_regions=6)
    template = make_template(pixels, made)
    assert template.shape == pixels.shape[1:]
    history = trained(pixels, template, vary(n_epochs=8)).history
    assert history[-1].fidelity < history[0].fidelity / 2
    assert history[-1].smoothness < history[0].smoothness / 2


def test_a_resumed_training_equals_a_straight_one_bit_for_bit(bright_half, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    straight = trained(*bright_half, vary())
    save_checkpoint(trained(*bright_half, vary(n_epochs=1)), path)
    resumed = load_checkpoint(path, 1, vary(), CPU)
    assert len(list(iter_training(*([each] for each in bright_half), vary(), resumed))) == 2
    for name, tensor in straight.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], tensor), name
    with pytest.raises(WeightsError, match="images of 1 channels and 2 dimensions"):
        load_checkpoint(path, 1, vary(ndim=2), CPU)


def test_other_seeds_give_other_weights(bright_half):
    first, again, other = (
        trained(*bright_half, vary(n_epochs=1, seed=seed)).model.decoder[2].weight
        for seed in (5, 5, 6)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_half_precision_trains_stacks(bright_half):
    state = trained(*bright_half, vary(n_epochs=1, precision="bfloat16"))
    assert np.isfinite(state.history[0].fidelity)


def test_a_crop_is_a_window_of_the_stack_turned_along_any_axis():
    stack = np.arange(9 * 8 * 8, dtype=np.float32).reshape(1, 9, 8, 8) / 576
    example, rng = _example(stack, np.arange(576).reshape(9, 8, 8)), np.random.default_rng(0)
    expected = {
        np.flip(stack[0, top : top + 8], axes).tobytes()
        for top in (0, 1)
        for n_axes in range(4)
        for axes in itertools.combinations(range(3), n_axes)
    }
    crops = [_random_crop(example, (8, 8, 8), rng) for _ in range(300)]
    assert {crop.numpy()[0].tobytes() for crop, _ in crops} == expected
    assert all(torch.equal(crop, colors) for crop, colors in crops)


def test_cubes_are_cut_to_the_smallest_stack_and_make_up_the_volume_of_each():
    shapes = [(10, 30, 32), (20, 16, 40), (3, 90, 90)]
    examples = [_example(np.zeros((1, *s), np.uint8), np.zeros(s, int)) for s in shapes]
    assert _crop_sides(examples[:2], 24) == (10, 16, 24)
    assert _crop_sides(examples, 12) == (8, 12, 12)  # a thin one is mirrored
    rng = np.random.default_rng(0)
    batches = list(_iter_batches(examples[:2], vary(crop_size=12), rng))
    assert sum(len(batch) for batch, _ in batches) == round(9600 / 1440) + round(12800 / 1440)


@pytest.mark.parametrize("shape", [(1, 9, 9), (2, 3, 4)])
def test_thin_stacks_can_be_trained_on(shape):
    pixels = random_stack(1, *shape).numpy()
    state = trained(pixels, np.zeros(shape, int), vary(n_epochs=1))
    assert len(state.history) == 1


def test_planes_are_refused_by_name():
    plane = np.zeros((1, 9, 9), np.uint8)
    state = new_training(1, vary(), CPU)
    with pytest.raises(InvalidImageError, match=r"number 0 has .*expected \(1, Z, Y, X\)"):
        next(iter_training([plane], [plane[0].astype(int)], vary(), state))


# its weights


def test_a_weight_file_keeps_the_number_of_dimensions(tmp_path):
    model, path = fresh(3, 2), tmp_path / "mine.safetensors"
    save_weights(model, path, {"license": "CC0"})
    file = find_weights(path)
    assert file.card == {"license": "CC0", "n_channels": 2, "ndim": 3}
    loaded = load_weights(file)
    assert (loaded.ndim, loaded.n_channels, loaded.training) == (3, 2, False)
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)
