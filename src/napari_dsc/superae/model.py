"""The networks of section III-A: the superpixelwise autoencoder and the embedding head."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import nn
from torch.nn import functional

from napari_dsc.superae.convolution import Convolution

if TYPE_CHECKING:
    from torch import Tensor

WIDTHS = (64, 128, 256)
STRIDE = 4
# more than the receptive field, and a multiple of the stride
MARGIN = 16
# side of the tiles that are smoothed one after the other, a multiple of the stride
TILE = 512


class Levels(NamedTuple):
    """Feature maps of the three encoder blocks at strides 1, 2 and 4."""

    fine: Tensor
    middle: Tensor
    coarse: Tensor


def _block(convolution: nn.Module, width: int) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def _down(width_in: int, width: int, stride: int) -> nn.Sequential:
    return _block(Convolution(width_in, width, 3, stride, padding=1, bias=False), width)


def _up(width_in: int, width: int) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(
        width_in, width, 3, 2, padding=1, output_padding=1, bias=False
    )
    return _block(convolution, width)


def pad_to_stride(image: Tensor) -> Tensor:
    """Repeat the last rows and columns until both sides are multiples of 4.

    Parameters
    ----------
    image : (B, C, Y, X) float tensor
        Batch of images.

    Returns
    -------
    padded : (B, C, Y', X') float tensor
        The batch, grown by at most 3 pixels at the bottom and on the right.
    """
    height, width = image.shape[-2:]
    return functional.pad(image, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")


class Encoder(nn.Module):
    """Three blocks of 3x3 convolution, batch norm and ReLU with strides 1, 2 and 2.

    Parameters
    ----------
    n_channels : int
        Channels of the image.
    """

    def __init__(self, n_channels: int = 3) -> None:
        super().__init__()
        self.fine = _down(n_channels, WIDTHS[0], 1)
        self.middle = _down(WIDTHS[0], WIDTHS[1], 2)
        self.coarse = _down(WIDTHS[1], WIDTHS[2], 2)

    def forward(self, image: Tensor) -> Levels:
        """Feature maps of an image whose sides are multiples of 4, (B, C, Y, X)."""
        fine = self.fine(image)
        middle = self.middle(fine)
        return Levels(fine, middle, self.coarse(middle))


class SuperAE(nn.Module):
    """Superpixelwise autoencoder: an image in, its smoothed version out.

    Parameters
    ----------
    n_channels : int
        Channels of the image.
    """

    def __init__(self, n_channels: int = 3) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.encoder = Encoder(n_channels)
        self.decoder = nn.Sequential(
            _up(WIDTHS[2], WIDTHS[1]),
            _up(WIDTHS[1], WIDTHS[0]),
            nn.Conv2d(WIDTHS[0], n_channels, 3, padding=1),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Smooth a batch.

        Parameters
        ----------
        image : (B, C, Y, X) float tensor
            Images in [0, 1], of any height and width.

        Returns
        -------
        smoothed : (B, C, Y, X) float tensor
            The reconstruction ``x^R`` in [0, 1].
        """
        height, width = image.shape[-2:]
        logits = self.decoder(self.encoder(pad_to_stride(image)).coarse)
        return torch.sigmoid(logits.float())[..., :height, :width]


def as_many_channels(pixels: Tensor, n_channels: int) -> Tensor:
    """Average channels to fewer, or repeat them to more; equal counts pass.

    Parameters
    ----------
    pixels : (C, *S) float tensor
        Image.
    n_channels : int
        Channels asked for.

    Returns
    -------
    pixels : (n_channels, *S) float tensor
        Of more channels than asked for, the mean of every n-th; of fewer, all again and
        again.

    Notes
    -----
    A first layer whose weights for colors are repeated over all channels, each divided by the
    number of its repetitions, computes the same: ``docs/explanation/channels.md``.

    Examples
    --------
    >>> import torch
    >>> as_many_channels(torch.tensor([1.0, 2.0, 3.0, 5.0]), 3)
    tensor([3., 2., 3.])
    >>> as_many_channels(torch.tensor([1.0, 2.0]), 3)
    tensor([1., 2., 1.])
    """
    if len(pixels) == n_channels:
        return pixels
    if len(pixels) < n_channels:
        return pixels[[place % len(pixels) for place in range(n_channels)]]
    return torch.stack([pixels[place::n_channels].mean(0) for place in range(n_channels)])


