"""Which image the intensities of a segmentation come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image

from napari_dsc.jobs.analysis import LayerPart
from napari_dsc.layers import level_array
from napari_dsc.widgets.viewer.channels import StackedArrays
from napari_dsc.widgets.viewer.output import KEY

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer


def measured_image(viewer: Viewer, labels: Labels) -> LayerPart | None:
    """Image to measure labels on: the image of their run, else an image of equal shape."""
    shape = tuple(level_array(labels).shape)
    where = labels.metadata.get(KEY, {}).get("layer", {})
    if "channels" in where:
        return _stacked(viewer, where)
    if where.get("name") in viewer.layers:
        layer = viewer.layers[where["name"]]
        n_axes = len(where["axes"])
        if isinstance(layer, Image) and level_array(layer, where["level"]).ndim == n_axes:
            array = level_array(layer, where["level"])
            return LayerPart(layer.name, array, _as_index(where["index"]), where["axes"])
    for layer in viewer.layers:
        if isinstance(layer, Image) and tuple(level_array(layer).shape)[: layer.ndim] == shape:
            axes = "TZYX"[-layer.ndim :] + ("C" if layer.rgb else "")
            return LayerPart(layer.name, level_array(layer), (), axes)
    return None


def _as_index(entries: list[Any]) -> tuple[int | slice, ...]:
    return tuple(slice(*one) if isinstance(one, list) else one for one in entries)


def _stacked(viewer: Viewer, where: dict[str, Any]) -> LayerPart | None:
    """Layers that were the channels of a run; None if a layer was removed."""
    layers = [viewer.layers[name] for name in where["channels"] if name in viewer.layers]
    if len(layers) < len(where["channels"]):
        return None
    arrays = StackedArrays([level_array(layer) for layer in layers])
    name = ", ".join(where["channels"])
    return LayerPart(name, arrays, _as_index(where["index"]), where["axes"])
