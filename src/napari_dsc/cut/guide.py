"""What scribbles ask of the cut: classes that some superpixels must have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch.nn import functional

from napari_dsc.cut.losses import label_loss, superpixel_classes

if TYPE_CHECKING:
    from torch import Tensor


class Guide:
    """Steers the votes, the order of the classes and the label loss; without scribbles, none.

    Parameters
    ----------
    fixed : (M,) int64 array
        Class that a superpixel must have; -1 leaves it free.
    regions : (N,) int64 tensor
        Superpixel of each pixel, on the device to work on.

    Notes
    -----
    Which feature stands for which class is chance, so the features are put once, before the
    first step, into the order that agrees best with the scribbles. The scribbled superpixels
    of each class weigh as much in the label loss as all free ones together; else the few would
    be outvoted by their likes.
    """

    def __init__(self, fixed: np.ndarray, regions: Tensor) -> None:
        self._wanted = torch.from_numpy(fixed).to(regions.device)
        self._regions = regions
        self._is_free = bool((fixed < 0).all())
        self._weights = _weights(self._wanted[regions])
        self._order: Tensor | None = None

    def arrange(self, features: Tensor) -> Tensor:
        """Put the features into the order of the classes.

        Parameters
        ----------
        features : (N, K) float tensor
            As the network gives them; those of the first call decide.

        Returns
        -------
        features : (N, K) float tensor
            Differentiable.
        """
        if self._is_free:
            return features
        if self._order is None:
            self._order = self._best_order(features.detach())
        return features[:, self._order]

    def _best_order(self, features: Tensor) -> Tensor:
        """Feature for each class, so that most scribbled superpixels vote as they should."""
        n_partitions, n_superpixels = features.shape[1], len(self._wanted)
        votes = superpixel_classes(features, self._regions, n_superpixels).cpu().numpy()
        wanted = self._wanted.cpu().numpy()
        agreement = np.zeros((n_partitions, n_partitions))
        np.add.at(agreement, (wanted[wanted >= 0], votes[wanted >= 0]), 1)
        _, order = linear_sum_assignment(agreement, maximize=True)
        return torch.from_numpy(order).to(features.device)

    def classes(self, votes: Tensor) -> Tensor:
        """Replace the votes of scribbled superpixels, (M,) int64."""
        return torch.where(self._wanted < 0, votes, self._wanted)

    def label_loss(self, features: Tensor, pseudo_labels: Tensor) -> Tensor:
        """Equation 3 with the weights of the scribbles.

        Parameters
        ----------
        features : (N, K) float tensor
            In the order of the classes.
        pseudo_labels : (N,) int64 tensor
            Class of the pixel's superpixel.

        Returns
        -------
        loss : 0-d float tensor
            Weighted mean over pixels, in nats.
        """
        if self._is_free:
            return label_loss(features, pseudo_labels)
        losses = functional.cross_entropy(features, pseudo_labels, reduction="none")
        return (losses * self._weights).sum() / self._weights.sum()


def _weights(wanted: Tensor) -> Tensor:
    """Weight of each pixel, from the class it must have or -1, (N,) float."""
    sizes = torch.bincount(wanted + 1)
    return (sizes[0] / sizes).clamp(min=1.0)[wanted + 1]
