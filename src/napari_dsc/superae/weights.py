"""Weight files: safetensors with a JSON card in the header. No pickle is ever loaded."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from napari_dsc.errors import WeightsError
from napari_dsc.files import write_atomically
from napari_dsc.machine.device import seeded
from napari_dsc.params.checks import parse_json
from napari_dsc.superae import registry
from napari_dsc.superae.model import SuperAE
from napari_dsc.superae.registry import DEFAULT as DEFAULT

_FIRST = "encoder.fine.0.weight"


@dataclass(frozen=True)
class WeightsFile:
    """A weight file that was found and fits the network.

    Parameters
    ----------
    name : str
        Registered name, or the path as given.
    path : Path
        Where it lies.
    sha256 : str
        Hash of its content, 64 hexadecimal digits.
    card : dict
        ``n_channels``, ``ndim`` (2, or 3 for stacks), and what the file says about its
        training.
    """

    name: str
    path: Path
    sha256: str
    card: dict[str, object]


def check_dimensions(file: WeightsFile, axes: str) -> None:
    """Refuse planes where the network is one of stacks.

    Parameters
    ----------
    file : WeightsFile
        From `find_weights`.
    axes : str
        Axes of the image that the network is to see.

    Raises
    ------
    WeightsError
        If the weights are three-dimensional, and the image is not.
    """
    if file.card["ndim"] == 3 and "Z" not in axes:
        raise WeightsError(
            f"weights={file.name!r}: expected a stack (axes Z, Y, X) whose planes are not cut "
            f"apart, got axes {axes}; the weights are three-dimensional"
        )


def find_weights(name_or_path: str | Path) -> WeightsFile:
    """Weight file for a registered name or a path.

    Parameters
    ----------
    name_or_path : str or Path
        A name of `WEIGHTS`: the packaged file, else the one in the cache folder, else it is
        downloaded. Or the path of a safetensors file of one's own.

    Returns
    -------
    file : WeightsFile
        Checked against the network, and against its known hash if registered.

    Raises
    ------
    WeightsError
        If there is no such name or file, a registered file is not what it should be, it
        cannot be downloaded, it does not fit the network, or a value is not finite.

    Examples
    --------
    >>> find_weights("superae-bsds500").card["n_channels"]
    3
    """
    name = str(name_or_path)
    if name in registry.WEIGHTS:
        is_here = registry.where(name).exists()
        path = registry.verify_weights(name) if is_here else registry.fetch_weights(name)
        return _read_file(path, name)
    try:
        return _read_file(Path(name), name)
    except FileNotFoundError as error:
        raise WeightsError(
            f"weights={name!r}: no such file, and no registered weights of that name "
            f"(known: {', '.join(registry.WEIGHTS)})"
        ) from error


def load_weights(weights: WeightsFile | str | Path) -> SuperAE:
    """Network with the weights of a file.

    Parameters
    ----------
    weights : str, Path or WeightsFile
        Registered name or path of a safetensors file, see `find_weights`, or what that gave.

    Returns
    -------
    model : SuperAE
        On the CPU, in evaluation mode.

    Raises
    ------
    WeightsError
        If the file cannot be found, or was changed or removed since it was found.
    """
    file = weights if isinstance(weights, WeightsFile) else find_weights(weights)
    try:
        content = file.path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{file.path}: expected weights, got {error.strerror}") from error
    registry.check_sha256(file.path, file.sha256)
    tensors = load(content)
    with seeded(0):  # whatever is drawn is replaced below
        _, n_channels, *kernel = tensors[_FIRST].shape
        model = SuperAE(n_channels, len(kernel))
    model.load_state_dict(tensors)
    return model.eval()


def save_weights(model: SuperAE, path: str | Path, card: Mapping[str, object]) -> None:
    """Write a weight file; the same weights and card give the same bytes.

    Parameters
    ----------
    model : SuperAE
        The network.
    path : str or Path
        Where to write; an existing file is replaced in one step.
    card : mapping
        What to say about the training, ready for JSON; see
        `napari_dsc.superae.training_files`. The number of dimensions, ``ndim``, is added.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    write_tensors(Path(path), model.state_dict(), "card", {**card, "ndim": model.ndim})


