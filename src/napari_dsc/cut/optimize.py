"""Algorithm 2: training the embedding on one image until superpixels merge."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import torch
from torch.optim.sgd import sgd

from napari_dsc.cut.graph import altitude_affinity, pair_affinity, superpixel_pairs
from napari_dsc.cut.guide import Guide
from napari_dsc.cut.losses import cut_loss, label_loss
from napari_dsc.cut.replay import Outcome, iter_replayed
from napari_dsc.cut.sums import superpixel_sums
from napari_dsc.device import reproducible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from napari_dsc.params import CutParams

# 10.7 pairs a superpixel: the mean over SLIC superpixels of natural images at d = 2 widths
PAIRS_OF_A_HUNDRED = 1070
# share of superpixels that may change in a step that counts as quiet
QUIET = 0.005
NO_ALTITUDES = np.zeros((0, 0), np.float32)


class Network(Protocol):
    """What the cut asks of a network."""

    norm: nn.BatchNorm2d

    @property
    def encoder(self) -> nn.Module:
        """The part that may stay frozen."""

    def levels(self, image: Tensor) -> list[Tensor]:
        """What the encoder makes of an image."""

    def mixed(self, levels: list[Tensor]) -> Tensor:
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
    *,
    altitudes: np.ndarray = NO_ALTITUDES,
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
    altitudes : (M, M) float array
        Altitude at which each two superpixels merge, where ``affinity`` is ``tree``.

    Yields
    ------
    step : CutStep
        ``n_iterations`` times, or fewer with `patience`.

    Notes
    -----
    The affinity is held constant in each step: equation 11 differentiates that way.
    """
    training = _Training(image, superpixels, embedding, params, fixed, altitudes)
    outcomes = (
        iter_replayed(training.step, image.device)
        if params.graphs == "on" and image.device.type == "cuda"
        else iter(training.step, None)
    )
    is_settled = Settled(params.patience)
    for iteration in range(1, params.n_iterations + 1):
        with torch.enable_grad(), reproducible(image.device):
            label, cut, winners, assignment = next(outcomes)
        classes, assignment = training.guide.in_order(winners, assignment)
        yield CutStep(iteration, label, cut, classes, assignment)
        if is_settled(winners):
            return


class _Training:
    """A training step on the image, to be taken again and again; arguments of `iter_cut`."""

    def __init__(  # noqa: PLR0917 - those of `iter_cut`
        self,
        image: Tensor,
        superpixels: np.ndarray,
        embedding: Network,
        params: CutParams,
        fixed: np.ndarray,
        altitudes: np.ndarray,
    ) -> None:
        pairs = superpixel_pairs(superpixels, params.radius_factor)
        n_superpixels = len(fixed)
        self._superpixels = torch.from_numpy(superpixels).to(image.device)
        self._pairs = torch.from_numpy(pairs).to(image.device)
        self._affinity = _affinity(params, self._pairs, altitudes)
        self._sizes = torch.bincount(self._superpixels.flatten(), minlength=n_superpixels)
        self.guide = Guide(fixed, self._sizes, params.n_partitions)
        self._cut_weight = params.cut_weight / normalization(
            params, n_superpixels, pairs.shape[1]
        )
        self._params, self._norm = params, embedding.norm
        self._features = _iter_features(embedding, image, params)
        embedding.encoder.requires_grad_(params.encoder == "trained")
        self._weights: list[Tensor] = [
            each for each in embedding.parameters() if each.requires_grad
        ]
        self._momenta: list[Tensor | None] = [None] * len(self._weights)
        embedding.train()

    def step(self) -> Outcome:
        """Both losses, the winners and the assignment, and new weights."""
        sums = superpixel_sums(
            next(self._features), self._norm, self._superpixels, len(self._sizes)
        )
        winners = self.guide.winners(sums.votes)
        assignment = sums.probabilities / self._sizes.unsqueeze(1)
        means = sums.features.detach() / self._sizes.unsqueeze(1)
        label = label_loss(sums, winners, self.guide.weights)
        cut = cut_loss(assignment, self._pairs, self._affinity(means))
        total = self._params.label_weight * label + self._cut_weight * cut
        self._descend(torch.autograd.grad(total, self._weights))
        return Outcome(label.detach(), cut.detach(), winners, assignment.detach())

    @torch.no_grad()
    def _descend(self, gradients: tuple[Tensor, ...]) -> None:
        """Move the weights; the class `SGD` would load the compiler of torch for this."""
        sgd(
            self._weights,
            list(gradients),
            self._momenta,
            weight_decay=0,
            momentum=self._params.momentum,
            lr=self._params.learning_rate,
            dampening=0,
            nesterov=False,
            maximize=False,
        )


class Settled:
    """Tells when the classes have come to rest.

    Parameters
    ----------
    patience : int
        Steps in which nearly no class changes; 0 never ends.

    Examples
    --------
    >>> is_settled = Settled(2)
    >>> [is_settled(torch.tensor(classes)) for classes in ([0, 1], [0, 0], [0, 0], [0, 0])]
    [False, False, False, True]
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._n_quiet = 0
        self._before: Tensor | None = None

    def __call__(self, classes: Tensor) -> bool:
        """Look at the classes of one more step, (M,) int64."""
        if self._patience == 0:
            return False
        if self._before is not None:
            n_changed = int((classes != self._before).sum())
            self._n_quiet = self._n_quiet + 1 if n_changed <= QUIET * len(classes) else 0
        self._before = classes
        return self._n_quiet >= self._patience


def _iter_features(embedding: Network, image: Tensor, params: CutParams) -> Iterator[Tensor]:
    """Features before batch norm, (1, K, Y', X'), with the weights of the moment, for ever."""
    is_half = params.precision == "bfloat16"
    is_trained = params.encoder == "trained"
    levels: list[Tensor] = []
    while True:
        with torch.autocast(image.device.type, torch.bfloat16, enabled=is_half):
            if is_trained or not levels:
                levels = embedding.levels(image)
            yield embedding.mixed(levels)


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
