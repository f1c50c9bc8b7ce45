import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from napari_dsc.superae import model as module
from napari_dsc.superae.blocks import STRIDE, Convolution
from napari_dsc.superae.model import (
    Embedding,
    Encoder,
    SuperAE,
    pad_to_stride,
    smooth_to_the_rim,
)


@pytest.fixture
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def random_image(*shape, dtype=torch.float32):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


def layers_of(module):
    return [layer for layer in module.modules() if not list(layer.children())]


def convolution_facts(layer):
    return (
        type(layer),
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        layer.stride,
    )


@pytest.mark.parametrize("n_channels", [1, 3])
def test_the_encoder_has_the_layers_of_section_3a(n_channels):
    layers = layers_of(Encoder(n_channels))
    assert [type(layer) for layer in layers] == [Convolution, nn.BatchNorm2d, nn.ReLU] * 3
    assert [convolution_facts(layer) for layer in layers[::3]] == [
        (Convolution, n_channels, 64, (3, 3), (1, 1)),
        (Convolution, 64, 128, (3, 3), (2, 2)),
        (Convolution, 128, 256, (3, 3), (2, 2)),
    ]
    assert [layer.num_features for layer in layers[1::3]] == [64, 128, 256]


@pytest.mark.parametrize("n_channels", [1, 3])
def test_the_decoder_has_the_layers_of_section_3a(n_channels):
    layers = layers_of(SuperAE(n_channels).decoder)
    block = [nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU]
    assert [type(layer) for layer in layers] == [*block, *block, nn.Conv2d]
    assert [convolution_facts(layers[index]) for index in (0, 3, 6)] == [
        (nn.ConvTranspose2d, 256, 128, (3, 3), (2, 2)),
        (nn.ConvTranspose2d, 128, 64, (3, 3), (2, 2)),
        (nn.Conv2d, 64, n_channels, (3, 3), (1, 1)),
    ]


def test_the_levels_have_strides_1_2_and_4():
    levels = Encoder(3)(random_image(2, 3, 16, 24))
    assert [tuple(level.shape) for level in levels] == [
        (2, 64, 16, 24),
        (2, 128, 8, 12),
        (2, 256, 4, 6),
    ]


def test_the_decoder_doubles_the_size_twice_and_no_more():
    decoder, coarse = SuperAE(3).decoder, random_image(1, 256, 4, 6)
    assert decoder[0](coarse).shape == (1, 128, 8, 12)
    assert decoder(coarse).shape == (1, 3, 16, 24)


@settings(max_examples=15, deadline=None)
@given(height=st.integers(8, 40), width=st.integers(8, 40), n_channels=st.sampled_from([1, 3]))
def test_smoothing_keeps_every_size_and_stays_between_0_and_1(height, width, n_channels):
    image = random_image(1, n_channels, height, width)
    with torch.inference_mode():
        smoothed = SuperAE(n_channels).eval()(image)
    assert smoothed.shape == image.shape
    assert smoothed.dtype == torch.float32
    assert 0 <= float(smoothed.min()) <= float(smoothed.max()) <= 1


@pytest.mark.parametrize("size", [(8, 8), (9, 10), (11, 12)])
def test_padding_repeats_the_last_row_and_column(size):
    image = random_image(1, 2, *size)
    grown = [-side % 4 for side in size]
    expected = np.pad(image.numpy(), ((0, 0), (0, 0), (0, grown[0]), (0, grown[1])), "edge")
    np.testing.assert_array_equal(pad_to_stride(image), expected)


