"""The smoothing network on images of any number of channels and of planes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_dsc.superae.model import as_many_channels, smooth_to_the_rim

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dsc.superae.model import SuperAE


def smooth_planes(model: SuperAE, pixels: Tensor) -> Tensor:
    """Smooth an image of two or three dimensions, plane by plane.

    Parameters
    ----------
    model : SuperAE
        Network in evaluation mode.
    pixels : (C, *S) float tensor
        Image in [0, 1], on the device of the network. Where C is the network's number of
        channels they are smoothed together, as colors; otherwise each by itself, as grey.

    Returns
    -------
    smoothed : (C, *S) float tensor
        The planes along the first axis of S do not know each other.
    """
    groups = [pixels] if len(pixels) == model.n_channels else torch.split(pixels, 1)
    return torch.cat([_smooth_group(model, group) for group in groups])


def _smooth_group(model: SuperAE, group: Tensor) -> Tensor:
    planes = group.flatten(1, -3).unbind(1) if group.ndim > 3 else (group,)
    smoothed = []
    for plane in planes:  # one at a time, to need no more memory than a picture
        image = as_batch(plane, model.n_channels)
        smoothed.append(as_many_channels(smooth_to_the_rim(model, image)[0], len(group)))
    return torch.stack(smoothed, 1).reshape(group.shape)


def as_batch(pixels: Tensor, n_channels: int) -> Tensor:
    """Planes of an image as a batch, in the layout that convolutions are fastest in.

    Parameters
    ----------
    pixels : (C, *S) float tensor
        Image, of one plane or several.
    n_channels : int
        Channels of the network.

    Returns
    -------
    batch : (P, n_channels, Y, X) float tensor
        See `as_many_channels`.
    """
    colors = as_many_channels(pixels, n_channels)
    batch = colors.reshape(n_channels, -1, *pixels.shape[-2:]).transpose(0, 1)
    return batch.contiguous(memory_format=torch.channels_last)
