"""Convolution that computes each gradient in the memory layout that is fastest for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# number of input channels from which the layout matters for the gradient of the weight
FEW_CHANNELS = 16


class Convolution(nn.Conv2d):
    """Convolution of torch, with a faster gradient on the CPU in float32.

    Notes
    -----
    With channels last, oneDNN is fast in the forward pass and for the gradient of the input.
    For the gradient of the weight it is two to four times slower than with channels first.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Convolve a batch, (B, C, Y, X)."""
        is_plain = torch.is_grad_enabled() and not torch.is_autocast_enabled(input.device.type)
        if is_plain and input.device.type == "cpu" and input.dtype == torch.float32:
            convolved: Tensor = _Convolution.apply(  # type: ignore[no-untyped-call]
                input, self.weight, self.stride, self.padding, self.dilation, self.groups
            )
            return convolved
        return super().forward(input)


class _Convolution(torch.autograd.Function):
    """Convolution without bias; its backward pass computes each gradient by itself."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, *settings: Any) -> Tensor:
        ctx.save_for_backward(image, weight)
        stride, padding, dilation, groups = ctx.settings = settings
        return nn.functional.conv2d(image, weight, None, stride, padding, dilation, groups)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        image, weight = ctx.saved_tensors
        needed = ctx.needs_input_grad
        of_image = of_weight = None
        if needed[0]:
            of_image = _gradients(gradient, image, weight, ctx.settings, 0)
        if needed[1]:
            if image.shape[1] >= FEW_CHANNELS:
                gradient, image = _channels_first(gradient), _channels_first(image)
                weight = weight.contiguous()
            of_weight = _gradients(gradient, image, weight, ctx.settings, 1)
        return of_image, of_weight, None, None, None, None


def _channels_first(maps: Tensor) -> Tensor:
    """Contiguous maps (B, C, Y, X); one image is transposed as a matrix, which is faster."""
    if len(maps) > 1 or not maps.is_contiguous(memory_format=torch.channels_last):
        return maps.contiguous()
    pixels = maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])
    return pixels.T.contiguous().view(maps.shape)


def _gradients(
    gradient: Tensor, image: Tensor, weight: Tensor, settings: Any, which: int
) -> Tensor:
    """Gradient of the image (`which` is 0) or of the weight (1)."""
    stride, padding, dilation, groups = settings
    mask = [which == 0, which == 1, False]
    gradients: list[Tensor] = torch.ops.aten.convolution_backward(
        gradient, image, weight, None, stride, padding, dilation, False, (0, 0), groups, mask
    )
    return gradients[which]