def write_tensors(path: Path, tensors: Mapping[str, Tensor], key: str, value: object) -> None:
    """Write tensors with a description as safetensors, whole or not at all.

    Parameters
    ----------
    path : Path
        File to write; an existing file is replaced in one step.
    tensors : mapping of str to tensor
        Tensors by name, on any device.
    key : str
        Key of the description in the header: one alone, because safetensors writes several
        in random order.
    value : object
        Description, ready for JSON.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    whole = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
    content = save(whole, metadata={key: json.dumps(value, sort_keys=True)})
    write_atomically(path, lambda file: file.write(content))


def check_finite(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Refuse tensors with NaN or infinite values.

    Parameters
    ----------
    path : Path
        File that they are from.
    tensors : mapping of str to tensor
        Tensors by name.

    Raises
    ------
    WeightsError
        If a value is not finite in float32.
    """
    for name, tensor in tensors.items():
        if not tensor.float().isfinite().all():
            raise WeightsError(
                f"{path}: tensor {name} holds NaN or infinite values, expected finite ones; "
                "train again, or name another file"
            )


def registry_entry(path: Path, *, packaged: bool) -> registry.RegisteredWeights:
    """Describe a weight file for the registry; paste its ``repr`` there.

    Parameters
    ----------
    path : Path
        A weight file whose card names its license and training data.
    packaged : bool
        Whether the file will lie inside the package.

    Returns
    -------
    entry : RegisteredWeights
        One value of `WEIGHTS`.

    Raises
    ------
    WeightsError
        If the file cannot be read, does not fit the network, or its card lacks these.
    """
    file = find_weights(path)
    for key in ("license", "training_data"):
        if key not in file.card:
            raise WeightsError(f"{path}: expected a card with {key}, got none")
    terms, data, ndim = (str(file.card[key]) for key in ("license", "training_data", "ndim"))
    size = path.stat().st_size
    return registry.RegisteredWeights(
        path.name, file.sha256, size, terms, data, packaged, int(ndim)
    )


def _read_file(path: Path, name: str) -> WeightsFile:
    try:
        registry.check_regular(path)
        with safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not iterable)
            card = parse_json((file.metadata() or {}).get("card", "{}"))
    except (FileNotFoundError, WeightsError):
        raise
    except (OSError, SafetensorError, ValueError) as error:
        reason = "it is a folder" if path.is_dir() else f"{error!s:.200}"
        raise WeightsError(
            f"{path}: expected a safetensors file, pickles (.pt) are never read ({reason})"
        ) from error
    if not isinstance(card, dict):
        raise WeightsError(f"{path}: expected a card that is a JSON object, got {card!r:.40}")
    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    first = shapes.get(_FIRST, ())  # anything will do where there is none
    n_channels, ndim = (max(first[1], 1), len(first) - 2) if len(first) in {4, 5} else (1, 2)
    expected = _shapes_of(n_channels, ndim)
    for tensor in [*expected, *shapes]:
        if shapes.get(tensor) != expected.get(tensor):
            raise WeightsError(
                f"{path}: does not fit the network, tensor {tensor} has shape "
                f"{shapes.get(tensor, 'none')}, expected {expected.get(tensor, 'none')}"
            )
    check_finite(path, tensors)
    seen = {"n_channels": n_channels, "ndim": ndim}
    return WeightsFile(name, path, registry.file_sha256(path), card | seen)


@functools.cache  # building the network takes 1.4 ms
def _shapes_of(n_channels: int, ndim: int) -> dict[str, tuple[int, ...]]:
    """Shape of each tensor of the network."""
    with torch.device("meta"):
        state = SuperAE(n_channels, ndim).state_dict()
    return {key: tuple(value.shape) for key, value in state.items()}
