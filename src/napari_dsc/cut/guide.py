"""Guides of the cut beside the image: affinities of the superpixel graph, and scribbles."""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from napari_dsc.hierarchy.consensus import leaf_altitudes
from napari_dsc.hierarchy.construction import tree_of_superpixels
from napari_dsc.machine.side_process import run_in_side_process
from napari_dsc.params import CutParams, TreeParams


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


class Guide:
    """Bring the scribbles into the pseudo labels and the label loss.

    Without scribbles it changes neither of them.

    Parameters
    ----------
    fixed : (M,) int64 array
        Class that the user gave to each superpixel, or -1.
    sizes : (M,) int64 tensor
        Number of pixels of each superpixel, on the device of the cut.
    n_partitions : int
        Number of classes ``K``.

    Attributes
    ----------
    weights : (M,) float32 tensor
        Weight of each superpixel's pixels in the label loss; they sum to 1 over all pixels.

    Notes
    -----
    The network's features have no fixed meaning: by chance any of the K features may stand
    for a user's class. At the first step, the features are assigned to the classes so that
    most scribbled superpixels already vote for their class; this assignment is kept.

    The scribbled superpixels of each class together weigh as much in the label loss as all
    free superpixels together. With weight by area, a few scribbled superpixels would be
    outvoted by the many free ones that look like them.
    """

    def __init__(self, fixed: np.ndarray, sizes: Tensor, n_partitions: int) -> None:
        self._fixed = fixed
        self._is_free = bool((fixed < 0).all())
        self._wanted = torch.from_numpy(fixed).to(sizes.device)
        # feature that stands for each class, (K,)
        self._feature_of = torch.arange(n_partitions, device=sizes.device)
        self._is_assigned = self._is_free
        weights = _weights(self._wanted, sizes)
        self.weights = weights / (weights * sizes).sum()

    def winners(self, votes: Tensor) -> Tensor:
        """Pseudo label of each superpixel: the feature with most votes, or the user's.

        Parameters
        ----------
        votes : (M, K) int64 tensor
            Number of pixels that vote for each feature. The votes of the first call decide
            which feature stands for which class.

        Returns
        -------
        winners : (M,) int64 tensor
            Features, not classes; `by_class` converts them.
        """
        if not self._is_assigned:
            order = _best_order(self._fixed, votes.cpu().numpy())
            self._feature_of = torch.from_numpy(order).to(votes.device)
            self._is_assigned = True
        most = votes.argmax(1)
        if self._is_free:
            return most
        return torch.where(self._wanted < 0, most, self._feature_of[self._wanted])

    def by_class(self, winners: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Renumber features to the classes that they stand for.

        Parameters
        ----------
        winners : (M,) int64 tensor
            Feature of each superpixel.
        values : (M, K) tensor
            One column for each feature.

        Returns
        -------
        classes : (M,) int64 tensor
            Class of each superpixel.
        values : (M, K) tensor
            One column for each class.
        """
        if self._is_free:
            return winners, values
        # argsort inverts the permutation: class of each feature
        return self._feature_of.argsort()[winners], values[:, self._feature_of]


def _best_order(fixed: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """Feature for each class, (K,), so that most scribbled superpixels vote for their class.

    A linear assignment: its profit is the number of scribbled superpixels of a class whose
    pixels vote for a feature.
    """
    n_partitions = votes.shape[1]
    agreement = np.zeros((n_partitions, n_partitions))  # classes x features
    np.add.at(agreement, (fixed[fixed >= 0], votes.argmax(1)[fixed >= 0]), 1)
    return np.asarray(linear_sum_assignment(agreement, maximize=True)[1])


def _weights(wanted: Tensor, sizes: Tensor) -> Tensor:
    """Weight of each superpixel's pixels, (M,) float32; free superpixels weigh 1.

    Pixels of a scribbled class weigh free pixels over pixels of that class, at least 1.
    """
    pixels = torch.bincount(wanted + 1, sizes.to(torch.float64))  # first of -1, the free ones
    return (pixels[0] / pixels).clamp(min=1.0)[wanted + 1].float()
