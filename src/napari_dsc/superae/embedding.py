"""The network of the cut, made of a trained autoencoder."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save

from napari_dsc.errors import WeightsError
from napari_dsc.files import write_atomically
from napari_dsc.machine.device import seeded
from napari_dsc.superae.model import Embedding
from napari_dsc.superae.registry import check_sha256

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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


def save_embedding(embedding: Embedding, path: Path, card: Mapping[str, object]) -> None:
    """Write a network of the cut as safetensors, whole or not at all.

    Parameters
    ----------
    embedding : Embedding
        The network.
    path : Path
        Where to write; an existing file is replaced in one step.
    card : mapping
        What it learned from, ready for JSON.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    tensors = {name: one.contiguous().cpu() for name, one in embedding.state_dict().items()}
    content = save(tensors, metadata={"card": json.dumps(card, sort_keys=True)})
    write_atomically(path, lambda file: file.write(content))


def load_embedding(path: Path, model: SuperAE, n_partitions: int, sha256: str) -> Embedding:
    """Read a network of the cut.

    Parameters
    ----------
    path : Path
        File of `save_embedding`.
    model : SuperAE
        Network whose encoder it began with; gives the device.
    n_partitions : int
        Output channels ``K``.
    sha256 : str
        Hash that the file must have.

    Returns
    -------
    embedding : Embedding
        In evaluation mode.

    Raises
    ------
    WeightsError
        If the file is missing, or is another one.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: expected a network, got {error.strerror}") from error
    check_sha256(path, sha256)
    with torch.inference_mode(False):
        embedding = embedding_of(model, n_partitions, 0)
        embedding.load_state_dict(load(content))
    return embedding.eval()


def read_card(path: Path) -> dict[str, object]:
    """Read what a network of the cut learned from.

    Parameters
    ----------
    path : Path
        File of `save_embedding`.

    Returns
    -------
    card : dict
        Empty where there is no such file, or none that can be read.
    """
    try:
        with safe_open(path, "pt") as file:
            card = json.loads((file.metadata() or {}).get("card", "{}"))
    except (OSError, SafetensorError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}
