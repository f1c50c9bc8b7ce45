"""Checkpoints: the state of a training between two epochs, as safetensors (no pickle)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from napari_dsc.errors import WeightsError
from napari_dsc.files import write_atomically
from napari_dsc.superae.train import Epoch, TrainingState, new_training

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor

    from napari_dsc.params import TrainParams

_ADAM_SLOTS = {"step", "exp_avg", "exp_avg_sq"}


def save_checkpoint(state: TrainingState, path: Path) -> None:
    """Write the state of a training, to resume it later.

    Parameters
    ----------
    state : TrainingState
        State after an epoch.
    path : Path
        File to write; an existing file is replaced in one step.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    tensors = {f"model.{key}": value for key, value in state.model.state_dict().items()}
    for index, slots in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{slot}": value for slot, value in slots.items()}
    content = save(
        {name: tensor.contiguous() for name, tensor in tensors.items()},
        metadata={"history": json.dumps([list(epoch) for epoch in state.history])},
    )
    write_atomically(path, lambda file: file.write(content))


def load_checkpoint(
    path: Path, n_channels: int, params: TrainParams, device: torch.device
) -> TrainingState:
    """Read the state of a training.

    Parameters
    ----------
    path : Path
        File written by `save_checkpoint`.
    n_channels : int
        Number of channels of the images.
    params : TrainParams
        Settings. With the settings of the first epochs, the resumed training equals an
        uninterrupted one, bit for bit on one CPU.
    device : torch.device
        Device of the resumed training.

    Returns
    -------
    state : TrainingState
        The saved state.

    Raises
    ------
    WeightsError
        If the file cannot be read, is not a checkpoint, or has another number of channels or
        dimensions.
    """
    state = new_training(n_channels, params, device)
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not iterable)
            history = json.loads(file.metadata()["history"])
        _restore(state, tensors)
        state.history.extend(Epoch(*values) for values in history)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: not a checkpoint of a training on images of {n_channels} channels and "
            f"{params.ndim} dimensions, or damaged ({type(error).__name__})"
        ) from error
    return state


def _restore(state: TrainingState, tensors: dict[str, Tensor]) -> None:
    model: dict[str, Tensor] = {}
    slots: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        kind, key = name.split(".", 1)
        if kind == "model":
            model[key] = tensor
        else:
            index, slot = key.split(".")
            slots.setdefault(int(index), {})[slot] = tensor
    state.model.load_state_dict(model)
    if any(set(slots[i]) != _ADAM_SLOTS for i, _ in enumerate(state.model.parameters())):
        raise ValueError
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": slots, "param_groups": groups})
