"""Arrays from napari layers, and layers from arrays.

napari is imported only within the function that makes a layer.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from napari_dsc.files import RawImage
from napari_dsc.layers.geometry import Geometry, geometry_of, physical_place
from napari_dsc.layers.layout import sure_axes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.layers import Image as ImageLayer
    from napari.layers import Labels

# keys in the metadata of a layer: the record of its run, and its superpixels for corrections
RECORD_KEY = "napari-dsc"
PARTS_KEY = "napari-dsc superpixels"


def is_image_layer(candidate: object) -> TypeGuard[ImageLayer]:
    """Whether an object is a napari Image layer, found out without importing napari."""
    layers = sys.modules.get("napari.layers")
    return layers is not None and isinstance(candidate, layers.Image)


def level_array(layer: ImageLayer | Labels, level: int = 0) -> np.ndarray:
    """Array of a layer, or of one level of a multiscale layer.

    Parameters
    ----------
    layer : napari Image or Labels layer
        The layer.
    level : int
        Level of a multiscale layer; 0 is the finest.

    Returns
    -------
    array : array
        The layer's own NumPy, dask or zarr array; a lazy array stays lazy.
    """
    array: np.ndarray = layer.data[level] if layer.multiscale else layer.data
    return array  # not by np.asarray, which computes a lazy one


def read_layer(layer: ImageLayer, axes: str = "") -> RawImage:
    """Whole image of a layer, at the finest level of a multiscale layer.

    Parameters
    ----------
    layer : napari Image layer
        The layer, which is not changed; a lazy array is computed.
    axes : str
        One letter of ``TZCYX`` for each axis of the array; empty: read from the axis labels
        of the layer, or inferred from its shape if only one reading is possible.

    Returns
    -------
    raw : RawImage
        Pixels, axes, pixel size and unit.
    """
    found = axes.upper() or sure_axes(layer)
    spatial = "".join(axis for axis in found if axis in "ZYX")
    spacing, unit, starts = physical_place(geometry_of(layer), found, spatial)
    pixels = np.asanyarray(level_array(layer))
    has_alpha = bool(layer.rgb) and pixels.shape[-1] == 4
    return RawImage(
        pixels, found, spacing, unit, has_alpha, origin="the layer", translation=starts
    )


def labels_layer(
    labels: np.ndarray, geometry: Geometry | None, options: Mapping[str, object]
) -> Labels:
    """Make a napari Labels layer.

    Parameters
    ----------
    labels : S int array
        Label image.
    geometry : Geometry or None
        Geometry of the layer; None: unit pixels at the origin.
    options : mapping
        Further keyword arguments: name, metadata, features.

    Returns
    -------
    layer : napari Labels layer
        A new layer, in no viewer yet.
    """
    from napari.layers import Labels

    if geometry is None:
        return Labels(labels, **options)
    return Labels(as_many_axes(labels, geometry), **geometry.options(), **options)


def as_many_axes(pixels: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Add the missing axes of a geometry to an array.

    Parameters
    ----------
    pixels : S array
        For example one plane of a stack.
    geometry : Geometry
        Geometry with at least as many axes, for example that of the stack.

    Returns
    -------
    pixels : array
        A view, with missing axes of length one; leading ones if the geometry names none.
    """
    missing = geometry.missing or tuple(range(len(geometry.scale) - pixels.ndim))
    return np.expand_dims(pixels, missing)
