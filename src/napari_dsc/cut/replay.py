"""CUDA graphs: a training step recorded once, then replayed without launching its kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

# steps before the recording: in them torch allocates memory and cuDNN picks its algorithms;
# as in the documentation of torch.cuda.graphs
WARM_UP = 3


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


def iter_replayed(
    step: Callable[[], StepOutcome], device: torch.device
) -> Iterator[StepOutcome]:
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
        yield StepOutcome(*(tensor.clone() for tensor in recorded))
