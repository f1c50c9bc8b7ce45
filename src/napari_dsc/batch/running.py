"""Deprecated name of a function of `napari_dsc.batch.folder`."""

import warnings
from typing import Any

from napari_dsc.batch import folder


def __getattr__(name: str) -> Any:
    if name != "iter_logged":
        raise AttributeError(name)
    warnings.warn(
        "napari_dsc.batch.running is deprecated; use napari_dsc.batch.folder.iter_logged",
        DeprecationWarning,
        stacklevel=2,
    )
    return folder.iter_logged
