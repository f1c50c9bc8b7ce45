"""The command ``info``: versions, devices, and why CUDA is or is not used."""

import importlib.metadata
import os
import platform
import sys

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
