"""Networks of the deep rivals, and their initialization from a seed."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from napari_dsc.machine.device import seeded


def seeded_network(make: Callable[[], nn.Module], seed: int, device: torch.device) -> nn.Module:
    """Make a network whose initial weights depend on a seed alone.

    Parameters
    ----------
    make : function
        Return a new network.
    seed : int
        Seed of the weights; the caller's random state is not changed.
    device : torch.device
        Device of the network.

    Returns
    -------
    network : nn.Module
        Network in float32 and in training mode.
    """
    with seeded(seed):
        network = make()
    return network.to(device, torch.float32).train()


def outputs_of(network: nn.Module, image: Tensor, precision: str) -> Tensor:
    """Outputs of a network for an image, in float32.

    Parameters
    ----------
    network : nn.Module
        Network with float32 weights.
    image : (B, C, Y, X) float32 tensor
        Image.
    precision : str
        Number format of the convolutions: ``float32`` or ``bfloat16``.

    Returns
    -------
    outputs : (B, K, Y, X) float32 tensor
        Outputs, differentiable.
    """
    is_half = precision == "bfloat16"
    with torch.autocast(image.device.type, torch.bfloat16, enabled=is_half):
        outputs: Tensor = network(image)
    return outputs.float()


def convolutions(width_in: int, width: int, n_layers: int) -> nn.Sequential:
    """Layers of 3x3 convolution, ReLU and batch norm.

    Parameters
    ----------
    width_in : int
        Channels before the first layer.
    width : int
        Channels after each layer.
    n_layers : int
        Number of layers.

    Returns
    -------
    layers : nn.Sequential
        Layers that keep height and width.
    """
    layers: list[nn.Module] = []
    for index in range(n_layers):
        before = width if index else width_in
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(width)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """U-Net with three resolutions (Ronneberger et al. 2015), for images of any size.

    Parameters
    ----------
    n_channels : int
        Number of input channels.
    n_outputs : int
        Number of output channels, those of a last 1x1 convolution.
    width : int
        Number of channels at full resolution; it doubles with each halving of the size.
    """

    def __init__(self, n_channels: int, n_outputs: int, width: int = 16) -> None:
        super().__init__()
        self.fine = convolutions(n_channels, width, 2)
        self.middle = convolutions(width, 2 * width, 2)
        self.coarse = convolutions(2 * width, 4 * width, 2)
        self.to_middle = convolutions(6 * width, 2 * width, 2)
        self.to_fine = convolutions(3 * width, width, 2)
        self.last = nn.Conv2d(width, n_outputs, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Map an image (B, C, Y, X) to (B, n_outputs, Y, X)."""
        fine = self.fine(image)
        middle = self.middle(nn.functional.max_pool2d(fine, 2, ceil_mode=True))
        coarse = self.coarse(nn.functional.max_pool2d(middle, 2, ceil_mode=True))
        middle = self.to_middle(_beside(middle, coarse))
        outputs: Tensor = self.last(self.to_fine(_beside(fine, middle)))
        return outputs


def _beside(level: Tensor, coarser: Tensor) -> Tensor:
    """Concatenate a level and the upsampled coarser level along the channels."""
    enlarged = nn.functional.interpolate(
        coarser, size=list(level.shape[-2:]), mode="bilinear", align_corners=False
    )
    return torch.cat([level, enlarged], 1)


def total_variation(maps: Tensor) -> Tensor:
    """Anisotropic total variation: sum over channels, mean over pixels.

    Parameters
    ----------
    maps : (1, C, Y, X) float tensor
        Images or probabilities.

    Returns
    -------
    variation : 0-d float tensor
        Sum of absolute differences of pixels that share a face, over the number of pixels.

    Examples
    --------
    >>> import torch
    >>> total_variation(torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]]))
    tensor(0.5000)
    """
    n_pixels = maps.shape[-2] * maps.shape[-1]
    return (maps.diff(dim=-1).abs().sum() + maps.diff(dim=-2).abs().sum()) / n_pixels
