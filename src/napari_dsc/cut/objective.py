"""The loss of the cut on the superpixels of one image: equations 3 to 8."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from napari_dsc.cut.guide import Guide, altitude_affinity, pair_affinity
from napari_dsc.cut.sums import SuperpixelSums, superpixel_sums
from napari_dsc.labels.neighbors import region_pairs
from napari_dsc.params import CutParams

# pairs of 100 superpixels, 10.7 for each: the mean over SLIC superpixels of photographs, with
# the paper's neighborhood of 2 widths
PAIRS_OF_A_HUNDRED = 1070
NO_ALTITUDES = np.zeros((0, 0), np.float32)


class SideInformation(NamedTuple):
    """Merge altitudes and voxel spacing of superpixels.

    Parameters
    ----------
    altitudes : (M, M) float array
        Altitude at which each pair of superpixels merges in a tree; of shape (0, 0) unless
        ``affinity`` is ``tree``.
    spacing : tuple of float
        Pixel size along S; empty for isotropic pixels.
    """

    altitudes: np.ndarray = NO_ALTITUDES
    spacing: tuple[float, ...] = ()


NO_SIDE_INFORMATION = SideInformation()


class CutStep(NamedTuple):
    """Losses and classes of one step, before its update of the weights; on the device.

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


class StepOutcome(NamedTuple):
    """Losses and pseudo labels of a training step.

    Attributes
    ----------
    label_loss, cut_loss : 0-d float tensor
        The losses L1 and L2.
    winners : (M,) int64 tensor
        Pseudo label of each superpixel, as the number of a feature.
    assignment : (M, K) float tensor
        Mean probability of each superpixel for each feature.
    """

    label_loss: Tensor
    cut_loss: Tensor
    winners: Tensor
    assignment: Tensor


class Objective:
    """The loss of features on the superpixels of one image.

    Parameters
    ----------
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``.
    fixed : (M,) int64 array
        Class that the user gave to each superpixel, or -1; see `Guide`.
    device : torch.device
        Device of the features.
    params : CutParams
        Settings.
    side_information : SideInformation
        Merge altitudes and voxel spacing of the superpixels.
    """

    def __init__(
        self,
        superpixels: np.ndarray,
        fixed: np.ndarray,
        device: torch.device,
        params: CutParams,
        side_information: SideInformation = NO_SIDE_INFORMATION,
    ) -> None:
        pairs = region_pairs(superpixels, params.radius_factor, side_information.spacing)
        n_superpixels = len(fixed)
        self._superpixels = torch.from_numpy(superpixels).to(device)
        self._pairs = torch.from_numpy(pairs).to(device)
        self._affinity = _affinity(params, self._pairs, side_information.altitudes)
        self._sizes = torch.bincount(self._superpixels.flatten(), minlength=n_superpixels)
        self._guide = Guide(fixed, self._sizes, params.n_partitions)
        self._cut_weight = params.cut_weight / cut_weight_divisor(
            params, n_superpixels, pairs.shape[1]
        )
        self._params = params

    def losses(self, features: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, StepOutcome]:
        """Weighted sum of both losses, with gradient, and the outcome of the step.

        Parameters
        ----------
        features : (1, K, Y', X') float tensor
            Features before batch norm; for a volume one map for each plane, (Z, K, Y', X').
        norm : BatchNorm2d
            Batch norm of the features.

        Returns
        -------
        total : 0-d float tensor
            ``alpha L1 + beta L2``, differentiable.
        outcome : StepOutcome
            Both losses, the pseudo labels and the assignment, without gradient.
        """
        sums = superpixel_sums(features, norm, self._superpixels, len(self._sizes))
        winners = self._guide.winners(sums.votes)
        assignment = sums.probabilities / self._sizes.unsqueeze(1)  # Q, equation 6
        # G, equation 5; equation 11 differentiates with W held constant, hence detached
        means = sums.features.detach() / self._sizes.unsqueeze(1)
        label = label_loss(sums, winners, self._guide.weights)
        cut = cut_loss(assignment, self._pairs, self._affinity(means))
        total = self._params.label_weight * label + self._cut_weight * cut
        return total, StepOutcome(label.detach(), cut.detach(), winners, assignment.detach())

    def cut_step(self, iteration: int, outcome: StepOutcome) -> CutStep:
        """Step of the cut from its outcome, with features renumbered to classes."""
        classes, assignment = self._guide.by_class(outcome.winners, outcome.assignment)
        return CutStep(iteration, outcome.label_loss, outcome.cut_loss, classes, assignment)


