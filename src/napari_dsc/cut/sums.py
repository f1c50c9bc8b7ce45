"""Per-superpixel sums of features and probabilities, accumulated in cache-sized strips.

Equations 3 to 8 depend on the pixels only through sums over superpixels. So the maps of
normalized features, probabilities and pseudo labels, N x K each, are never held in memory:
forward and backward pass walk over the image in strips that fit into the processor's cache.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# a strip of 32 features in float32 takes 256 KiB, which fits into a processor's L2 cache
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
        Number of pixels whose largest feature is each of the K; of equal features the first
        counts.
    """

    features: Tensor
    probabilities: Tensor
    log_totals: Tensor
    votes: Tensor


def superpixel_sums(
    features: Tensor, norm: nn.BatchNorm2d, superpixels: Tensor, n_superpixels: int
) -> SuperpixelSums:
    """Normalize features by the statistics of the image, and sum them over superpixels.

    Parameters
    ----------
    features : (P, K, Y', X') float tensor
        Features of each plane before batch norm; planes, rows and columns beyond the
        superpixels are ignored.
    norm : BatchNorm2d
        Batch norm of the features; applied as in training mode, but its running statistics
        are not updated.
    superpixels : (Y, X) or (P, Y, X) int64 tensor
        Superpixel of each pixel, in ``0 .. M - 1``, on the device of the features.
    n_superpixels : int
        Number of superpixels ``M``.

    Returns
    -------
    sums : SuperpixelSums
        Of float64 if the features are float64, else float32; all but `votes` differentiable.
    """
    sums = _Sums.apply(  # type: ignore[no-untyped-call]
        features, norm.weight, norm.bias, norm.eps, superpixels, n_superpixels
    )
    return SuperpixelSums(*sums)


@torch.no_grad()
def frozen_sums(
    features: Tensor, norm: nn.BatchNorm2d, superpixels: Tensor, n_superpixels: int
) -> SuperpixelSums:
    """Normalize features by running statistics, and sum them over superpixels.

    Parameters
    ----------
    features, norm, superpixels, n_superpixels
        As in `superpixel_sums`; the batch norm is applied as in evaluation mode.

    Returns
    -------
    sums : SuperpixelSums
        Without gradient.
    """
    mean, variance = cast("Tensor", norm.running_mean), cast("Tensor", norm.running_var)
    affine = (mean, (variance + norm.eps).sqrt(), norm.weight, norm.bias)
    return _summed(features, affine, superpixels, n_superpixels)


class _Sums(torch.autograd.Function):
    """The sums, with a hand-made gradient that recomputes each strip.

    Autograd would keep the N x K maps of the forward pass. The derivation, for one pixel of
    superpixel j with features x, statistics mu and s, and weight w and bias b of the norm::

        z = (x - mu) / s            standardized features
        y = w z + b                 normalized features
        p = softmax(y),  l = log(sum_k exp(y_k))

    The outputs are the sums of y, p and l over the superpixel. Let f, g (vectors) and h (a
    number) be the gradients of the loss with respect to these sums; each pixel of the
    superpixel receives them unchanged. With dp_i/dy_k = p_i (delta_ik - p_k) and
    dl/dy_k = p_k::

        dL/dy_k = f_k + p_k (g_k - <g, p>) + h p_k

    `backward` computes the last two terms as p_k (c_k - e), with c = g + h and
    e = <c, p> - h. Because the p_k sum to one, <c, p> = <g, p> + h, hence e = <g, p> and
    c_k - e = g_k + h - <g, p>.

    Sums over all pixels give dL/db = sum(dL/dy) and dL/dw = sum(z dL/dy).
    `_through_statistics` continues from dL/dy to dL/dx.
    """

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
        combined = of_probabilities + of_log_totals.unsqueeze(1)  # c of the derivation, (M, K)
        gradient = torch.zeros_like(features)
        of_weight, of_bias = torch.zeros_like(weight), torch.zeros_like(bias)
        strips = _strips(features, superpixels)
        for (rows, regions), (slots, _) in zip(
            strips, _strips(gradient, superpixels), strict=True
        ):
            standardized = _standardized(rows, mean, deviation)
            probabilities = (standardized * weight).add_(bias).softmax(1)
            of_rows = combined.index_select(0, regions)
            mean_of_rows = (of_rows * probabilities).sum(1).sub_(of_log_totals[regions])  # e
            of_rows.sub_(mean_of_rows.unsqueeze(1)).mul_(probabilities)
            of_rows.add_(of_features.index_select(0, regions))  # dL/dy
            of_bias += of_rows.sum(0)
            of_weight += standardized.mul_(of_rows).sum(0)
            slots.copy_(of_rows.view(slots.shape))
        _through_statistics(
            gradient, features, superpixels, (weight, mean, deviation, of_weight, of_bias)
        )
        return gradient, of_weight, of_bias, None, None, None


def _summed(
    features: Tensor, affine: tuple[Tensor, ...], superpixels: Tensor, n_superpixels: int
) -> SuperpixelSums:
    """Sums over superpixels; `affine` is mean, deviation, weight and bias, (K,) each."""
    mean, deviation, weight, bias = affine
    n_classes = len(mean)
    sums = weight.new_zeros(2, n_superpixels, n_classes)
    log_totals = weight.new_zeros(n_superpixels)
    votes = superpixels.new_zeros(n_superpixels * n_classes)
    for rows, regions in _strips(features, superpixels):
        normalized = _standardized(rows, mean, deviation).mul_(weight).add_(bias)
        sums[0].index_add_(0, regions, normalized)
        largest, winners = normalized.max(1)
        places = winners.add_(regions, alpha=n_classes)  # flat index into (M, K)
        votes.index_add_(0, places, torch.ones_like(places))
        # softmax of y - max(y): the same value, and exp cannot overflow
        powers = normalized.sub_(largest.unsqueeze(1)).exp_()
        totals = powers.sum(1)
        sums[1].index_add_(0, regions, powers.div_(totals.unsqueeze(1)))
        log_totals.index_add_(0, regions, totals.log_().add_(largest))
    votes = votes.view(n_superpixels, n_classes)
    return SuperpixelSums(sums[0], sums[1], log_totals, votes)


def _strips(maps: Tensor, superpixels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Views of the maps, (y, X, K), and their superpixels, (y * X,), strip by strip."""
    height, width = superpixels.shape[-2:]
    # only processors gain from strips; a GPU takes each plane at once
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
    # E[x^2] - E[x]^2 cancels where the mean is large against the deviation. The variance of
    # differences from any one pixel is the same, and their mean is small.
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
    """Turn the gradient of normalized features into that of the features, in place.

    The gradient of batch norm in training mode (Ioffe and Szegedy 2015): mean and deviation
    depend on every pixel. With N pixels, z = (x - mu) / s and u = dL/dy::

        dL/dx = w / s (u - mean(u) - z mean(u z))

    where mean(u) = dL/db / N and mean(u z) = dL/dw / N. Written as a line in x, the part to
    be subtracted from u is ``slope * x + offset``.
    """
    weight, mean, deviation, of_weight, of_bias = parts
    n_pixels = superpixels.numel()
    scale = weight / deviation
    offset = of_bias / n_pixels - of_weight / n_pixels * mean / deviation
    slope = of_weight / n_pixels / deviation
    for (rows, _), (slots, _) in zip(
        _strips(features, superpixels), _strips(gradient, superpixels), strict=True
    ):
        slots.sub_(rows * slope + offset).mul_(scale)
