"""The network of the cut, made of a trained autoencoder."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch

from napari_dsc.device import seeded
from napari_dsc.superae.model import Embedding

if TYPE_CHECKING:
    from napari_dsc.superae.model import SuperAE


def embedding_of(model: SuperAE, n_partitions: int, seed: int) -> Embedding:
    """Network of the cut for a trained model, which stays as it is.

    Parameters
    ----------
    model : SuperAE
        Its encoder is copied.
    n_partitions : int
        Output channels ``K``.
    seed : int
        Seed of the weights of the head; the caller's random state stays as it was.

    Returns
    -------
    embedding : Embedding
        On the device of the model, float32.
    """
    device = next(model.parameters()).device
    encoder = copy.deepcopy(model.encoder)
    with seeded(seed):
        embedding = Embedding(encoder, n_partitions)
    return embedding.to(device, torch.float32)
