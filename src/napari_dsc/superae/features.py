"""Deep features of superpixels, from the encoder of a trained autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from napari_dsc.labels.means import region_mean
from napari_dsc.machine.device import reproducible
from napari_dsc.superae.blocks import pad_to_stride

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from napari_dsc.superae.model import SuperAE


def superpixel_features(model: SuperAE, image: Tensor, superpixels: np.ndarray) -> Tensor:
    """Mean of the encoder's feature maps over each superpixel, equation 5.

    Parameters
    ----------
    model : SuperAE
        Trained network in evaluation mode.
    image : (1, C, Y, X) float tensor
        Image in 0 to 1, on the device of the network.
    superpixels : (Y, X) int array
        Superpixels ``0 .. M - 1``.

    Returns
    -------
    features : (M, 448) float tensor
        Mean features of the three levels, concatenated; each level is upsampled bilinearly to
        the size of the image before it is averaged.
    """
    height, width = superpixels.shape
    regions = torch.from_numpy(superpixels.ravel()).to(image.device)
    n_superpixels = int(superpixels.max()) + 1
    means = []
    with torch.no_grad(), reproducible(image.device):
        padded = pad_to_stride(image)
        for level in model.encoder(padded):
            full = functional.interpolate(
                level, size=list(padded.shape[-2:]), mode="bilinear", align_corners=False
            )[0, :, :height, :width]
            means.append(region_mean(full.flatten(1).T, regions, n_superpixels))
    return torch.cat(means, 1)
