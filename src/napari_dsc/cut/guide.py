"""What scribbles ask of the cut: classes that some superpixels must have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from torch import Tensor


class Guide:
    """Steers the votes and the label loss; without scribbles, none.

    Parameters
    ----------
    fixed : (M,) int64 array
        Class that a superpixel must have; -1 leaves it free.
    sizes : (M,) int64 tensor
        Pixels of each superpixel, on the device to work on.
    n_partitions : int
        Number of classes ``K``.

    Attributes
    ----------
    weights : (M,) float32 tensor
        Weight of each superpixel's pixels in the label loss; they sum to 1 over all pixels.

    Notes
    -----
    Which feature stands for which class is chance, so an order of the features is chosen once,
    at the first step, which agrees best with the scribbles. The scribbled superpixels
    of each class weigh as much in the label loss as all free ones together; else the few would
    be outvoted by their likes.
    """

    def __init__(self, fixed: np.ndarray, sizes: Tensor, n_partitions: int) -> None:
        self._fixed = fixed
        self._is_free = bool((fixed < 0).all())
        self._wanted = torch.from_numpy(fixed).to(sizes.device)
        self._feature_of = torch.arange(n_partitions, device=sizes.device)
        self._is_arranged = self._is_free
        weights = _weights(self._wanted, sizes)
        self.weights = weights / (weights * sizes).sum()

    def winners(self, votes: Tensor) -> Tensor:
        """Feature of each superpixel's pseudo label: that with most votes, or the wanted one.

        Parameters
        ----------
        votes : (M, K) int64 tensor
            Those of the first call decide on the order.

        Returns
        -------
        winners : (M,) int64 tensor
            Numbers of features, see `by_class`.
        """
        if not self._is_arranged:
            order = _best_order(self._fixed, votes.cpu().numpy())
            self._feature_of = torch.from_numpy(order).to(votes.device)
            self._is_arranged = True
        most = votes.argmax(1)
        if self._is_free:
            return most
        return torch.where(self._wanted < 0, most, self._feature_of[self._wanted])

    def by_class(self, winners: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Turn what belongs to features into what belongs to classes.

        Parameters
        ----------
        winners : (M,) int64 tensor
            Numbers of features.
        values : (M, K) tensor
            One column for each feature.

        Returns
        -------
        classes : (M,) int64 tensor
            Class that each feature stands for.
        values : (M, K) tensor
            One column for each class.
        """
        if self._is_free:
            return winners, values
        return self._feature_of.argsort()[winners], values[:, self._feature_of]


def _best_order(fixed: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """Feature for each class, (K,), so that most scribbled superpixels vote as they should."""
    n_partitions = votes.shape[1]
    agreement = np.zeros((n_partitions, n_partitions))
    np.add.at(agreement, (fixed[fixed >= 0], votes.argmax(1)[fixed >= 0]), 1)
    order: np.ndarray = linear_sum_assignment(agreement, maximize=True)[1]
    return order


def _weights(wanted: Tensor, sizes: Tensor) -> Tensor:
    """Weight of each superpixel's pixels, from the class it must have or -1, (M,) float32."""
    pixels = torch.bincount(wanted + 1, sizes.to(torch.float64))
    return (pixels[0] / pixels).clamp(min=1.0)[wanted + 1].float()
