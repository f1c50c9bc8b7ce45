"""Arrays out of napari layers, and layers out of arrays.

napari itself is imported in functions only, when a layer has to be made.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from napari_dsc.files import RawImage
from napari_dsc.layers.geometry import Geometry, geometry_of, physical_size
from napari_dsc.layers.layout import sure_axes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.layers import Image as ImageLayer
    from napari.layers import Labels

# where the metadata of a layer holds the record of its run, and its superpixels for corrections
RECORD_KEY = "napari-dsc"
PARTS_KEY = "napari-dsc superpixels"


def is_image_layer(candidate: object) -> TypeGuard[ImageLayer]:
    """Tell a napari Image layer from arrays and paths, without importing napari."""
    layers = sys.modules.get("napari.layers")
    return layers is not None and isinstance(candidate, layers.Image)


def level_array(layer: ImageLayer | Labels, level: int = 0) -> np.ndarray:
    """Array of a layer, lazy if the layer's is; of one level if there are several.

    Parameters
    ----------
    layer : napari Image or Labels layer
        Any.
    level : int
        Level of a multiscale layer, 0 the finest.

    Returns
    -------
    array : array
        NumPy, dask or zarr, as the layer has it.
    """
    array: np.ndarray = layer.data[level] if layer.multiscale else layer.data
    return array


def read_layer(layer: ImageLayer, axes: str = "") -> RawImage:
    """Whole image of a layer, of the finest level if there are several.

    Parameters
    ----------
    layer : napari Image layer
        It stays as it is; a lazy array is computed.
    axes : str
        One letter of ``TZCYX`` for each axis of the array; empty: the layer's own names,
        or what its shape leaves no doubt of.

    Returns
    -------
    raw : RawImage
        Pixels, axes, pixel size and unit.
    """
    found = axes.upper() or sure_axes(layer)
    spatial = "".join(axis for axis in found if axis in "ZYX")
    spacing, unit = physical_size(geometry_of(layer), found, spatial)
    pixels = np.asarray(level_array(layer))
    return RawImage(pixels, found, spacing, unit, origin="the layer")


def labels_layer(
    labels: np.ndarray, geometry: Geometry | None, options: Mapping[str, object]
) -> Labels:
    """Make a napari Labels layer.

    Parameters
    ----------
    labels : S int array
        Label image.
    geometry : Geometry or None
        Where it lies; None leaves it in pixels at the origin.
    options : mapping
        Further keyword arguments: name, metadata, features.

    Returns
    -------
    layer : napari Labels layer
        In no viewer yet.
    """
    from napari.layers import Labels

    if geometry is None:
        return Labels(labels, **options)
    return Labels(as_many_axes(labels, geometry), **geometry.options(), **options)


def as_many_axes(pixels: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Give an array of one plane the axes of the stack it was taken from.

    Parameters
    ----------
    pixels : S array
        One plane.
    geometry : Geometry
        Of as many axes or more.

    Returns
    -------
    pixels : array
        A view, with axes of length one in front.
    """
    missing = len(geometry.scale) - pixels.ndim
    return pixels.reshape((1,) * missing + pixels.shape)
