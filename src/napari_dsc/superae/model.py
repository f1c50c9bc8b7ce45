"""The networks of section III-A: the superpixelwise autoencoder and the embedding head."""

import itertools
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from napari_dsc.superae.blocks import LAYERS, down_block, pad_to_stride, up_block

WIDTHS = (64, 128, 256)  # channels of the three levels, as in the paper
# margin of smoothing in pixels: more than the radius of the receptive field, and a multiple of
# the stride
MARGIN = 16
# sides of the tiles and cubes that are smoothed one after the other, multiples of the stride
TILE, CUBE = 512, 64


class Levels(NamedTuple):
    """Feature maps of the three encoder blocks at strides 1, 2 and 4."""

    fine: Tensor
    middle: Tensor
    coarse: Tensor


class Encoder(nn.Module):
    """Three blocks of 3x3 convolution, batch norm and ReLU with strides 1, 2 and 2.

    Parameters
    ----------
    n_channels : int
        Number of channels of the image.
    ndim : int, default 2
        Dimensions of the image; with 3 the convolutions are 3x3x3.
    """

    def __init__(self, n_channels: int = 3, ndim: int = 2) -> None:
        super().__init__()
        self.fine = down_block(n_channels, WIDTHS[0], 1, ndim)
        self.middle = down_block(WIDTHS[0], WIDTHS[1], 2, ndim)
        self.coarse = down_block(WIDTHS[1], WIDTHS[2], 2, ndim)

    def forward(self, image: Tensor) -> Levels:
        """Feature maps of an image whose sides are multiples of 4, (B, C, *S)."""
        fine = self.fine(image)
        middle = self.middle(fine)
        return Levels(fine, middle, self.coarse(middle))


