"""The superpixel graph: equation 7 on pairs of neighbors, never as an M x M matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dsc.regions import neighbour_pairs, region_centroids

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


def superpixel_pairs(superpixels: np.ndarray, radius_factor: float) -> np.ndarray:
    """Pairs of superpixels that equation 7 joins.

    Parameters
    ----------
    superpixels : S int array
        Superpixels ``0 .. M - 1``.
    radius_factor : float
        Radius ``d`` in mean superpixel widths ``(N / M) ** (1 / len(S))``; 2 in the paper.

    Returns
    -------
    pairs : (2, E) int64 array
        Ordered pairs, each superpixel with itself among them.
    """
    centroids = region_centroids(superpixels)
    width = (superpixels.size / len(centroids)) ** (1 / superpixels.ndim)
    return neighbour_pairs(centroids, radius_factor * width)


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
