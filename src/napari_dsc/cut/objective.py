"""What the cut asks of the features of one image: equations 3 to 8 on its superpixels."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from napari_dsc.cut.graph import altitude_affinity, pair_affinity
from napari_dsc.cut.guide import Guide
from napari_dsc.cut.losses import cut_loss, label_loss
from napari_dsc.cut.replay import Outcome
from napari_dsc.cut.sums import superpixel_sums
from napari_dsc.labels.neighbors import region_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from napari_dsc.params import CutParams

# 10.7 pairs a superpixel: the mean over SLIC superpixels of natural images at d = 2 widths
PAIRS_OF_A_HUNDRED = 1070
NO_ALTITUDES = np.zeros((0, 0), np.float32)


class Known(NamedTuple):
    """What is known of superpixels besides the image.

    Parameters
    ----------
    altitudes : (M, M) float array
        Altitude at which each two superpixels merge, where ``affinity`` is ``tree``.
    spacing : tuple of float
        Pixel size along S; empty if all sides are equal.
    """

    altitudes: np.ndarray = NO_ALTITUDES
    spacing: tuple[float, ...] = ()


NOTHING = Known()


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


class Objective:
    """What the superpixels of one image ask of features.

    Parameters
    ----------
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``.
    fixed : (M,) int64 array
        Class that a superpixel must have; -1 leaves it free, see `Guide`.
    device : torch.device
        Where the features are.
    params : CutParams
        Settings.
    known : Known
        What else is known of the superpixels.
    """

    def __init__(
        self,
        superpixels: np.ndarray,
        fixed: np.ndarray,
        device: torch.device,
        params: CutParams,
        known: Known = NOTHING,
    ) -> None:
        pairs = region_pairs(superpixels, params.radius_factor, known.spacing)
        n_superpixels = len(fixed)
        self._superpixels = torch.from_numpy(superpixels).to(device)
        self._pairs = torch.from_numpy(pairs).to(device)
        self._affinity = _affinity(params, self._pairs, known.altitudes)
        self._sizes = torch.bincount(self._superpixels.flatten(), minlength=n_superpixels)
        self._guide = Guide(fixed, self._sizes, params.n_partitions)
        self._cut_weight = params.cut_weight / normalization(
            params, n_superpixels, pairs.shape[1]
        )
        self._params = params

    def losses(self, features: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Outcome]:
        """Weighted sum of both losses, to be differentiated, and what was seen on the way.

        Parameters
        ----------
        features : (1, K, Y', X') float tensor
            Features before batch norm; of a volume those of its planes, (Z, K, Y', X').
        norm : BatchNorm2d
            Their batch norm.

        Returns
        -------
        total : 0-d float tensor
            ``alpha L1 + beta L2``.
        outcome : Outcome
            Both losses, the winners and the assignment.
        """
        sums = superpixel_sums(features, norm, self._superpixels, len(self._sizes))
        winners = self._guide.winners(sums.votes)
        assignment = sums.probabilities / self._sizes.unsqueeze(1)
        means = sums.features.detach() / self._sizes.unsqueeze(1)
        label = label_loss(sums, winners, self._guide.weights)
        cut = cut_loss(assignment, self._pairs, self._affinity(means))
        total = self._params.label_weight * label + self._cut_weight * cut
        return total, Outcome(label.detach(), cut.detach(), winners, assignment.detach())

    def seen(self, iteration: int, outcome: Outcome) -> CutStep:
        """Outcome of a step, in the order of the classes."""
        classes, assignment = self._guide.in_order(outcome.winners, outcome.assignment)
        return CutStep(iteration, outcome.label_loss, outcome.cut_loss, classes, assignment)


def _affinity(
    params: CutParams, pairs: Tensor, altitudes: np.ndarray
) -> Callable[[Tensor], Tensor]:
    """Affinity of the pairs from the mean features of the superpixels, (E,)."""
    if params.affinity == "features":
        return partial(pair_affinity, pairs=pairs, scale=params.affinity_scale)
    constant = altitude_affinity(
        altitudes, pairs.cpu().numpy(), scale=params.altitude_scale
    ).to(pairs.device)
    return lambda _: constant


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
