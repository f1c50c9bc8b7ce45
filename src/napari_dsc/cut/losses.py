"""The two losses of the cut: equations 3, 4 and 8."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dsc.cut.sums import SuperpixelSums


def label_loss(sums: SuperpixelSums, classes: Tensor, weights: Tensor) -> Tensor:
    """Equation 3: cross-entropy between the pixels and the classes of their superpixels.

    Parameters
    ----------
    sums : SuperpixelSums
        Sums of the features ``F`` over each superpixel.
    classes : (M,) int64 tensor
        Class of each superpixel, ``C_j``: the pseudo label of its pixels.
    weights : (M,) float tensor
        Weight of each pixel of a superpixel; the weights of all pixels sum to 1.

    Returns
    -------
    loss : 0-d float tensor
        Weighted mean over pixels, in nats.

    Notes
    -----
    The paper sums over pixels; the mean keeps the balance with the cut loss independent of
    the size of the image. Equation 9 drops the minus sign of equation 3; it is kept here.

    All pixels of a superpixel share one pseudo label ``c``, and ``log softmax(f)_c`` is
    ``f_c`` minus the logarithm of the softmax's denominator. So the sum over the pixels of a
    superpixel needs only the sums of both terms.

    Examples
    --------
    >>> import torch
    >>> from napari_dsc.cut.sums import SuperpixelSums
    >>> zeros = torch.zeros(2, 2)  # two pixels, then one, without preference
    >>> sums = SuperpixelSums(zeros, zeros, torch.tensor([2, 1]) * torch.tensor(2).log(), zeros)
    >>> label_loss(sums, torch.tensor([0, 1]), torch.ones(2) / 3)
    tensor(0.6931)
    """
    chosen = sums.features.gather(1, classes.unsqueeze(1)).squeeze(1)
    return (weights * (sums.log_totals - chosen)).sum()


def cut_loss(assignment: Tensor, pairs: Tensor, affinity: Tensor) -> Tensor:
    """Equation 8: affinity of the pairs that the soft partition separates.

    Parameters
    ----------
    assignment : (M, K) float tensor
        Probability ``Q`` of each superpixel for each class (equation 6); rows sum to one.
    pairs : (2, E) int64 tensor
        Ordered pairs of superpixels.
    affinity : (E,) float tensor
        Affinity ``w`` of each pair (equation 7).

    Returns
    -------
    loss : 0-d float tensor
        Sum over pairs of ``w_ab (1 - <q_a, q_b>)``. Because the rows of Q sum to one, this
        is the paper's sum over k of ``Q_k' W (1 - Q_k)``.

    Examples
    --------
    >>> import torch
    >>> separate = torch.eye(2)
    >>> cut_loss(separate, torch.tensor([[0, 1], [1, 0]]), torch.tensor([0.5, 0.5]))
    tensor(1.)
    """
    first, second = pairs
    return (affinity * (1 - (assignment[first] * assignment[second]).sum(1))).sum()
