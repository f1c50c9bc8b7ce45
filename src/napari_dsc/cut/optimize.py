"""Algorithm 2: train the embedding on one image until its superpixels merge."""

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd

from napari_dsc.cut import objective
from napari_dsc.machine.device import reproducible
from napari_dsc.params import CutParams

# share of superpixels that may change their class in a step that counts as quiet
QUIET = 0.005
# steps before the recording: in them torch allocates memory and cuDNN picks its algorithms;
# as in the documentation of torch.cuda.graphs
WARM_UP = 3


class Network(Protocol):
    """The interface of a network that the cut trains."""

    norm: nn.BatchNorm2d

    @property
    def encoder(self) -> nn.Module:
        """The part that ``CutParams.encoder`` freezes or trains."""

    def levels(self, image: Tensor) -> list[Tensor]:
        """Feature maps of the encoder, one for each of its levels."""

    def mixed(self, levels: list[Tensor]) -> Tensor:
        """Features of the head before `norm`, (P, K, Y', X')."""

    def __call__(self, image: Tensor) -> Tensor:
        """Features after `norm`."""

    def modules(self) -> Iterator[nn.Module]:
        """Layers, in the order in which an image passes them."""

    def eval(self) -> object:
        """Switch to evaluation mode."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """All weights, of encoder and head."""

    def train(self) -> object:
        """Switch to training mode."""


def iter_cut(
    image: Tensor,
    superpixels: np.ndarray,
    embedding: Network,
    params: CutParams,
    fixed: np.ndarray,
    *,
    side_information: objective.SideInformation = objective.NO_SIDE_INFORMATION,
) -> Iterator[objective.CutStep]:
    """Merge superpixels, one training step at a time.

    Parameters
    ----------
    image : (1, C, Y, X) float tensor
        Image ``x`` in [0, 1], on the device and in the memory format of the cut; for a
        volume its planes, (Z, C, Y, X).
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``; S is (Y, X) or (P, Y, X).
    embedding : Network
        Network from the image to features, on the device of the image. It is trained in
        place, in training mode.
    params : CutParams
        Settings.
    fixed : (M,) int64 array
        Class that the user gave to each superpixel, or -1; see `Guide`.
    side_information : SideInformation
        Merge altitudes and voxel spacing of the superpixels.

    Yields
    ------
    step : CutStep
        ``n_iterations`` times; fewer if `patience` ends the cut early.

    Notes
    -----
    The affinity is held constant within each step, as in equation 11.
    """
    descent = Descent(embedding, params)
    aim = objective.Objective(superpixels, fixed, image.device, params, side_information)
    features = iter_features(embedding, image, params)

    def step() -> objective.StepOutcome:
        total, outcome = aim.losses(next(features), embedding.norm)
        descent.update(total)
        return outcome

    outcomes = (
        iter_replayed(step, image.device)
        if params.graphs == "on" and image.device.type == "cuda"
        else iter(step, None)
    )
    is_settled = Settled(params.patience)
    for iteration in range(1, params.n_iterations + 1):
        with torch.enable_grad(), reproducible(image.device):
            outcome = next(outcomes)
        yield aim.cut_step(iteration, outcome)
        if is_settled(outcome.winners):
            return


class Descent:
    """Stochastic gradient descent on the trainable parameters of a network.

    Parameters
    ----------
    embedding : Network
        Trained in place; it is switched to training mode.
    params : CutParams
        Settings.
    """

    def __init__(self, embedding: Network, params: CutParams) -> None:
        embedding.encoder.requires_grad_(params.encoder == "trained")
        self._params = params
        self._weights: list[Tensor] = [
            weight for weight in embedding.parameters() if weight.requires_grad
        ]
        self._momenta: list[Tensor | None] = [None] * len(self._weights)
        embedding.train()

    def update(self, total: Tensor) -> None:
        """Update the weights by one step down the gradient of a loss.

        Parameters
        ----------
        total : 0-d float tensor
            Differentiable loss.

        Notes
        -----
        This calls torch's function `sgd`, because using the class `SGD` would load the
        compiler of torch.
        """
        gradients = torch.autograd.grad(total, self._weights)
        with torch.no_grad():
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
    """Decide when the classes have stopped changing.

    Parameters
    ----------
    patience : int
        Number of successive quiet steps after which the classes count as settled; a step is
        quiet if at most 0.5 % of the superpixels change their class. 0: never settled.

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
        """Whether the classes are settled, given those of the next step, (M,) int64."""
        if self._patience == 0:
            return False
        if self._before is not None:
            n_changed = int((classes != self._before).sum())
            self._n_quiet = self._n_quiet + 1 if n_changed <= QUIET * len(classes) else 0
        self._before = classes
        return self._n_quiet >= self._patience


def iter_features(embedding: Network, image: Tensor, params: CutParams) -> Iterator[Tensor]:
    """Features before batch norm, each time with the current weights.

    Parameters
    ----------
    embedding : Network
        Network whose weights may change between two features.
    image : (P, C, Y, X) float tensor
        Planes in [0, 1].
    params : CutParams
        Settings.

    Yields
    ------
    features : (P, K, Y', X') float tensor
        Features of all planes; the iterator never ends.
    """
    is_half = params.precision == "bfloat16"
    is_trained = params.encoder == "trained"
    levels: list[Tensor] = []
    while True:
        with torch.autocast(image.device.type, torch.bfloat16, enabled=is_half):
            if is_trained or not levels:  # a frozen encoder sees the image once
                levels = embedding.levels(image)
            yield embedding.mixed(levels)


def iter_replayed(
    step: Callable[[], objective.StepOutcome], device: torch.device
) -> Iterator[objective.StepOutcome]:
    """Repeat a step, replayed from a CUDA graph after warm-up.

    Parameters
    ----------
    step : callable
        Takes one step. It must run the same operations on tensors of the same shapes each
        time, and never wait for the device.
    device : torch.device
        A CUDA device.

    Yields
    ------
    outcome : StepOutcome
        Copies, which the next step does not overwrite; the iterator never ends.
    """
    side = torch.cuda.Stream(device)
    for _ in range(WARM_UP):
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side):
            outcome = step()
        torch.cuda.current_stream(device).wait_stream(side)
        yield outcome
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=side):
        recorded = step()
    while True:
        graph.replay()
        yield objective.StepOutcome(*(tensor.clone() for tensor in recorded))
