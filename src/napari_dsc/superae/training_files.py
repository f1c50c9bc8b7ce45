"""Files of a training: checkpoints, the loss curve, and the card inside the weight file."""

import csv
import dataclasses
import importlib.metadata
import io
import json
import platform
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from safetensors import SafetensorError, safe_open

from napari_dsc.errors import WeightsError
from napari_dsc.files import write_atomically
from napari_dsc.files.ownership import SOFTWARE
from napari_dsc.params import TrainParams
from napari_dsc.superae.train import Epoch, TrainingState, new_training
from napari_dsc.superae.weights import write_tensors

_LIBRARIES = ("napari-dsc", "numpy", "torch")
_ADAM_SLOTS = {"step", "exp_avg", "exp_avg_sq"}


def model_card(
    state: TrainingState, params: TrainParams, **origin: object
) -> dict[str, object]:
    """Describe trained weights, for `save_weights`.

    Parameters
    ----------
    state : TrainingState
        The finished training.
    params : TrainParams
        Settings of the training.
    **origin : object
        Where the weights come from: ``training_data``, the name of the images, and of the
        templates if the training did not make them; ``license`` of the weights, and terms of
        use of the images if they restrict it; ``n_images``; and the ``command`` that repeats
        the training.

    Returns
    -------
    card : dict
        Ready for JSON: `origin`, the fields of `params` (``ndim`` among them; with
        ``n_epochs`` as completed), ``n_channels``, ``final_losses``, and ``software`` with
        versions.
    """
    final = state.history[-1]
    versions = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return dataclasses.asdict(params) | {
        **origin,
        "n_channels": state.model.n_channels,
        "n_epochs": len(state.history),
        "final_losses": {"fidelity": final.fidelity, "smoothness": final.smoothness},
        "software": versions | {"python": platform.python_version()},
    }


def write_curve_csv(history: Sequence[Epoch], path: Path) -> None:
    """Write a table with a row for each epoch: number, both losses and seconds.

    Parameters
    ----------
    history : sequence of Epoch
        Epochs of `TrainingState.history`.
    path : Path
        File to write; an existing file is replaced in one step.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    table = io.StringIO(newline="")
    csv.writer(table).writerows([Epoch._fields, *history])
    write_atomically(path, lambda file: file.write(table.getvalue().encode()))


def write_curve_png(history: Sequence[Epoch], path: Path) -> None:
    """Write a figure of both losses over the epochs.

    Parameters
    ----------
    history : sequence of Epoch
        Epochs of `TrainingState.history`.
    path : Path
        File to write; an existing file is replaced in one step.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel="epoch", ylabel="squared color distance")
    numbers = [epoch.number for epoch in history]
    for loss, meaning in (("fidelity", "to the image"), ("smoothness", "to the template")):
        values = [getattr(epoch, loss) for epoch in history]
        axes.plot(numbers, values, marker=".", label=f"{loss} ({meaning})")
    axes.set_ylim(bottom=0)
    axes.legend()
    write_atomically(path, partial(canvas.print_png, metadata={"Software": SOFTWARE}))


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
    write_tensors(path, tensors, "history", state.history)


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


def _restore(state: TrainingState, tensors: dict[str, torch.Tensor]) -> None:
    model: dict[str, torch.Tensor] = {}
    slots: dict[int, dict[str, torch.Tensor]] = {}
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
