"""Layers that docks add and update."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.viewer import Viewer

from napari_dsc.layers import RECORD_KEY, Geometry, geometry_of
from napari_dsc.widgets.preferences import preferences

KEY = RECORD_KEY
RUNNING, CORRECTED = "running", "corrected"
OUTLINE = "napari-dsc outline"  # in the metadata of a Shapes layer that is only looked at


def write_data(viewer: Viewer, layer: Any, data: Any) -> None:
    """Write pixels into a layer, which stays where it is in the stack of layers.

    napari 0.9.2 makes another visual for another type of labels, which it draws below all
    others until the layers are reordered (findings/napari-labels-type-order.sh).
    """
    before = layer.dtype
    layer.data = data
    if layer.dtype != before:
        viewer.layers.events.reordered()


def restorer(viewer: Viewer, layer: Labels) -> Callable[[], None]:
    """Remember a layer before a preview overwrites it: call this to restore the layer.

    Its undo history belongs to the preview, and is cleared.
    """
    data, names = layer.data, ("features", *geometry_of(layer).options())
    values = {"metadata": dict(layer.metadata)} | {name: getattr(layer, name) for name in names}

    def restore() -> None:
        write_data(viewer, layer, data)
        for name, value in values.items():
            setattr(layer, name, value)
        clear_history(layer)

    return restore


def layer_to_update(viewer: Viewer, name: str, kind: type[Layer]) -> Any:
    """Layer of an earlier run with this name; None if a new layer is to be added.

    Not updated are layers that another dock is drawing, that the user corrected by hand, or
    that show a file. The preference ``on_rerun`` may ask for new layers. napari appends a
    number to names that exist.
    """
    if preferences().on_rerun != "update":
        return None
    numbered = re.compile(re.escape(name) + r"( \[\d+\])?")
    for layer in reversed(viewer.layers):
        record = layer.metadata.get(KEY, {RUNNING: True})
        is_idle = not record.get(RUNNING) and not record.get(CORRECTED)
        is_idle &= "path" not in layer.metadata
        if isinstance(layer, kind) and is_idle and numbered.fullmatch(layer.name):
            return layer
    return None


def show_labels(
    viewer: Viewer,
    name: str,
    labels: np.ndarray,
    geometry: Geometry,
    metadata: dict[str, Any],
    *,
    layer: Labels | None = None,
) -> Labels:
    """Write labels into a layer, or into a new layer above all others.

    Parameters
    ----------
    viewer : napari Viewer
        Receives the layer; its selection does not change.
    name : str
        Name of a new layer.
    labels : S unsigned int array
        Labels with the axes of the geometry; 0 is unassigned.
    geometry : Geometry
        Place of the labels.
    metadata : dict
        Metadata of the layer; set before the labels, whose event may read it.
    layer : napari Labels layer, optional
        Layer to update; its undo history is cleared.

    Returns
    -------
    layer : napari Labels layer
        Updated or new layer of the viewer.
    """
    if layer is not None and layer in viewer.layers:
        layer.metadata = {**layer.metadata, **metadata}
        write_data(viewer, layer, labels)
        _place(layer, geometry)
        clear_history(layer)
        return layer
    new = Labels(labels, name=name, metadata=metadata, **geometry.options())
    return add_quietly(viewer, new)


def show_image(
    viewer: Viewer, name: str, pixels: np.ndarray, rgb: bool, geometry: Geometry
) -> Image:
    """Write an image into the layer of an earlier run with this name, or into a new layer."""
    layer = layer_to_update(viewer, name, Image)
    if layer is not None and layer.rgb == rgb:
        write_data(viewer, layer, pixels)
        _place(layer, geometry)
        return layer
    return add_quietly(
        viewer, Image(pixels, name=name, rgb=rgb, metadata={KEY: {}}, **geometry.options())
    )


def _place(layer: Layer, geometry: Geometry) -> None:
    """Move a layer; only changed values are set, because each one redraws the window."""
    present = geometry_of(layer).options()
    for option, value in geometry.options().items():
        if not np.array_equal(np.asarray(present[option]), np.asarray(value)):
            setattr(layer, option, value)


def add_quietly(viewer: Viewer, layer: Any) -> Any:
    """Add a layer without changing the selection."""
    selection = viewer.layers.selection
    before, active = set(selection), selection.active
    viewer.add_layer(layer)
    selection.clear()
    selection.update(before)
    selection.active = active
    return layer


def clear_history(layer: Labels) -> None:
    """Clear the undo history of a layer, which would write old pixels into new labels."""
    was_editable, mode = layer.editable, layer.mode
    layer.editable = False
    layer.editable = True
    layer.editable = was_editable
    if was_editable:
        layer.mode = mode


def columns_of(layer: Labels) -> dict[str, np.ndarray]:
    """Features of a layer by name; empty without the column ``index`` of labels."""
    table = {str(name): column.to_numpy() for name, column in layer.features.items()}
    return table if "index" in table else {}
