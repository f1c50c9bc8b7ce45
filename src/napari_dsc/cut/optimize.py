"""Algorithm 2: training the embedding on one image until superpixels merge."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch

from napari_dsc.cut.graph import pair_affinity, superpixel_pairs
from napari_dsc.cut.guide import Guide
from napari_dsc.cut.losses import cut_loss, label_loss
from napari_dsc.cut.sums import superpixel_sums
from napari_dsc.device import reproducible

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from torch import Tensor, nn

    from napari_dsc.params import CutParams

# 10.7 pairs a superpixel: the mean over SLIC superpixels of natural images at d = 2 widths
PAIRS_OF_A_HUNDRED = 1070


class Network(Protocol):
    """What the cut asks of a network."""

    norm: nn.BatchNorm2d

    def mixed(self, image: Tensor) -> Tensor:
        """Features before `norm`, (1, K, Y', X')."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Weights to train."""

    def train(self) -> object:
        """Enter the training mode."""


class CutStep(NamedTuple):
    """What one step of the cut saw, before it moved the weights; all on the device.

    Parameters
    ----------
    iteration : int
        Number of the step, from 1.
    label_loss, cut_loss : 0-d float tensor
        The losses L1 and L2, unweighted.
    classes : (M,) int64 tensor
        Class of each superpixel, in ``0 .. K - 1``.
    assignment : (M, K) float tensor
        Probability of each superpixel for each class, ``Q``.
    """

    iteration: int
    label_loss: Tensor
    cut_loss: Tensor
    classes: Tensor
    assignment: Tensor


def iter_cut(
    image: Tensor,
    superpixels: np.ndarray,
    embedding: Network,
    params: CutParams,
    fixed: np.ndarray,
) -> Iterator[CutStep]:
    """Merge superpixels, one training step at a time.

    Parameters
    ----------
    image : (1, C, *S) float tensor
        Image ``x`` in [0, 1], on the device and in the memory format to work in.
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``.
    embedding : Network
        Network from the image to features, on the device of the image. It is trained in
        place, in training mode.
    params : CutParams
        Settings.
    fixed : (M,) int64 array
        Class that a superpixel must have; -1 leaves it free, see `Guide`.

    Yields
    ------
    step : CutStep
        ``n_iterations`` times.

    Notes
    -----
    The affinity is held constant in each step: equation 11 differentiates that way.
    """
    n_superpixels = int(superpixels.max()) + 1
    regions = torch.from_numpy(superpixels).to(image.device)
    sizes = torch.bincount(regions.flatten())
    pairs = torch.from_numpy(superpixel_pairs(superpixels, params.radius_factor)).to(
        image.device
    )
    guide = Guide(fixed, sizes, params.n_partitions)
    cut_weight = params.cut_weight / normalization(params, n_superpixels, pairs.shape[1])
    optimizer = torch.optim.SGD(
        embedding.parameters(), lr=params.learning_rate, momentum=params.momentum
    )
    embedding.train()
    for iteration in range(1, params.n_iterations + 1):
        with torch.enable_grad(), reproducible(image.device):
            optimizer.zero_grad()
            features = _features(embedding, image, params)
            sums = superpixel_sums(features, embedding.norm, regions, n_superpixels)
            winners = guide.winners(sums.votes)
            assignment = sums.probabilities / sizes.unsqueeze(1)
            means = sums.features.detach() / sizes.unsqueeze(1)
            affinity = pair_affinity(means, pairs, scale=params.affinity_scale)
            losses = (
                label_loss(sums, winners, guide.weights),
                cut_loss(assignment, pairs, affinity),
            )
            total = params.label_weight * losses[0] + cut_weight * losses[1]
            torch.autograd.backward(total)
            optimizer.step()
        yield CutStep(
            iteration,
            losses[0].detach(),
            losses[1].detach(),
            guide.classes(winners),
            guide.in_order(assignment.detach()),
        )


def _features(embedding: Network, image: Tensor, params: CutParams) -> Tensor:
    """Features before batch norm, (1, K, Y', X')."""
    with torch.autocast(
        image.device.type, torch.bfloat16, enabled=params.precision == "bfloat16"
    ):
        return embedding.mixed(image)


def normalization(params: CutParams, n_superpixels: int, n_pairs: int) -> float:
    """What ``cut_weight`` is divided by to give ``beta``; both choices agree at M = 100.

    Parameters
    ----------
    params : CutParams
        Holds the choice.
    n_superpixels : int
        Number of superpixels ``M``.
    n_pairs : int
        Number of pairs ``E``.

    Returns
    -------
    divisor : float
        ``M**2``, or the number of pairs in units of those of 100 superpixels.
    """
    if params.cut_normalization == "superpixels":
        return n_superpixels**2
    return n_pairs / PAIRS_OF_A_HUNDRED * 100**2