def _affinity(
    params: CutParams, pairs: Tensor, altitudes: np.ndarray
) -> Callable[[Tensor], Tensor]:
    """Function from the mean features of the superpixels, (M, K), to affinities, (E,)."""
    if params.affinity == "features":
        return partial(pair_affinity, pairs=pairs, scale=params.affinity_scale)
    constant = altitude_affinity(
        altitudes, pairs.cpu().numpy(), scale=params.altitude_scale
    ).to(pairs.device)
    return lambda _: constant


def cut_weight_divisor(params: CutParams, n_superpixels: int, n_pairs: int) -> float:
    """Divisor of ``cut_weight`` that gives ``beta``; both choices agree at M = 100.

    Parameters
    ----------
    params : CutParams
        Its ``cut_normalization`` is the choice.
    n_superpixels : int
        Number of superpixels ``M``.
    n_pairs : int
        Number of pairs ``E``.

    Returns
    -------
    divisor : float
        For ``superpixels`` the paper's ``M**2``. For ``pairs`` ``100**2`` times the number of
        pairs over 1070, the pairs of 100 superpixels.
    """
    if params.cut_normalization == "superpixels":
        return n_superpixels**2
    return n_pairs / PAIRS_OF_A_HUNDRED * 100**2


def label_loss(sums: SuperpixelSums, classes: Tensor, weights: Tensor) -> Tensor:
    """Equation 3: cross-entropy between the pixels and the classes of their superpixels.

    Parameters
    ----------
    sums : SuperpixelSums
        Sums of the features ``F`` over each superpixel.
    classes : (M,) int64 tensor
        Class of each superpixel, ``C_j``: the pseudo label of its pixels.
    weights : (M,) float tensor
        Weight of each pixel of a superpixel; the weights of all pixels sum to 1.

    Returns
    -------
    loss : 0-d float tensor
        Weighted mean over pixels, in nats.

    Notes
    -----
    The paper sums over pixels; the mean keeps the balance with the cut loss independent of
    the size of the image. Equation 9 drops the minus sign of equation 3; it is kept here.

    All pixels of a superpixel share one pseudo label ``c``, and ``log softmax(f)_c`` is
    ``f_c`` minus the logarithm of the softmax's denominator. So the sum over the pixels of a
    superpixel needs only the sums of both terms.

    Examples
    --------
    >>> import torch
    >>> from napari_dsc.cut.sums import SuperpixelSums
    >>> zeros = torch.zeros(2, 2)  # two pixels, then one, without preference
    >>> sums = SuperpixelSums(zeros, zeros, torch.tensor([2, 1]) * torch.tensor(2).log(), zeros)
    >>> label_loss(sums, torch.tensor([0, 1]), torch.ones(2) / 3)
    tensor(0.6931)
    """
    chosen = sums.features.gather(1, classes.unsqueeze(1)).squeeze(1)
    return (weights * (sums.log_totals - chosen)).sum()


def cut_loss(assignment: Tensor, pairs: Tensor, affinity: Tensor) -> Tensor:
    """Equation 8: affinity of the pairs that the soft partition separates.

    Parameters
    ----------
    assignment : (M, K) float tensor
        Probability ``Q`` of each superpixel for each class (equation 6); rows sum to one.
    pairs : (2, E) int64 tensor
        Ordered pairs of superpixels.
    affinity : (E,) float tensor
        Affinity ``w`` of each pair (equation 7).

    Returns
    -------
    loss : 0-d float tensor
        Sum over pairs of ``w_ab (1 - <q_a, q_b>)``. Because the rows of Q sum to one, this
        is the paper's sum over k of ``Q_k' W (1 - Q_k)``.

    Examples
    --------
    >>> import torch
    >>> separate = torch.eye(2)
    >>> cut_loss(separate, torch.tensor([[0, 1], [1, 0]]), torch.tensor([0.5, 0.5]))
    tensor(1.)
    """
    first, second = pairs
    return (affinity * (1 - (assignment[first] * assignment[second]).sum(1))).sum()