def literal_features(embedding, image):
    """Upsample, concatenate with the image, one 1x1 convolution, crop, batch norm."""
    height, width = image.shape[-2:]
    padded = functional.pad(image, (0, -width % 4, 0, -height % 4), mode="replicate")
    maps = [padded] + [
        functional.interpolate(level, padded.shape[-2:], mode="bilinear", align_corners=False)
        for level in embedding.encoder(padded)
    ]
    kernel = torch.cat([part.weight for part in embedding.parts], dim=1)
    joint = functional.conv2d(torch.cat(maps, dim=1), kernel)[..., :height, :width]
    if not embedding.training:
        norm = embedding.norm
        mean, variance = norm.running_mean, norm.running_var
    else:
        mean, variance = joint.mean((0, 2, 3)), joint.var((0, 2, 3), correction=0)
    scaled = (joint - mean.view(-1, 1, 1)) / (variance.view(-1, 1, 1) + 1e-5).sqrt()
    return scaled * embedding.norm.weight.view(-1, 1, 1) + embedding.norm.bias.view(-1, 1, 1)


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("size", [(8, 8), (16, 20), (9, 8), (10, 13), (23, 31)])
def test_features_are_those_of_one_convolution_over_everything_upsampled(size, training):
    embedding = Embedding(Encoder(3), 7).double().train(training)
    image = random_image(1, 3, *size, dtype=torch.float64)
    with torch.no_grad():
        features = embedding(image)
        expected = literal_features(embedding, image)
    assert features.shape == (1, 7, *size)
    torch.testing.assert_close(features, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("seeded")
def test_the_parts_start_like_one_joint_convolution():
    embedding = Embedding(Encoder(3), 32)
    bound = (3 + 64 + 128 + 256) ** -0.5
    assert [part.in_channels for part in embedding.parts] == [3, 64, 128, 256]
    for part in embedding.parts:
        assert 0.9 * bound < float(part.weight.detach().abs().max()) <= bound


@pytest.mark.usefixtures("seeded")
def test_gradients_reach_every_weight_of_the_embedding():
    embedding = Embedding(Encoder(1), 4)
    embedding(random_image(1, 1, 12, 12)).square().mul(
        torch.arange(144.0).view(12, 12)
    ).sum().backward()
    for name, weight in embedding.named_parameters():
        assert weight.grad is not None, name
        assert float(weight.grad.abs().sum()) > 0, name


@pytest.mark.usefixtures("seeded")
def test_networks_leave_the_image_untouched(device):
    image = random_image(1, 3, 9, 10).to(device)
    before = image.clone()
    SuperAE(3).to(device)(image)
    Embedding(Encoder(3), 4).to(device)(image)
    assert torch.equal(image, before)


def test_smoothing_to_the_rim_changes_only_the_rim():
    model = SuperAE().eval()
    image = torch.rand(1, 3, 50, 61, generator=torch.Generator().manual_seed(0))
    inside = (..., slice(16, -16), slice(16, -16))

    with torch.inference_mode():
        plain, grown = model(image), smooth_to_the_rim(model, image)

    assert grown.shape == image.shape
    assert torch.allclose(grown[inside], plain[inside], atol=1e-6)
    assert not torch.allclose(grown, plain, atol=1e-4)


@pytest.mark.usefixtures("seeded")  # in some networks the rim is hardly dark
def test_a_flat_image_stays_flat_up_to_the_rim():
    model = SuperAE().eval()
    image = torch.full((1, 3, 32, 40), 0.5)

    with torch.inference_mode():
        rows = [
            smoothed[0, 0, [0, -4], 16].tolist()
            for smoothed in (model(image), smooth_to_the_rim(model, image))
        ]

    assert rows[0][0] != pytest.approx(rows[0][1], abs=1e-5)
    assert rows[1][0] == pytest.approx(rows[1][1], abs=1e-5)


@pytest.mark.parametrize("size", [(50, 61), (40, 129), (128, 64)])
def test_tiles_leave_no_seams(size, monkeypatch):
    model = SuperAE().eval()
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole = smooth_to_the_rim(model, image)
        monkeypatch.setattr(module, "TILE", 32)
        tiled = smooth_to_the_rim(model, image)
    torch.testing.assert_close(tiled, whole, rtol=1e-5, atol=1e-6)


def test_tiles_start_where_the_strides_start_and_overlap_by_what_the_network_sees():
    assert module.TILE % STRIDE == module.CUBE % STRIDE == module.MARGIN % STRIDE == 0
    model = SuperAE().double().eval()
    image = torch.rand(1, 3, 64, 64, dtype=torch.float64).requires_grad_()
    model(image)[0, :, 32, 32].sum().backward()
    rows = image.grad.abs().sum((0, 1, 3)).nonzero()
    assert 32 - int(rows.min()) < module.MARGIN
    assert int(rows.max()) - 32 < module.MARGIN
