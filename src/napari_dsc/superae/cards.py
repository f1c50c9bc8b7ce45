"""The model card inside a weight file."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_dsc.params import TrainParams
    from napari_dsc.superae.train import TrainingState

_LIBRARIES = ("napari-dsc", "numpy", "torch")


def model_card(
    state: TrainingState,
    params: TrainParams,
    *,
    training_data: str,
    license: str,
    n_images: int,
    command: str,
) -> dict[str, object]:
    """Describe trained weights, for `save_weights`.

    Parameters
    ----------
    state : TrainingState
        The finished training.
    params : TrainParams
        Settings of the training.
    training_data : str
        Name of the images, and of the templates if the training did not make them.
    license : str
        License of the weights, and terms of use of the images if they restrict it.
    n_images : int
        Number of images.
    command : str
        Command that repeats the training.

    Returns
    -------
    card : dict
        Ready for JSON: the arguments, the fields of `params` (``ndim`` among them; with
        ``n_epochs`` as completed), ``n_channels``, ``final_losses``, and ``software`` with
        versions.
    """
    final = state.history[-1]
    versions = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return dataclasses.asdict(params) | {
        "training_data": training_data,
        "license": license,
        "n_images": n_images,
        "n_channels": state.model.n_channels,
        "n_epochs": len(state.history),
        "final_losses": {"fidelity": final.fidelity, "smoothness": final.smoothness},
        "software": versions | {"python": platform.python_version()},
        "command": command,
    }
