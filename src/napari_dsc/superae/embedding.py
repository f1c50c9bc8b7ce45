"""The network of the cut: made from a trained autoencoder, saved and loaded."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load

from napari_dsc.errors import WeightsError
from napari_dsc.machine.device import seeded
from napari_dsc.params.checks import parse_json
from napari_dsc.superae.model import Embedding
from napari_dsc.superae.registry import check_sha256
from napari_dsc.superae.weights import check_finite, write_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_dsc.superae.model import SuperAE


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
