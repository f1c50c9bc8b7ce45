"""Segmentation by the Mumford-Shah loss functional (Kim and Ye 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_dsc.baselines.networks import UNet, outputs_of, seeded_network, total_variation
from napari_dsc.machine.device import reproducible

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from napari_dsc.params import MumfordShahParams


def mumford_shah_loss(image: Tensor, probabilities: Tensor, smoothness_weight: float) -> Tensor:
    """Variance of the colors within each class, plus the weighted length of its boundary.

    Parameters
    ----------
    image : (1, C, Y, X) float tensor
        Image in 0 to 1.
    probabilities : (1, K, Y, X) float tensor
        Probability of each class, with a sum of one over classes.
    smoothness_weight : float
        Weight ``lambda`` of the boundary.

    Returns
    -------
    loss : 0-d float tensor
        Mean over pixels, differentiable.

    References
    ----------
    .. [1] B. Kim and J. C. Ye, "Mumford-Shah loss functional for image segmentation with deep
       learning", IEEE Transactions on Image Processing 29, 2020: equation 9.

    Examples
    --------
    >>> import torch
    >>> image = torch.tensor([[[[0.0, 1.0]]]])
    >>> one_class = torch.ones(1, 1, 1, 2)
    >>> mumford_shah_loss(image, one_class, 0.1)
    tensor(0.2500)
    >>> two_classes = torch.eye(2).view(1, 2, 1, 2)
    >>> mumford_shah_loss(image, two_classes, 0.1)
    tensor(0.1000)
    """
    colors, shares = image[0].flatten(1), probabilities[0].flatten(1)
    sizes = shares.sum(1)
    means = shares @ colors.T / sizes.clamp_min(1e-6)[:, None]
    # With p_k(x) summing to 1 over k, sizes s_k = sum_x p_k and means c_k = sum_x p_k x / s_k:
    # sum_x sum_k p_k |x - c_k|^2 = sum_x |x|^2 - sum_k s_k |c_k|^2, without N x K x C values
    spread = (colors.square().sum() - (sizes * means.square().sum(1)).sum()) / colors.shape[1]
    return spread + smoothness_weight * total_variation(probabilities)


def mumford_shah_classes(
    pixels: np.ndarray, n_partitions: int, params: MumfordShahParams, device: torch.device
) -> np.ndarray:
    """Classes of a U-Net that minimizes the Mumford-Shah loss on one image.

    Parameters
    ----------
    pixels : (C, Y, X) float32 array
        Image in 0 to 1.
    n_partitions : int
        Largest number of classes ``K``.
    params : MumfordShahParams
        Settings.
    device : torch.device
        Device of the network.

    Returns
    -------
    classes : (Y, X) int64 array
        Most probable class of each pixel, in ``0 .. K - 1``.

    Notes
    -----
    The paper trains its network on many images; here it is trained on the image alone, from
    random weights.

    References
    ----------
    .. [1] B. Kim and J. C. Ye, "Mumford-Shah loss functional for image segmentation with deep
       learning", IEEE Transactions on Image Processing 29, 2020.
    """
    n_channels = len(pixels)
    network = seeded_network(lambda: UNet(n_channels, n_partitions), params.seed, device)
    image = torch.from_numpy(pixels)[None].to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=params.learning_rate)
    for _ in range(params.n_iterations):
        with torch.enable_grad(), reproducible(device):
            optimizer.zero_grad()
            probabilities = outputs_of(network, image, params.precision).softmax(1)
            loss = mumford_shah_loss(image, probabilities, params.smoothness_weight)
            torch.autograd.backward(loss)
            optimizer.step()
    classes: np.ndarray = probabilities.detach()[0].argmax(0).cpu().numpy()
    return classes
