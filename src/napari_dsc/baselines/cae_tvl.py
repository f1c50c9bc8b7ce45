"""Smoothing by a convolutional autoencoder with total variation loss (Wang et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from napari_dsc.baselines.networks import seeded_network, total_variation
from napari_dsc.machine.device import reproducible

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from napari_dsc.params import CaeTvlParams


def smooth_by_cae_tvl(
    pixels: np.ndarray, params: CaeTvlParams, device: torch.device
) -> np.ndarray:
    """Smooth an image by an autoencoder with a total variation term in its loss.

    Parameters
    ----------
    pixels : (C, Y, X) float32 array
        Image in 0 to 1.
    params : CaeTvlParams
        Settings.
    device : torch.device
        Device of the network.

    Returns
    -------
    smoothed : (C, Y, X) float32 array
        Reconstruction of the image in 0 to 1, as input of an ordinary segmentation.

    Notes
    -----
    The paper trains its autoencoder on the images of BSDS500; here it is trained on the image
    alone, from random weights.

    References
    ----------
    .. [1] C. Wang, B. Yang and Y. Liao, "Unsupervised image segmentation using convolutional
       autoencoder with total variation regularization as preprocessing", ICASSP, 2017.
    """
    n_channels = len(pixels)
    network = seeded_network(lambda: _Autoencoder(n_channels), params.seed, device)
    image = torch.from_numpy(pixels)[None].to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=params.learning_rate)
    for _ in range(params.n_iterations):
        with torch.enable_grad(), reproducible(device):
            optimizer.zero_grad()
            smoothed = network(image)
            error = (smoothed - image).square().sum(1).mean()
            torch.autograd.backward(error + params.variation_weight * total_variation(smoothed))
            optimizer.step()
    result: np.ndarray = smoothed.detach()[0].contiguous().cpu().numpy()
    return result


class _Autoencoder(nn.Module):
    """Autoencoder of 3x3 convolutions that halves the size twice, and doubles it twice."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*_layer(n_channels, 32, 2), *_layer(32, 64, 2))
        self.decoder = nn.ModuleList([_layer(64, 32, 1), _layer(32, 32, 1)])
        self.last = nn.Conv2d(32, n_channels, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """Reconstruct an image (1, C, Y, X), in 0 to 1."""
        height, width = image.shape[-2:]
        code = self.encoder(image)
        for layer in self.decoder:
            code = layer(functional.interpolate(code, scale_factor=2.0, mode="nearest"))
        return torch.sigmoid(self.last(code)[..., :height, :width])


def _layer(width_in: int, width: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(width_in, width, 3, stride, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU())
