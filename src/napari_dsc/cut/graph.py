"""The superpixel graph: equation 7 on pairs of neighbors, never as an M x M matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def pair_affinity(features: Tensor, pairs: Tensor, *, scale: float) -> Tensor:
    """Equation 7: similarity of two superpixels by the distance of their features.

    Parameters
    ----------
    features : (M, K) float tensor
        Mean feature ``g`` of each superpixel (equation 5).
    pairs : (2, E) int64 tensor
        Pairs of superpixels.
    scale : float
        Feature distance ``sigma`` at which the affinity is 1/e.

    Returns
    -------
    affinity : (E,) float tensor
        Values ``w`` in [0, 1].

    Examples
    --------
    >>> import torch
    >>> pair_affinity(torch.tensor([[0.0], [2.0]]), torch.tensor([[0, 0], [0, 1]]), scale=2.0)
    tensor([1.0000, 0.3679])
    """
    first, second = pairs
    return (-(features[first] - features[second]).square().sum(1) / scale**2).exp()
