"""Building blocks of the networks, in two and three dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from napari_dsc.superae.convolution import Convolution

if TYPE_CHECKING:
    from torch import Tensor

STRIDE = 4  # of the encoder's last level: two blocks of stride 2


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
        Convolution,
        nn.ConvTranspose2d,
        nn.Conv2d,
        nn.BatchNorm2d,
        torch.channels_last,
        "bilinear",
    ),
    3: Layers(
        nn.Conv3d,
        nn.ConvTranspose3d,
        nn.Conv3d,
        nn.BatchNorm3d,
        torch.channels_last_3d,
        "trilinear",
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
    return _block(convolution, width, ndim)


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
    convolution = LAYERS[ndim].up(
        width_in, width, 3, 2, padding=1, output_padding=1, bias=False
    )
    return _block(convolution, width, ndim)


def _block(convolution: nn.Module, width: int, ndim: int) -> nn.Sequential:
    return nn.Sequential(convolution, LAYERS[ndim].norm(width), nn.ReLU(inplace=True))


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
    return functional.pad(image, grown, mode="replicate")
