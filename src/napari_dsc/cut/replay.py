"""CUDA graphs: a step recorded once and replayed, without the time its launches take."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

# steps before the recording: they allocate, tune and choose
WARM_UP = 3


class Outcome(NamedTuple):
    """What a training step gives.

    Attributes
    ----------
    label_loss, cut_loss : 0-d float tensor
        The losses L1 and L2.
    winners : (M,) int64 tensor
        Feature that stands for each superpixel's pseudo label.
    assignment : (M, K) float tensor
        Mean probability of each superpixel for each feature.
    """

    label_loss: Tensor
    cut_loss: Tensor
    winners: Tensor
    assignment: Tensor


def iter_replayed(step: Callable[[], Outcome], device: torch.device) -> Iterator[Outcome]:
    """Take a step again and again, from a recording after the first few.

    Parameters
    ----------
    step : callable
        Takes one step; the same operations on tensors of the same shape each time, without
        waiting for the device.
    device : torch.device
        A CUDA device.

    Yields
    ------
    outcome : Outcome
        Without end; copies, which the next step does not overwrite.
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
        yield Outcome(*(tensor.clone() for tensor in recorded))
