"""The training loss of SuperAE: equations 1 and 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class ReconstructionLoss(NamedTuple):
    """The two terms of equation 1, unweighted, as 0-d tensors."""

    fidelity: Tensor
    smoothness: Tensor


def reconstruction_loss(
    smoothed: Tensor, image: Tensor, template_colors: Tensor
) -> ReconstructionLoss:
    """Equation 1: distance to the image, and to the mean colors of the template regions.

    Parameters
    ----------
    smoothed : (B, C, Y, X) float tensor
        Reconstruction ``x^R`` in [0, 1].
    image : (B, C, Y, X) float tensor
        Image ``x`` in [0, 1].
    template_colors : (B, C, Y, X) float tensor
        Mean color ``v_j`` (equation 2) of the template region of each pixel.

    Returns
    -------
    loss : ReconstructionLoss
        Means over pixels of squared color distances, so that the meaning of ``lambda`` does
        not depend on the size of the image.

    Examples
    --------
    >>> import torch
    >>> black, white = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    >>> reconstruction_loss(black, white, black)
    ReconstructionLoss(fidelity=tensor(3.), smoothness=tensor(0.))
    """
    return ReconstructionLoss(
        fidelity=(smoothed - image).square().sum(1).mean(),
        smoothness=(smoothed - template_colors).square().sum(1).mean(),
    )
