"""What the pixels tell their superpixels, in one pass over strips that fit into the cache.

Everything that equations 3 to 8 ask of the pixels are sums over superpixels; so the maps of
normalized features, probabilities and pseudo labels, N x K each, are never made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

# a strip of 32 classes in float32 takes 256 KiB
STRIP_PIXELS = 2048


class SuperpixelSums(NamedTuple):
    """Sums over the pixels of each superpixel.

    Attributes
    ----------
    features : (M, K) float tensor
        Sum of the normalized features ``F``.
    probabilities : (M, K) float tensor
        Sum of their softmax ``P``.
    log_totals : (M,) float tensor
        Sum of the logarithm of the softmax's denominator.
    votes : (M, K) int64 tensor
        Number of pixels with their largest feature, the first if several, in each class.
    """

    features: Tensor
    probabilities: Tensor
    log_totals: Tensor
    votes: Tensor


def superpixel_sums(
    features: Tensor, norm: nn.BatchNorm2d, superpixels: Tensor, n_superpixels: int
) -> SuperpixelSums:
    """Normalize features by the statistics of the image, and sum them up.

    Parameters
    ----------
    features : (P, K, Y', X') float tensor
        Features of each plane before batch norm; planes, rows and columns beyond the
        superpixels are ignored.
    norm : BatchNorm2d
        Batch norm of the features; it works as in training, but keeps no statistics.
    superpixels : (Y, X) or (P, Y, X) int64 tensor
        Superpixel of each pixel, in ``0 .. M - 1``, on the device of the features.
    n_superpixels : int
        Number of superpixels ``M``.

    Returns
    -------
    sums : SuperpixelSums
        In float32, or float64 if the features are; all but `votes` differentiable.
    """
    sums = _Sums.apply(  # type: ignore[no-untyped-call]
        features, norm.weight, norm.bias, norm.eps, superpixels, n_superpixels
    )
    return SuperpixelSums(*sums)


@torch.no_grad()
def frozen_sums(
    features: Tensor, norm: nn.BatchNorm2d, superpixels: Tensor, n_superpixels: int
) -> SuperpixelSums:
    """Normalize features by the statistics that a batch norm keeps, and sum them up.

    Parameters
    ----------
    features, norm, superpixels, n_superpixels
        As `superpixel_sums` takes them; the batch norm works as in evaluation.

    Returns
    -------
    sums : SuperpixelSums
        Without gradient.
    """
    mean, variance = cast("Tensor", norm.running_mean), cast("Tensor", norm.running_var)
    line = (mean, (variance + norm.eps).sqrt(), norm.weight, norm.bias)
    return _summed(features, line, superpixels, n_superpixels)


class _Sums(torch.autograd.Function):
    """The sums, with the gradient written out: it needs no map that forward made."""

    @staticmethod
    def forward(  # noqa: PLR0913, PLR0917 - the signature that autograd asks for
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        eps: float,
        superpixels: Tensor,
        n_superpixels: int,
    ) -> tuple[Tensor, ...]:
        mean, deviation = _moments(features, superpixels, eps)
        sums = _summed(features, (mean, deviation, weight, bias), superpixels, n_superpixels)
        ctx.save_for_backward(features, weight, bias, mean, deviation, superpixels)
        ctx.mark_non_differentiable(sums.votes)
        return tuple(sums)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *of_sums: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, bias, mean, deviation, superpixels = ctx.saved_tensors
        of_features, of_probabilities, of_log_totals, _ = of_sums
        # rows of P sum to one: the gradient of the totals may ride on that of P
        together = of_probabilities + of_log_totals.unsqueeze(1)
        gradient = torch.zeros_like(features)
        of_weight, of_bias = torch.zeros_like(weight), torch.zeros_like(bias)
        strips = _strips(features, superpixels)
        for (rows, regions), (slots, _) in zip(
            strips, _strips(gradient, superpixels), strict=True
        ):
            standardized = _standardized(rows, mean, deviation)
            chances = (standardized * weight).add_(bias).softmax(1)
            change = together.index_select(0, regions)
            excess = (change * chances).sum(1).sub_(of_log_totals[regions])
            change.sub_(excess.unsqueeze(1)).mul_(chances)
            change.add_(of_features.index_select(0, regions))
            of_bias += change.sum(0)
            of_weight += standardized.mul_(change).sum(0)
            slots.copy_(change.view(slots.shape))
        _through_statistics(
            gradient, features, superpixels, (weight, mean, deviation, of_weight, of_bias)
        )
        return gradient, of_weight, of_bias, None, None, None


def _summed(
    features: Tensor, line: tuple[Tensor, ...], superpixels: Tensor, n_superpixels: int
) -> SuperpixelSums:
    """Sums over features with a mean, a deviation, a weight and a bias of each, (K,)."""
    mean, deviation, weight, bias = line
    n_classes = len(mean)
    sums = weight.new_zeros(2, n_superpixels, n_classes)
    log_totals = weight.new_zeros(n_superpixels)
    votes = superpixels.new_zeros(n_superpixels * n_classes)
    for rows, regions in _strips(features, superpixels):
        normalized = _standardized(rows, mean, deviation).mul_(weight).add_(bias)
        sums[0].index_add_(0, regions, normalized)
        largest, winners = normalized.max(1)
        places = winners.add_(regions, alpha=n_classes)
        votes.index_add_(0, places, torch.ones_like(places))
        powers = normalized.sub_(largest.unsqueeze(1)).exp_()
        totals = powers.sum(1)
        sums[1].index_add_(0, regions, powers.div_(totals.unsqueeze(1)))
        log_totals.index_add_(0, regions, totals.log_().add_(largest))
    votes = votes.view(n_superpixels, n_classes)
    return SuperpixelSums(sums[0], sums[1], log_totals, votes)


def _strips(maps: Tensor, superpixels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Views of the maps, (y, X, K), and the superpixels there, (y * X,), strip by strip."""
    height, width = superpixels.shape[-2:]
    n_rows = max(1, STRIP_PIXELS // width) if maps.device.type == "cpu" else height
    planes = superpixels.reshape(-1, height, width)
    for rows, regions in zip(maps.permute(0, 2, 3, 1), planes, strict=False):
        for top in range(0, height, n_rows):
            bottom = min(top + n_rows, height)
            yield rows[top:bottom, :width], regions[top:bottom].flatten()


def _standardized(rows: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Features of a strip with mean 0 and variance 1, (n, K), as a new tensor."""
    return rows.reshape(-1, len(mean)).sub(mean).div_(deviation)


def _moments(features: Tensor, superpixels: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature over the pixels, (K,)."""
    wide = torch.promote_types(features.dtype, torch.float32)
    # differences from one pixel: squares of small numbers lose nothing
    anchor = features[0, :, 0, 0].to(wide)
    first = torch.zeros_like(anchor, dtype=torch.float64)
    second = torch.zeros_like(first)
    for rows, _ in _strips(features, superpixels):
        differences = rows.reshape(-1, len(anchor)).sub(anchor)
        first += differences.sum(0)
        second += differences.square_().sum(0)
    n_pixels = superpixels.numel()
    mean = first / n_pixels
    variance = (second / n_pixels - mean.square()).clamp_(min=0)
    return (mean + anchor).to(wide), (variance + eps).sqrt().to(wide)


def _through_statistics(
    gradient: Tensor, features: Tensor, superpixels: Tensor, parts: tuple[Tensor, ...]
) -> None:
    """Turn the gradient of normalized features into that of the features, in place."""
    weight, mean, deviation, of_weight, of_bias = parts
    n_pixels = superpixels.numel()
    scale = weight / deviation
    offset = of_bias / n_pixels - of_weight / n_pixels * mean / deviation
    slope = of_weight / n_pixels / deviation
    for (rows, _), (slots, _) in zip(
        _strips(features, superpixels), _strips(gradient, superpixels), strict=True
    ):
        slots.sub_(rows * slope + offset).mul_(scale)
