"""Labels that stay in a file: where to write them, and their layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Labels
from qtpy.QtWidgets import QFileDialog

from napari_dsc.widgets.viewer.output import KEY, add_quietly
from napari_dsc.widgets.viewer.run_layer import record_of

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from qtpy.QtWidgets import QWidget

    from napari_dsc.jobs.runs import TiledResult
    from napari_dsc.widgets.viewer.source import Source

SUFFIX = ".ome.zarr"


def ask_for_pyramid(parent: QWidget, name: str) -> Path | None:
    """Ask the user for the path of a new OME-Zarr; None if the user cancels."""
    title = "Labels of the whole image, by tiles"
    chosen, _ = QFileDialog.getSaveFileName(
        parent, title, f"{name}{SUFFIX}", f"OME-Zarr (*{SUFFIX})"
    )
    if not chosen:
        return None
    path = Path(chosen)
    return path if path.suffix == ".zarr" else path.with_name(path.name + SUFFIX)


def add_pyramid(viewer: Viewer, result: TiledResult, source: Source, name: str) -> Labels:
    """Add a lazy layer of labels; the window reads only the visible part.

    Parameters
    ----------
    viewer : napari Viewer
        Receives the layer.
    result : TiledResult
        Labels in a file.
    source : Source
        Segmented part of the image.
    name : str
        Name of the layer.

    Returns
    -------
    layer : napari Labels layer
        Multiscale layer if the file has several levels.
    """
    levels = [source.as_labels(level) for level in result.levels]
    is_pyramid = len(levels) > 1
    layer = Labels(
        levels if is_pyramid else levels[0],
        name=name,
        multiscale=is_pyramid,
        metadata={KEY: record_of(result, source), "path": str(result.path)},
        **source.geometry.options(),
    )
    added: Labels = add_quietly(viewer, layer)
    return added