def smooth_to_the_rim(model: SuperAE, image: Tensor) -> Tensor:
    """Smooth a batch without the dark rim that zero padding leaves.

    Parameters
    ----------
    model : SuperAE
        Network in evaluation mode.
    image : (B, C, Y, X) float tensor
        Images in [0, 1].

    Returns
    -------
    smoothed : (B, C, Y, X) float tensor
        What the network makes of the images with their outermost pixels repeated, cropped;
        farther than 16 pixels from the rim it is what the network makes of the images.

    Notes
    -----
    Tile by tile, so that memory does not grow with the image. Tiles overlap by more than the
    network sees, and start where its strides start: there are no seams.
    """
    grown = functional.pad(image, (MARGIN,) * 4, mode="replicate")
    smoothed = torch.empty_like(image)
    height, width = image.shape[-2:]
    for y, x in itertools.product(range(0, height, TILE), range(0, width, TILE)):
        seen = grown[..., y : y + TILE + 2 * MARGIN, x : x + TILE + 2 * MARGIN]
        tile = model(seen)[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
        smoothed[..., y : y + TILE, x : x + TILE] = tile
    return smoothed


class Embedding(nn.Module):
    """Encoder plus a 1x1 convolution and batch norm to K channels: the cut's network.

    The paper upsamples the three levels, concatenates them with the image and applies one
    1x1 convolution. That convolution commutes with bilinear upsampling, so here each level
    passes its own part of it at its own resolution and the results are added.

    Parameters
    ----------
    encoder : Encoder
        Trained encoder; it is trained further, in place, by whoever optimizes this module.
    n_partitions : int
        Output channels ``K``.

    Notes
    -----
    The batch norm over the K channels is not in the paper's text; without it the cut
    collapses to one class (``docs/explanation/differences.md``).
    """

    def __init__(self, encoder: Encoder, n_partitions: int) -> None:
        super().__init__()
        self.encoder = encoder
        n_channels = next(encoder.parameters()).shape[1]
        widths = (n_channels, *WIDTHS)
        joint = nn.Conv2d(sum(widths), n_partitions, 1, bias=False)
        parts = [nn.Conv2d(width, n_partitions, 1, bias=False) for width in widths]
        with torch.no_grad():
            for part, weight in zip(
                parts, torch.split(joint.weight, list(widths), 1), strict=True
            ):
                part.weight.copy_(weight)
        self.parts = nn.ModuleList(parts)
        self.norm = nn.BatchNorm2d(n_partitions)

    def forward(self, image: Tensor) -> Tensor:
        """Deep features of an image.

        Parameters
        ----------
        image : (P, C, Y, X) float tensor
            Planes in [0, 1], of any height and width.

        Returns
        -------
        features : (P, K, Y, X) float tensor
            Features ``F`` in the image's size.
        """
        height, width = image.shape[-2:]
        normalized: Tensor = self.norm(self.mixed(self.levels(image))[..., :height, :width])
        return normalized

    def levels(self, image: Tensor) -> list[Tensor]:
        """What the head mixes.

        Parameters
        ----------
        image : (P, C, Y, X) float tensor
            Planes in [0, 1].

        Returns
        -------
        levels : list of (P, ., ., .) float tensors
            The padded image and the three levels of the encoder.
        """
        padded = pad_to_stride(image).contiguous(memory_format=torch.channels_last)
        return [padded, *self.encoder(padded)]

    def mixed(self, levels: list[Tensor]) -> Tensor:
        """Features before batch norm.

        Parameters
        ----------
        levels : list of (P, ., ., .) float tensors
            As `levels` gives them.

        Returns
        -------
        features : (P, K, Y', X') float tensor
            In the size of the padded image; the features of a pixel lie side by side in
            memory.
        """
        of_image, of_fine, of_middle, of_coarse = (
            _pointwise(level, cast("Tensor", part.weight))
            for part, level in zip(self.parts, levels, strict=True)
        )
        size = list(of_image.shape[1:3])
        # not on a view: the gradient of that would be copied into another layout
        features = of_image.add_(of_fine)
        for level in (of_middle, of_coarse):
            enlarged = functional.interpolate(
                level.permute(0, 3, 1, 2), size=size, mode="bilinear", align_corners=False
            )
            features.add_(enlarged.permute(0, 2, 3, 1))
        return features.permute(0, 3, 1, 2)


def _pointwise(level: Tensor, weight: Tensor) -> Tensor:
    """1x1 convolution as a product of matrices, whose rows are the pixels; (1, Y, X, K)."""
    # a contiguous matrix lets autograd take the product that is fast for few channels
    matrix = weight.flatten(1).T.contiguous()
    return level.permute(0, 2, 3, 1) @ matrix
