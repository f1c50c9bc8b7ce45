"""Uses of SuperAE in runs: smoothed planes, features of superpixels, and embeddings."""

import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load
from torch import Tensor

from napari_dsc.errors import WeightsError
from napari_dsc.machine.device import seeded
from napari_dsc.params.checks import parse_json
from napari_dsc.superae.blocks import LAYERS
from napari_dsc.superae.model import Embedding, SuperAE, as_many_channels, smooth_to_the_rim
from napari_dsc.superae.pooling import pool_levels
from napari_dsc.superae.registry import check_sha256
from napari_dsc.superae.weights import check_finite, write_tensors


def smooth_planes(model: SuperAE, pixels: Tensor) -> Tensor:
    """Smooth an image of two or three dimensions.

    Parameters
    ----------
    model : SuperAE
        Network in evaluation mode. A network of two dimensions smooths a stack plane by
        plane; a network of three dimensions takes stacks only.
    pixels : (C, *S) float tensor
        Image in [0, 1], on the device of the network. If C is the network's number of
        channels, all channels are smoothed together, as colors; otherwise each channel is
        smoothed separately, as a gray image.

    Returns
    -------
    smoothed : (C, *S) float tensor
        The smoothed image.
    """
    groups = [pixels] if len(pixels) == model.n_channels else torch.split(pixels, 1)
    return torch.cat([_smooth_group(model, group) for group in groups])


def _smooth_group(model: SuperAE, group: Tensor) -> Tensor:
    has_planes = group.ndim > model.ndim + 1
    parts = group.flatten(1, -3).unbind(1) if has_planes else (group,)
    smoothed = []
    for part in parts:  # one at a time, so that a stack needs no more memory than a plane
        image = as_many_channels(part, model.n_channels).unsqueeze(0)
        image = image.contiguous(memory_format=LAYERS[model.ndim].layout)
        smoothed.append(as_many_channels(smooth_to_the_rim(model, image)[0], len(group)))
    return torch.stack(smoothed, 1).reshape(group.shape)


def as_batch(pixels: Tensor, n_channels: int) -> Tensor:
    """Image as a batch of its planes, in the memory layout that convolutions are fastest in.

    Parameters
    ----------
    pixels : (C, Y, X) or (C, Z, Y, X) float tensor
        Image or volume.
    n_channels : int
        Number of channels of the network.

    Returns
    -------
    batch : (1, n_channels, Y, X) or (Z, n_channels, Y, X) float tensor
        The image, or the planes of the volume, with channels by `as_many_channels`.
    """
    many = as_many_channels(pixels, n_channels)
    batch = many.unsqueeze(0) if many.ndim == 3 else many.transpose(0, 1)
    return batch.contiguous(memory_format=torch.channels_last)


def superpixel_features(
    model: SuperAE, pixels: np.ndarray, superpixels: np.ndarray
) -> np.ndarray:
    """Mean of the encoder's feature maps over each superpixel, equation 5.

    Parameters
    ----------
    model : SuperAE
        Trained network in evaluation mode.
    pixels : (C, *S) float32 array
        Image in 0 to 1.
    superpixels : S int array
        Superpixels ``0 .. M - 1``.

    Returns
    -------
    features : (M, 448) float32 array
        Mean features of the three levels, concatenated; each level is upsampled bilinearly to
        the size of the image before it is averaged.
    """
    [pooled] = pool_levels(model, pixels, [superpixels])
    return pooled.means.astype(np.float32)


def embedding_of(model: SuperAE, n_partitions: int, seed: int) -> Embedding:
    """Network of the cut from a trained model, which is not changed.

    Parameters
    ----------
    model : SuperAE
        Trained model, whose encoder is copied.
    n_partitions : int
        Number of output channels ``K``.
    seed : int
        Seed of the weights of the head; the caller's random state is not changed.

    Returns
    -------
    embedding : Embedding
        Network in float32, on the device of the model.
    """
    encoder = copy.deepcopy(model.encoder)
    with seeded(seed):
        embedding = Embedding(encoder, n_partitions)
    return embedding.to(next(model.parameters()).device, torch.float32)


def save_embedding(embedding: Embedding, path: Path, card: Mapping[str, object]) -> None:
    """Write a network of the cut as safetensors, whole or not at all.

    Parameters
    ----------
    embedding : Embedding
        The network.
    path : Path
        File to write; an existing file is replaced in one step.
    card : mapping
        Description of the training, ready for JSON.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    write_tensors(path, embedding.state_dict(), "card", card)


def load_embedding(path: Path, model: SuperAE, n_partitions: int, sha256: str) -> Embedding:
    """Read a network of the cut.

    Parameters
    ----------
    path : Path
        File written by `save_embedding`.
    model : SuperAE
        Model from which the network was made; the result is on its device.
    n_partitions : int
        Number of output channels ``K``.
    sha256 : str
        Expected hash of the file.

    Returns
    -------
    embedding : Embedding
        Network in evaluation mode.

    Raises
    ------
    WeightsError
        If the file cannot be read, has another hash, does not fit the network, or holds a
        value that is not finite.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: the network cannot be read ({error.strerror})") from error
    check_sha256(path, sha256)
    try:
        tensors = load(content)
        check_finite(path, tensors)
        with torch.inference_mode(False):
            embedding = embedding_of(model, n_partitions, 0)
            embedding.load_state_dict(tensors)
    except (SafetensorError, RuntimeError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{path}: is no network of {n_partitions} classes, or damaged; run the batch anew"
        ) from error
    return embedding.eval()


def read_card(path: Path) -> dict[str, object]:
    """Read the description of the training of a network of the cut.

    Parameters
    ----------
    path : Path
        File written by `save_embedding`.

    Returns
    -------
    card : dict
        Description; empty if the file is missing or cannot be read.
    """
    try:
        with safe_open(path, "pt") as file:
            card = parse_json((file.metadata() or {}).get("card", "{}"))
    except (OSError, SafetensorError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}
