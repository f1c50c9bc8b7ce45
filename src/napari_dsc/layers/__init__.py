"""Conversion between napari layers and arrays: axes, geometry and pixels."""

from napari_dsc.layers.arrays import PARTS_KEY as PARTS_KEY
from napari_dsc.layers.arrays import RECORD_KEY as RECORD_KEY
from napari_dsc.layers.arrays import as_many_axes as as_many_axes
from napari_dsc.layers.arrays import is_image_layer as is_image_layer
from napari_dsc.layers.arrays import labels_layer as labels_layer
from napari_dsc.layers.arrays import level_array as level_array
from napari_dsc.layers.arrays import read_layer as read_layer
from napari_dsc.layers.geometry import Geometry as Geometry
from napari_dsc.layers.geometry import file_geometry as file_geometry
from napari_dsc.layers.geometry import geometry_of as geometry_of
from napari_dsc.layers.geometry import labels_geometry as labels_geometry
from napari_dsc.layers.geometry import physical_place as physical_place
from napari_dsc.layers.layout import Layout as Layout
from napari_dsc.layers.layout import possible_layouts as possible_layouts
