"""Building blocks of the networks, in two and three dimensions."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, channels_last, channels_last_3d, nn
from torch.autograd.function import once_differentiable

STRIDE = 4  # of the encoder's last level: two blocks of stride 2
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
    if len(maps) > 1 or not maps.is_contiguous(memory_format=channels_last):
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


class Layers(NamedTuple):
    """Classes of layers, memory layout and interpolation for a number of dimensions.

    Attributes
    ----------
    down, up, last : type
        Convolutions of the encoder, of the decoder, and of the output image.
    norm : type
        Batch norm.
    layout : torch.memory_format
        Memory layout of batches and weights in which the convolutions are fastest.
    enlarging : str
        Linear interpolation of torch for upsampling.
    """

    down: type[nn.Module]
    up: type[nn.Module]
    last: type[nn.Module]
    norm: type[nn.Module]
    layout: torch.memory_format
    enlarging: str


LAYERS = {
    2: Layers(
        Convolution, nn.ConvTranspose2d, nn.Conv2d, nn.BatchNorm2d, channels_last, "bilinear"
    ),
    3: Layers(
        nn.Conv3d, nn.ConvTranspose3d, nn.Conv3d, nn.BatchNorm3d, channels_last_3d, "trilinear"
    ),
}


def down_block(width_in: int, width: int, stride: int, ndim: int) -> nn.Sequential:
    """Convolution with a kernel of 3 along each axis, batch norm and ReLU.

    Parameters
    ----------
    width_in, width : int
        Number of input and output channels.
    stride : int
        1 keeps the size, 2 halves it.
    ndim : int
        Number of dimensions, 2 or 3.

    Returns
    -------
    block : nn.Sequential
        The three layers.
    """
    convolution = LAYERS[ndim].down(width_in, width, 3, stride, padding=1, bias=False)
    return nn.Sequential(convolution, LAYERS[ndim].norm(width), nn.ReLU(inplace=True))


def up_block(width_in: int, width: int, ndim: int) -> nn.Sequential:
    """Transposed convolution that doubles the size, batch norm and ReLU.

    Parameters
    ----------
    width_in, width : int
        Number of input and output channels.
    ndim : int
        Number of dimensions, 2 or 3.

    Returns
    -------
    block : nn.Sequential
        The three layers.
    """
    layers = LAYERS[ndim]
    convolution = layers.up(width_in, width, 3, 2, padding=1, output_padding=1, bias=False)
    return nn.Sequential(convolution, layers.norm(width), nn.ReLU(inplace=True))


def pad_to_stride(image: Tensor) -> Tensor:
    """Repeat the last pixels along each axis until all sides are multiples of 4.

    Parameters
    ----------
    image : (B, C, *S) float tensor
        Batch of images, in two or three dimensions.

    Returns
    -------
    padded : (B, C, *S') float tensor
        The batch, with at most 3 pixels added at the end of each axis.
    """
    grown = [part for side in reversed(image.shape[2:]) for part in (0, -side % STRIDE)]
    return nn.functional.pad(image, grown, mode="replicate")
