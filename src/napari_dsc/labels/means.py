"""Per-pixel tensors to one row per region: their mean and their majority."""

import torch
from torch import Tensor


def region_mean(values: Tensor, regions: Tensor, n_regions: int) -> Tensor:
    """Average per-pixel values over each region.

    Equations 2, 5 and 6 of the paper are this one operation, applied to colors, features
    and probabilities.

    Parameters
    ----------
    values : (N, C) float tensor
        One row per pixel.
    regions : (N,) int64 tensor
        Region of each pixel, in ``0 .. n_regions - 1``, on the device of `values`.
    n_regions : int
        Number of regions ``M``; every region must own at least one pixel.

    Returns
    -------
    means : (M, C) float tensor
        One row per region, with the device and dtype of `values`; differentiable.

    Examples
    --------
    >>> import torch
    >>> region_mean(torch.tensor([[1.0], [3.0], [10.0]]), torch.tensor([0, 0, 1]), 2)
    tensor([[ 2.],
            [10.]])
    """
    sums = values.new_zeros(n_regions, values.shape[1]).index_add(0, regions, values)
    sizes = torch.bincount(regions, minlength=n_regions)
    return sums / sizes.unsqueeze(1)


def region_majority(labels: Tensor, regions: Tensor, n_regions: int, n_labels: int) -> Tensor:
    """Most frequent label in each region, the smallest one where several tie.

    Parameters
    ----------
    labels : (N,) int64 tensor
        Label of each pixel, in ``0 .. n_labels - 1``.
    regions : (N,) int64 tensor
        Region of each pixel, in ``0 .. n_regions - 1``.
    n_regions : int
        Number of regions ``M``.
    n_labels : int
        Number of labels ``K``.

    Returns
    -------
    majority : (M,) int64 tensor
        The second line of equation 4.

    Examples
    --------
    >>> import torch
    >>> region_majority(torch.tensor([1, 1, 0, 2]), torch.tensor([0, 0, 0, 1]), 2, 3)
    tensor([1, 2])
    """
    votes = torch.bincount(regions * n_labels + labels, minlength=n_regions * n_labels)
    return votes.view(n_regions, n_labels).argmax(1)