class SuperAE(nn.Module):
    """Superpixelwise autoencoder, which smooths an image.

    Parameters
    ----------
    n_channels : int
        Number of channels of the image.
    ndim : int, default 2
        Dimensions of the image: 2 for planes, 3 for stacks.
    """

    def __init__(self, n_channels: int = 3, ndim: int = 2) -> None:
        super().__init__()
        self.n_channels, self.ndim = n_channels, ndim
        self.encoder = Encoder(n_channels, ndim)
        self.decoder = nn.Sequential(
            up_block(WIDTHS[2], WIDTHS[1], ndim),
            up_block(WIDTHS[1], WIDTHS[0], ndim),
            LAYERS[ndim].last(WIDTHS[0], n_channels, 3, padding=1),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Smooth a batch.

        Parameters
        ----------
        image : (B, C, *S) float tensor
            Images in [0, 1]; S is (Y, X) or (Z, Y, X), of any size.

        Returns
        -------
        smoothed : (B, C, *S) float tensor
            The reconstruction ``x^R`` in [0, 1].
        """
        logits = self.decoder(self.encoder(pad_to_stride(image)).coarse)
        return torch.sigmoid(logits.float())[:, :, *map(slice, image.shape[2:])]


def as_many_channels(pixels: Tensor, n_channels: int) -> Tensor:
    """Average or repeat channels to a given number.

    Parameters
    ----------
    pixels : (C, *S) float tensor
        Image.
    n_channels : int
        Number of channels of the result.

    Returns
    -------
    pixels : (n_channels, *S) float tensor
        Of more channels, the mean of every n-th one; of fewer channels, the channels repeated
        in turn.

    Notes
    -----
    This equals a first layer whose weights are repeated in turn for all channels, each divided
    by the number of its repetitions; see ``docs/explanation/channels.md``.

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
    """Smooth a batch without the dark rim that zero padding would leave.

    Parameters
    ----------
    model : SuperAE
        Network in evaluation mode.
    image : (B, C, *S) float tensor
        Images in [0, 1], in the dimensions of the network.

    Returns
    -------
    smoothed : (B, C, *S) float tensor
        Output of the network for the images padded by 16 repeated pixels, cropped to the
        images. Farther than 16 pixels from the rim it equals the output without padding.

    Notes
    -----
    The images are smoothed tile by tile, or cube by cube, so that memory does not grow with
    them. There are no seams, because tiles overlap by more than the receptive field, and start
    at multiples of the stride.
    """
    grown = nn.functional.pad(image, (MARGIN,) * 2 * model.ndim, mode="replicate")
    smoothed = torch.empty_like(image)
    side = TILE if model.ndim == 2 else CUBE
    inside = [slice(MARGIN, -MARGIN)] * model.ndim
    for corner in itertools.product(*(range(0, size, side) for size in image.shape[2:])):
        seen = [slice(start, start + side + 2 * MARGIN) for start in corner]
        kept = [slice(start, start + side) for start in corner]
        smoothed[:, :, *kept] = model(grown[:, :, *seen])[:, :, *inside]
    return smoothed


class Embedding(nn.Module):
    """Encoder plus a 1x1 convolution and batch norm to K channels: the cut's network.

    The paper upsamples the three levels, concatenates them with the image and applies one
    1x1 convolution. Both operations are linear, one over channels and one over pixels, so they
    commute. Here, each level passes its part of the convolution at its own resolution; the
    results are upsampled and added. An encoder of three dimensions takes the planes as one
    stack, and its levels are upsampled trilinearly.

    Parameters
    ----------
    encoder : Encoder
        Trained encoder; training this module changes it in place.
    n_partitions : int
        Number of output channels ``K``.

    Notes
    -----
    The batch norm over the K channels is not in the paper's text; without it the cut
    collapses to one class (``docs/explanation/differences.md``).
    """

    def __init__(self, encoder: Encoder, n_partitions: int) -> None:
        super().__init__()
        self.encoder = encoder
        _, n_channels, *kernel = next(encoder.parameters()).shape
        self._layers = LAYERS[len(kernel)]
        self._is_spatial = len(kernel) == 3
        widths = (n_channels, *WIDTHS)
        # drawn as one convolution, so that the initial weights are those of the paper's layer
        joint = nn.Conv2d(sum(widths), n_partitions, 1, bias=False)
        parts = [nn.Conv2d(width, n_partitions, 1, bias=False) for width in widths]
        with torch.no_grad():
            weights = torch.split(joint.weight, list(widths), 1)
            for part, weight in zip(parts, weights, strict=True):
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
            Features ``F`` at the size of the image.
        """
        n_planes, _, height, width = image.shape
        mixed = self.mixed(self.levels(image))[:n_planes, :, :height, :width]
        normalized: Tensor = self.norm(mixed)
        return normalized

    def levels(self, image: Tensor) -> list[Tensor]:
        """Inputs of the head: the padded image, and the feature maps of the encoder.

        Parameters
        ----------
        image : (P, C, Y, X) float tensor
            Planes in [0, 1].

        Returns
        -------
        levels : list of (P, ., ., .) float tensors
            The padded image and the three levels of the encoder; (1, ., ., ., .) for an
            encoder of three dimensions.
        """
        seen = image.transpose(0, 1).unsqueeze(0) if self._is_spatial else image
        padded = pad_to_stride(seen).contiguous(memory_format=self._layers.layout)
        return [padded, *self.encoder(padded)]

    def mixed(self, levels: list[Tensor]) -> Tensor:
        """Features before batch norm.

        Parameters
        ----------
        levels : list of tensors
            Result of `levels`.

        Returns
        -------
        features : (P', K, Y', X') float tensor
            Features at the size of the padded image; for an encoder of three dimensions it
            may have more planes. The K features of a pixel are contiguous in memory.
        """
        of_image, of_fine, of_middle, of_coarse = (
            _pointwise(level, cast("Tensor", part.weight))
            for part, level in zip(self.parts, levels, strict=True)
        )
        size = list(of_image.shape[1:-1])
        # added before a view is made, whose gradient would be copied to another layout
        features = of_image.add_(of_fine)
        for level in (of_middle, of_coarse):
            enlarged = nn.functional.interpolate(
                level.movedim(-1, 1),
                size=size,
                mode=self._layers.enlarging,
                align_corners=False,
            )
            features.add_(enlarged.movedim(1, -1))
        return features.flatten(0, -4).permute(0, 3, 1, 2)


def _pointwise(level: Tensor, weight: Tensor) -> Tensor:
    """1x1 convolution as a matrix product with a row for each pixel; (B, *S, K)."""
    # with a contiguous matrix, autograd takes the product that is fast for few channels
    matrix = weight.flatten(1).T.contiguous()
    return level.movedim(1, -1) @ matrix
