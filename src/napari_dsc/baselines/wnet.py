"""W-Net: two U-Nets, trained by the soft normalized cut (Xia and Kulis 2017)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from napari_dsc.baselines.networks import UNet, seeded_network
from napari_dsc.hierarchy.spectral import half_disk, windows
from napari_dsc.machine.device import reproducible
from napari_dsc.params import WNetParams


class PixelGraph(NamedTuple):
    """Affinities of the pixels of an image with their neighbors.

    Attributes
    ----------
    offsets : list of (int, int)
        Rows and columns from a pixel to its neighbors, without the opposite of each offset.
    weights : (len(offsets), Y, X) float tensor
        Affinity of each pixel with its neighbor at each offset; 0 if that is outside.
    degrees : (1, Y, X) float tensor
        Sum of the affinities of each pixel, including 1 with itself.
    """

    offsets: list[tuple[int, int]]
    weights: Tensor
    degrees: Tensor

    def spread(self, maps: Tensor) -> Tensor:
        """Sum of weight times value over the neighbors of each pixel and itself.

        Parameters
        ----------
        maps : (K, Y, X) float tensor
            Values.

        Returns
        -------
        sums : (K, Y, X) float tensor
            Product of the affinity matrix ``W`` with each map.
        """
        sums = maps.clone()  # a pixel's affinity with itself is 1
        for offset, weights in zip(self.offsets, self.weights, strict=True):
            here, there = windows(offset, maps.shape)
            weight = weights[here]
            sums[here] += weight * maps[there]
            sums[there] += weight * maps[here]
        return sums


def pixel_graph(image: Tensor, params: WNetParams) -> PixelGraph:
    """Affinities of nearby pixels, from their colors and their distance.

    Parameters
    ----------
    image : (C, Y, X) float tensor
        Image in 0 to 1.
    params : WNetParams
        Radius and scales.

    Returns
    -------
    graph : PixelGraph
        Affinities by equation 3 of the paper.
    """
    offsets = half_disk(params.radius)
    weights = image.new_zeros(len(offsets), *image.shape[1:])
    color_scale = params.color_scale / 255
    for weight, offset in zip(weights, offsets, strict=True):
        here, there = windows(offset, image.shape)
        difference = (image[here] - image[there]).square().sum(0) / color_scale**2
        distance = math.hypot(*offset) / params.place_scale
        weight[here] = (-difference - distance**2).exp()
    ones = torch.ones_like(image[:1])
    graph = PixelGraph(offsets, weights, ones)
    return graph._replace(degrees=graph.spread(ones))


def soft_ncut_loss(probabilities: Tensor, graph: PixelGraph) -> Tensor:
    """Soft normalized cut of a graph of pixels.

    Parameters
    ----------
    probabilities : (K, Y, X) float tensor
        Probability of each class, with a sum of one over classes.
    graph : PixelGraph
        Affinities of the pixels.

    Returns
    -------
    loss : 0-d float tensor
        ``K`` minus the sum over classes of the affinity within a class over its total
        affinity; in 0 to K.

    Notes
    -----
    With p of one class, the affinity within it is ``p' W p``, whose gradient is ``2 W p``,
    because W is symmetric. So ``2 p' c - const``, with the constants ``c = W p`` and
    ``const = p' W p``, has the same value and gradient. Autograd through the product with W
    would keep one map for each neighbor and class.

    References
    ----------
    .. [1] X. Xia and B. Kulis, "W-Net: a deep model for fully unsupervised image
       segmentation", arXiv:1711.08506, 2017: equation 2.
    """
    with torch.no_grad():
        spread = graph.spread(probabilities)
        constant = (probabilities * spread).sum((1, 2))
    inner = 2 * (probabilities * spread).sum((1, 2)) - constant
    total = (probabilities * graph.degrees).sum((1, 2))
    return len(probabilities) - (inner / total.clamp_min(1e-6)).sum()


def train_wnet(
    images: Sequence[np.ndarray], params: WNetParams, device: torch.device
) -> nn.Module:
    """Encoder of a W-Net, trained without labels.

    Parameters
    ----------
    images : sequence of (C, Y, X) float32 array
        Images in 0 to 1, at least one; each step takes the next of them.
    params : WNetParams
        Settings.
    device : torch.device
        Device of the networks.

    Returns
    -------
    encoder : nn.Module
        U-Net from an image to K channels, before softmax.

    Notes
    -----
    Each step updates the encoder by the soft normalized cut, then both U-Nets by the squared
    error of the reconstruction, as in algorithm 1 of [1]_. The U-Nets have three resolutions
    instead of five and no dropout, and are trained for hundreds of steps instead of 50 000.

    References
    ----------
    .. [1] X. Xia and B. Kulis, "W-Net: a deep model for fully unsupervised image
       segmentation", arXiv:1711.08506, 2017.
    """
    n_channels, n_classes = len(images[0]), params.n_partitions
    encoder = seeded_network(lambda: UNet(n_channels, n_classes), params.seed, device)
    decoder = seeded_network(lambda: UNet(n_classes, n_channels), params.seed + 1, device)
    rate = params.learning_rate
    cutting = torch.optim.Adam(encoder.parameters(), lr=rate)
    rebuilding = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=rate)
    inputs = [_network_input(pixels, params, device) for pixels in images]
    graphs = [pixel_graph(image[0], params) for image in inputs]
    for step in range(params.n_iterations):
        image, graph = inputs[step % len(inputs)], graphs[step % len(inputs)]
        with torch.enable_grad(), reproducible(device):
            cutting.zero_grad()
            torch.autograd.backward(soft_ncut_loss(encoder(image)[0].softmax(0), graph))
            cutting.step()
            rebuilding.zero_grad()
            rebuilt = decoder(encoder(image).softmax(1))
            torch.autograd.backward((rebuilt - image).square().sum(1).mean())
            rebuilding.step()
    return encoder


def wnet_probabilities(
    pixels: np.ndarray, encoder: nn.Module, params: WNetParams, device: torch.device
) -> np.ndarray:
    """Class probabilities of a trained W-Net, at the size of the image.

    Parameters
    ----------
    pixels : (C, Y, X) float32 array
        Image in 0 to 1.
    encoder : nn.Module
        Encoder from `train_wnet`.
    params : WNetParams
        Settings of the training.
    device : torch.device
        Device of the encoder.

    Returns
    -------
    probabilities : (K, Y, X) float32 array
        Probabilities, with a sum of one over K; upsampled bilinearly if the network saw a
        downsampled image.
    """
    with torch.no_grad():
        small = encoder(_network_input(pixels, params, device)).softmax(1)
        full = nn.functional.interpolate(
            small, size=list(pixels.shape[1:]), mode="bilinear", align_corners=False
        )
    return np.asarray(full[0].contiguous().cpu().numpy())


def _network_input(pixels: np.ndarray, params: WNetParams, device: torch.device) -> Tensor:
    """Image as a batch of one, downsampled to at most ``longest_side`` pixels a side."""
    image = torch.from_numpy(pixels)[None].to(device)
    ratio = min(1.0, params.longest_side / max(pixels.shape[1:]))
    size = [max(1, round(side * ratio)) for side in pixels.shape[1:]]
    if ratio < 1:
        image = nn.functional.interpolate(image, size=size, mode="area")
    return image.contiguous(memory_format=torch.channels_last)
