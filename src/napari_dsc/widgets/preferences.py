"""Preferences of the user, and the values of the last run."""

import contextlib
import functools
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari.settings import get_settings

from napari_dsc.errors import OutputError
from napari_dsc.files import write_atomically

PLUGIN = "napari-dsc"


@dataclass(frozen=True)
class Preferences:
    """The page *Preferences > Plugin Preferences > Deep Superpixel Cut*.

    The defaults repeat those of the manifest; napari before 0.9 has no such page.
    """

    device: str = "auto"
    threads: int = 0
    memory_share: float = 0.7
    show_smoothed: bool = False
    show_superpixels: bool = False
    on_rerun: str = "update"
    weights_folder: str = ""
    offline: bool = False


def preferences() -> Preferences:
    """Current preferences of the user."""
    try:
        from napari.settings import get_plugin_settings

        pages = get_plugin_settings(PLUGIN)
    except (ImportError, KeyError):
        return Preferences()
    parts = (pages.compute, pages.output, pages.weights)
    return Preferences(
        **{name: getattr(part, name) for part in parts for name in type(part).model_fields}
    )


def apply_weights_preferences(chosen: Preferences) -> None:
    """Set the environment variables of weights folder and downloads from preferences."""
    for variable, value in (
        ("NAPARI_DSC_WEIGHTS_DIR", chosen.weights_folder),
        ("NAPARI_DSC_OFFLINE", "1" if chosen.offline else ""),
    ):
        outer = _outer_value(variable)  # read before the variable is changed
        wanted = value or outer
        if wanted:
            os.environ[variable] = wanted
        else:
            os.environ.pop(variable, None)


@functools.cache
def _outer_value(variable: str) -> str:
    """Value that the environment had before a preference changed it."""
    return os.environ.get(variable, "")


def _last_values_path() -> Path | None:
    """File beside napari's settings; None if napari stores no settings."""
    config = get_settings().config_path
    return Path(config).parent / f"{PLUGIN}-last-values.json" if config else None


def _stored(path: Path | None) -> dict[str, Any]:
    """Values of all docks; empty before the first run."""
    try:
        found = json.loads(path.read_text("utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def last_values(dock: str) -> dict[str, Any]:
    """Values of the dock's last run; empty before the first run."""
    found = _stored(_last_values_path()).get(dock)
    return found if isinstance(found, dict) else {}


def remember_values(dock: str, values: dict[str, object]) -> None:
    """Store the values of a run for the next session."""
    path = _last_values_path()
    if path is None:
        return
    content = json.dumps(_stored(path) | {dock: values}, indent=2).encode()
    # a run does not need this file, so that a folder without write access is no error
    with contextlib.suppress(OSError, OutputError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda file: file.write(content))
