import pytest
import torch
from torch import nn

from napari_dsc.superae.blocks import Convolution


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("size", "n_channels"), [(1, 3), (1, 20), (2, 20)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_those_of_the_layer_of_torch(size, n_channels, stride, layout):
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(size, n_channels, 12, 14, generator=generator)
    image = image.contiguous(memory_format=layout)
    mine = Convolution(n_channels, 7, 3, stride, padding=1, bias=False)
    theirs = nn.Conv2d(n_channels, 7, 3, stride, padding=1, bias=False)
    theirs.load_state_dict(mine.state_dict())
    found = []
    for layer in (mine, theirs):
        pixels = image.clone().requires_grad_()
        layer(pixels).square().sum().backward()
        found.append((layer(pixels), pixels.grad, layer.weight.grad))
    for here, there in zip(*found, strict=True):
        torch.testing.assert_close(here, there, rtol=1e-4, atol=1e-4)
    assert float(found[0][2].abs().min()) > 0


def test_in_bfloat16_it_is_the_layer_of_torch():
    layer = Convolution(2, 3, 3, padding=1, bias=False)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.ones(1, 2, 8, 8)).dtype == torch.bfloat16
