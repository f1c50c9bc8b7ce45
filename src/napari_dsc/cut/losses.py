"""The two losses of the cut: equations 3, 4 and 8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

from napari_dsc.regions import region_majority

if TYPE_CHECKING:
    from torch import Tensor


def superpixel_classes(features: Tensor, superpixels: Tensor, n_superpixels: int) -> Tensor:
    """Equation 4 up to its last line: the class that most pixels of a superpixel prefer.

    Parameters
    ----------
    features : (N, K) float tensor
        Features ``F``; softmax keeps their order, so their argmax is the one of ``P``.
    superpixels : (N,) int64 tensor
        Superpixel of each pixel.
    n_superpixels : int
        Number of superpixels ``M``.

    Returns
    -------
    classes : (M,) int64 tensor
        Class ``C_j`` of each superpixel; ``classes[superpixels]`` are the pseudo labels.
    """
    return region_majority(features.argmax(1), superpixels, n_superpixels, features.shape[1])


def label_loss(features: Tensor, pseudo_labels: Tensor) -> Tensor:
    """Equation 3: cross-entropy between the pixels and their pseudo labels.

    Parameters
    ----------
    features : (N, K) float tensor
        Features ``F``, before softmax.
    pseudo_labels : (N,) int64 tensor
        Class of the pixel's superpixel.

    Returns
    -------
    loss : 0-d float tensor
        Mean over pixels, in nats.

    Notes
    -----
    The paper sums over pixels; the mean keeps the balance with the cut loss independent of
    the size of the image. Equation 9 drops the minus sign of equation 3; it is kept here.

    Examples
    --------
    >>> import torch
    >>> label_loss(torch.zeros(3, 2), torch.tensor([0, 1, 1]))
    tensor(0.6931)
    """
    return functional.cross_entropy(features, pseudo_labels)


def cut_loss(assignment: Tensor, pairs: Tensor, affinity: Tensor) -> Tensor:
    """Equation 8: weight of the pairs that the soft partition separates.

    Parameters
    ----------
    assignment : (M, K) float tensor
        Probability ``Q`` of each superpixel for each class (equation 6); rows sum to one.
    pairs : (2, E) int64 tensor
        Ordered pairs of superpixels.
    affinity : (E,) float tensor
        Their ``w`` of equation 7.

    Returns
    -------
    loss : 0-d float tensor
        Sum over pairs of ``w_ab (1 - <q_a, q_b>)``. Because the rows of Q sum to one, this
        is the paper's sum over k of ``Q_k' W (1 - Q_k)``.

    Examples
    --------
    >>> import torch
    >>> apart = torch.eye(2)
    >>> cut_loss(apart, torch.tensor([[0, 1], [1, 0]]), torch.tensor([0.5, 0.5]))
    tensor(1.)
    """
    first, second = pairs
    return (affinity * (1 - (assignment[first] * assignment[second]).sum(1))).sum()
