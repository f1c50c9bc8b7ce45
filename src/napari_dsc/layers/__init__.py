"""Conversion between napari layers and arrays: axes, geometry and pixels."""

from napari_dsc.layers.arrays import (
    PARTS_KEY,
    RECORD_KEY,
    as_many_axes,
    is_image_layer,
    labels_layer,
    level_array,
    read_layer,
)
from napari_dsc.layers.geometry import Geometry, geometry_of, labels_geometry, physical_size
from napari_dsc.layers.layout import Layout, possible_layouts

__all__ = [
    "PARTS_KEY",
    "RECORD_KEY",
    "Geometry",
    "Layout",
    "as_many_axes",
    "geometry_of",
    "is_image_layer",
    "labels_geometry",
    "labels_layer",
    "level_array",
    "physical_size",
    "possible_layouts",
    "read_layer",
]
