"""Deprecated name of `napari_dsc.make_template`, as an earlier how-to showed it."""

import warnings
from typing import Any

from napari_dsc.hierarchy import construction


def __getattr__(name: str) -> Any:
    if name != "make_template":
        raise AttributeError(name)
    warnings.warn(
        "napari_dsc.superae.templates is deprecated; use napari_dsc.make_template",
        DeprecationWarning,
        stacklevel=2,
    )
    return construction.make_template
