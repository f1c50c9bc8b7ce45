"""Deprecated names of `napari_dsc.batch.execution`, as an earlier how-to showed them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from napari_dsc.batch import execution
from napari_dsc.segmenting.settings import Settings

if TYPE_CHECKING:
    from napari_dsc.batch.tasks import Task


def new_batch(options: dict[str, Any]) -> Task:
    """Deprecated: use `napari_dsc.batch.execution.new_batch` with `napari_dsc.Settings`."""
    _warn("new_batch(Settings(...))")
    return execution.new_batch(Settings(**options))


def __getattr__(name: str) -> Any:
    value = getattr(execution, name)
    if not name.startswith("__"):
        _warn(name)
    return value


def _warn(name: str) -> None:
    warnings.warn(
        f"napari_dsc.batch.working is deprecated; use napari_dsc.batch.execution.{name}",
        DeprecationWarning,
        stacklevel=3,
    )
