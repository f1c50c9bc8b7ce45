"""Deprecated name of a function of `napari_dsc.evaluation.contingency`."""

import warnings
from typing import Any

from napari_dsc.evaluation import contingency


def __getattr__(name: str) -> Any:
    if name != "error_map":
        raise AttributeError(name)
    warnings.warn(
        "napari_dsc.evaluation.matching is deprecated; use contingency.error_map",
        DeprecationWarning,
        stacklevel=2,
    )
    return contingency.error_map
