"""The commands that describe this installation and its weight files."""

import importlib.metadata
import json
import os
import platform
import sys

from cyclopts import App

_LIBRARIES = (
    "torch",
    "numpy",
    "scipy",
    "scikit-image",
    "higra",
    "tifffile",
    "imageio",
    "napari",
)


def info() -> None:
    """Show versions, devices with their memory, and whether CUDA is used and why not."""
    import psutil

    from napari_dsc.machine.device import accelerators, cuda_status, resolve_device

    lines = [
        ("napari-dsc", importlib.metadata.version("napari-dsc")),
        ("Python", f"{platform.python_version()} on {platform.platform()}"),
        *((name, _version(name)) for name in _LIBRARIES),
        ("cpu", f"{os.cpu_count()} cores, {_gibibytes(psutil.virtual_memory().total)}"),
        *((one.name, f"{one.description}, {_gibibytes(one.memory)}") for one in accelerators()),
        ("auto", f"takes {resolve_device('auto')}"),
        ("CUDA", cuda_status()),
    ]
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        sys.stdout.write(f"{name:{width}}  {value}\n")


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _gibibytes(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes else "memory unknown"


weights = App(name="weights", help="List, find, download and check weight files.")


@weights.command(name="list")
def list_weights() -> None:
    """List the registered weights: size, dimensions, license, data, whether installed."""
    from napari_dsc.superae.registry import WEIGHTS, where

    for name, entry in WEIGHTS.items():
        installed = "installed" if where(name).is_file() else f"napari-dsc weights fetch {name}"
        sys.stdout.write(
            f"{name}\n  file           {entry.file}, {entry.size / 1e6:.1f} MB, {installed}\n"
            f"  dimensions     {entry.ndim}\n"
            f"  license        {entry.license}\n  training data  {entry.training_data}\n"
        )


@weights.command(name="info")
def show_info(name: str = "", /) -> None:
    """Print the model card of a weight file, as JSON.

    Parameters
    ----------
    name : str
        A name of ``napari-dsc weights list``, or a safetensors file; default: the weights
        that runs use by default.
    """
    from napari_dsc.superae.weights import DEFAULT, find_weights

    file = find_weights(name or DEFAULT)
    about = {"file": str(file.path), "sha256": file.sha256, **file.card}
    sys.stdout.write(json.dumps(about, indent=1) + "\n")


@weights.command(name="where")
def where_weights(name: str = "", /) -> None:
    """Print the path of a weight file, or the path that a download would have.

    Parameters
    ----------
    name : str
        A name of ``napari-dsc weights list``; default: the weights that runs use by default.
    """
    from napari_dsc.superae.registry import DEFAULT, where

    sys.stdout.write(f"{where(name or DEFAULT)}\n")


@weights.command(name="fetch")
def fetch(name: str = "", /) -> None:
    """Download a weight file unless an intact copy is installed, and print its path.

    Parameters
    ----------
    name : str
        A name of ``napari-dsc weights list``; default: the weights that runs use by default.
    """
    from napari_dsc.superae.registry import DEFAULT, fetch_weights

    sys.stdout.write(f"{fetch_weights(name or DEFAULT)}\n")


@weights.command(name="verify")
def verify(names: list[str] | None = None, /) -> None:
    """Check weight files against their known hashes.

    Parameters
    ----------
    names : list of str
        Names of ``napari-dsc weights list``; default: all that are installed.
    """
    from napari_dsc.superae.registry import WEIGHTS, verify_weights, where

    for name in names or [name for name in WEIGHTS if where(name).is_file()]:
        sys.stdout.write(f"{name}: intact, {verify_weights(name)}\n")
