"""The superpixel graph: equation 7 on pairs of neighbors, never as an M x M matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_dsc.hierarchy.construction import tree_of_superpixels
from napari_dsc.hierarchy.tree import leaf_altitudes
from napari_dsc.machine.side_process import run_in_side_process
from napari_dsc.params import TreeParams

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dsc.params import CutParams


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


def superpixel_altitudes(
    pixels: np.ndarray, superpixels: np.ndarray, params: CutParams
) -> np.ndarray:
    """Altitude at which each pair of superpixels merges in a tree, for `altitude_affinity`.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image with values in 0 to 1.
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``.
    params : CutParams
        Altitudes are computed only if its ``affinity`` is ``tree``.

    Returns
    -------
    altitudes : (M, M) float32 array
        An ultrametric: symmetric, 0 on the diagonal. Of shape (0, 0) if ``affinity`` is
        ``features``.

    Raises
    ------
    InvalidParameterError
        If a tree is needed and there are more than 5000 superpixels.
    """
    if params.affinity == "features":
        return np.zeros((0, 0), np.float32)
    tree = run_in_side_process(tree_of_superpixels, pixels, superpixels, TreeParams())
    return leaf_altitudes(tree)


def altitude_affinity(altitudes: np.ndarray, pairs: np.ndarray, *, scale: float) -> Tensor:
    """Equation 7 with the altitude of a merge tree in place of the distance of features.

    Parameters
    ----------
    altitudes : (M, M) float array
        Altitude at which each pair of superpixels merges.
    pairs : (2, E) int64 array
        Pairs of superpixels.
    scale : float
        Altitude at which the affinity is 1/e.

    Returns
    -------
    affinity : (E,) float32 tensor
        Values ``w`` in [0, 1].

    Examples
    --------
    >>> altitude_affinity(np.array([[0, 2], [2, 0]]), np.array([[0, 0], [0, 1]]), scale=2.0)
    tensor([1.0000, 0.3679])
    """
    first, second = pairs
    return torch.from_numpy(np.exp(-np.square(altitudes[first, second] / scale))).float()
