"""Records: how a result was made, ready for JSON."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.metadata
import platform
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from napari_dsc.images import Image
    from napari_dsc.params import Params

Record = dict[str, object]

# images whose hashes stand in a record one by one; of more, one hash of all
N_LISTED = 100
_LIBRARIES = ("napari-dsc", "torch", "numpy", "scipy", "scikit-image", "higra")


def image_record(image: Image) -> Record:
    """Describe an image: its hash, layout, pixel size and normalization.

    Parameters
    ----------
    image : Image
        Image of a run.

    Returns
    -------
    record : dict
        Ready for JSON.
    """
    return {
        "sha256": image.sha256,
        "axes": image.axes,
        "axes_from": image.axes_origin,
        "shape": list(image.pixels.shape[1:]),
        "n_channels": len(image.pixels),
        "dtype": str(image.dtype),
        "spacing": list(image.spacing),
        "unit": image.unit,
        "normalization": dict(image.normalization._asdict()),
        "notes": list(image.notes),
    } | ({"translation": list(image.translation)} if image.translation else {})


def software_record() -> Record:
    """Versions of Python and of every library that can change a result.

    Returns
    -------
    record : dict
        Name to version.
    """
    return {"python": platform.python_version()} | _versions()


@functools.cache  # all take 4 ms to read, and what is loaded stays as it is
def _versions() -> Record:
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


def device_record(device: torch.device) -> Record:
    """Describe where a result was computed, as far as it can change the result.

    Parameters
    ----------
    device : torch.device
        Device of the run.

    Returns
    -------
    record : dict
        Name of the device, its model and the number of CPU threads.
    """
    is_cuda = device.type == "cuda"
    model = torch.cuda.get_device_name(device) if is_cuda else platform.machine()
    return {"name": str(device), "model": model, "threads": torch.get_num_threads()}


def command_record(program: str, arguments: Sequence[str]) -> str:
    """Write a command as one would type it, with the last part only of each path.

    Parameters
    ----------
    program : str
        What comes before the arguments.
    arguments : sequence of str
        Words, in which ``--flag=VALUE`` may be one.

    Returns
    -------
    command : str
        Ready for a shell.

    Examples
    --------
    >>> command_record("napari-dsc segment", ["/data/my image.tif", "--output=/data/out"])
    "napari-dsc segment 'my image.tif' --output=out"
    """
    return " ".join([program, *(shlex.quote(_last_part(word)) for word in arguments)])


def _last_part(word: str) -> str:
    flag, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
    return flag + equals + (Path(value).name if "/" in value else value)


def params_record(params: Mapping[str, Params]) -> Record:
    """Parameters of each stage.

    Parameters
    ----------
    params : mapping of str to Params
        Stage to parameters.

    Returns
    -------
    record : dict
        Stage to a dict that the parameter class accepts as keyword arguments.
    """
    return {stage: dataclasses.asdict(values) for stage, values in params.items()}


def hashes_of(hashes: Iterable[str]) -> list[str] | str:
    """Hashes of images, for a record that is to stay short.

    Parameters
    ----------
    hashes : iterable of str
        One for each image.

    Returns
    -------
    hashes : list of str, or str
        Up to 100 as they are; more as the SHA-256 of all of them, a line each.
    """
    each = list(hashes)
    return each if len(each) <= N_LISTED else sha256_of(each)


def sha256_of(hashes: Iterable[str]) -> str:
    """One hash for many, a line each."""
    return hashlib.sha256("".join(f"{one}\n" for one in hashes).encode()).hexdigest()
