"""Unsupervised image segmentation by backpropagation (Kanezaki 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from napari_dsc.baselines.networks import convolutions, outputs_of, seeded_network
from napari_dsc.labels.means import region_majority
from napari_dsc.machine.device import reproducible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_dsc.params import BackpropParams

N_LAYERS = 2


def iter_backprop(
    pixels: np.ndarray, superpixels: np.ndarray, params: BackpropParams, device: torch.device
) -> Iterator[np.ndarray]:
    """Train a network to predict at each pixel the majority class of its superpixel.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image or stack in 0 to 1; the network sees a stack plane by plane.
    superpixels : S int array
        Superpixels ``0 .. M - 1``.
    params : BackpropParams
        Settings.
    device : torch.device
        Device of the network.

    Yields
    ------
    labels : S int64 array
        Class of each pixel's superpixel, in ``0 .. n_features - 1``, at each iteration.

    Notes
    -----
    The network is that of the author's published program: two layers of 3x3 convolution, ReLU
    and batch norm, then a 1x1 convolution and batch norm. As in DSC, labels are yielded after
    their refinement by superpixels; the class of each single pixel would make thousands of
    specks.

    References
    ----------
    .. [1] A. Kanezaki, "Unsupervised image segmentation by backpropagation", ICASSP, 2018.
    """
    n_channels, n_superpixels = len(pixels), int(superpixels.max()) + 1
    network = seeded_network(lambda: _network(n_channels, params), params.seed, device)
    planes = np.moveaxis(pixels, 0, -3).reshape(-1, n_channels, *pixels.shape[-2:])
    image = torch.from_numpy(planes).to(device, memory_format=torch.channels_last)
    regions = torch.from_numpy(superpixels.ravel()).to(device)
    optimizer = torch.optim.SGD(
        network.parameters(), lr=params.learning_rate, momentum=params.momentum
    )
    for _ in range(params.n_iterations):
        with torch.enable_grad(), reproducible(device):
            optimizer.zero_grad()
            outputs = outputs_of(network, image, params.precision)
            features = outputs.movedim(1, -1).flatten(0, -2)  # (N, n_features)
            classes = region_majority(
                features.argmax(1), regions, n_superpixels, params.n_features
            )
            target = classes[regions]
            torch.autograd.backward(functional.cross_entropy(features, target))
            optimizer.step()
        yield target.view(superpixels.shape).cpu().numpy()


def _network(n_channels: int, params: BackpropParams) -> nn.Module:
    width = params.n_features
    return nn.Sequential(
        *convolutions(n_channels, width, N_LAYERS),
        nn.Conv2d(width, width, 1),
        nn.BatchNorm2d(width),
    )


def labels_at_counts(steps: Iterator[np.ndarray], counts: Sequence[float]) -> list[np.ndarray]:
    """First label images of a run with at most a given number of classes.

    Parameters
    ----------
    steps : iterator of S int array
        Label images with falling numbers of classes; the iterator is advanced only as far as
        needed.
    counts : sequence of float
        Largest numbers of classes.

    Returns
    -------
    labels : list of S int array
        One label image per count; the last of the run if it always has more classes.

    Raises
    ------
    ValueError
        If there are no steps.

    Examples
    --------
    >>> steps = [np.array([[0, 1, 2]]), np.array([[0, 1, 1]]), np.array([[1, 1, 1]])]
    >>> labels_at_counts(iter(steps), (2, 4))
    [array([[0, 1, 1]]), array([[0, 1, 2]])]
    """
    found: dict[float, np.ndarray] = {}
    labels = None
    for labels in steps:
        n_classes = len(np.unique(labels))
        found |= {c: labels for c in counts if n_classes <= c and c not in found}
        if len(found) == len(set(counts)):
            break
    if labels is None:
        raise ValueError("steps: got none, expected at least one")
    return [found.get(count, labels) for count in counts]
