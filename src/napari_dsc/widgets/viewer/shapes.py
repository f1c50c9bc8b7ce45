"""Pixels under shapes, the outline of a superpixel, and the units of layers."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pint
from napari.layers import Image, Labels, Layer, Shapes
from napari.viewer import Viewer
from skimage.draw import polygon2mask
from skimage.measure import find_contours

from napari_dsc.errors import InvalidImageError
from napari_dsc.layers import geometry_of
from napari_dsc.widgets.viewer import output


def shapes_region(
    shapes: Shapes,
    layer: Image | Labels,
    size: np.ndarray,
    factors: np.ndarray,
    shown: np.ndarray,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Part of an image under the shapes of a layer.

    Parameters
    ----------
    shapes : napari Shapes layer
        Rectangles, ellipses, polygons and paths; lines are ignored.
    layer : napari Image or Labels layer
        The image.
    size : (2,) int array
        Height and width of the level in use.
    factors : (2,) float array
        Pixels of the finest level per pixel of this level.
    shown : int array
        Index of the visible plane along each axis of the image; shapes on other planes are
        ignored.

    Returns
    -------
    corners : (2, 2) int array
        First and last-plus-one row and column of the smallest box around the shapes.
    mask : (Y, X) bool array or None
        Pixels of the box under the shapes; None if all pixels are.

    Raises
    ------
    InvalidImageError
        If no shape covers a pixel of the image.
    """
    outlines = [
        _outline(vertices, kind, shapes, layer, factors)
        for vertices, kind in zip(shapes.data, shapes.shape_type, strict=True)
        if kind != "line" and _is_in_plane(vertices, shapes, layer, shown)
    ]
    everything = np.concatenate(outlines) if outlines else np.zeros((1, 2))
    first = np.clip(np.floor(everything.min(0)).astype(int), 0, size)
    beyond = np.clip(np.ceil(everything.max(0)).astype(int) + 1, first, size)
    mask = np.zeros(tuple(beyond - first), bool)
    for outline in outlines:
        _fill(mask, outline - first)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        raise InvalidImageError(
            f"image: the shapes of {shapes.name} cover no pixel of {layer.name}; draw a "
            "rectangle, an ellipse or a polygon on it"
        )
    box = np.array([[rows[0], columns[0]], [rows[-1] + 1, columns[-1] + 1]])
    inside = mask[box[0, 0] : box[1, 0], box[0, 1] : box[1, 1]]
    return box + first, None if inside.all() else inside


def _fill(mask: np.ndarray, outline: np.ndarray) -> None:
    """Mark the pixels inside a polygon; an upright rectangle is filled by a slice."""
    low, high = outline.min(0), outline.max(0)
    if len(outline) == 4 and ((outline == low) | (outline == high)).all():
        first, last = np.ceil(low).astype(int).clip(0), np.floor(high).astype(int) + 1
        mask[first[0] : last[0], first[1] : last[1]] = True
    else:
        mask |= polygon2mask(mask.shape, outline)


def _in_image(vertices: np.ndarray, shapes: Shapes, layer: Image | Labels) -> np.ndarray:
    """Vertices in pixels of the finest level of an image."""
    n_axes = min(shapes.ndim, layer.ndim)  # napari lets the last axes coincide
    factors = unit_factors(shapes.units, layer.units[-n_axes:])
    worlds = [np.asarray(shapes.data_to_world(one))[-n_axes:] * factors for one in vertices]
    return np.array([layer.world_to_data(world) for world in worlds])


def _is_in_plane(
    vertices: np.ndarray, shapes: Shapes, layer: Image | Labels, shown: np.ndarray
) -> bool:
    """Whether a shape lies on the visible plane; a 2-D shape lies on all planes."""
    n_planes = min(shapes.ndim, layer.ndim) - 2
    if n_planes <= 0:
        return True
    planes = np.round(_in_image(vertices, shapes, layer)[:, -2 - n_planes : -2])
    return bool((planes == shown[-2 - n_planes : -2]).all())


def _outline(
    vertices: np.ndarray, kind: str, shapes: Shapes, layer: Image | Labels, factors: np.ndarray
) -> np.ndarray:
    """Vertices of a shape, in rows and columns of a level of the image."""
    if kind == "ellipse":  # napari stores the corners of the bounding box
        angle = np.linspace(0, 2 * np.pi, 65)[:-1, None]
        center = vertices.mean(0)
        across, down = (vertices[1] - vertices[0]) / 2, (vertices[3] - vertices[0]) / 2
        vertices = center + np.cos(angle) * across + np.sin(angle) * down
    points = _in_image(vertices, shapes, layer)[:, -2:]
    return np.asarray((points + 0.5) / factors - 0.5)


class Outline:
    """Outline of one superpixel, in a Shapes layer that goes with it.

    Parameters
    ----------
    viewer : napari Viewer
        Receives the layer.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._layer: Shapes | None = None

    def show(self, layer: Labels, superpixels: np.ndarray, position: tuple[int, ...]) -> None:
        """Outline the superpixel at a position on the plane of that position."""
        self.hide()
        leading = position[:-2]
        inside = superpixels[leading] == superpixels[position]
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        box = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        paths = [
            np.insert(path - 1 + (rows[0], columns[0]), [0] * len(leading), leading, axis=1)
            for path in find_contours(np.pad(box, 1), 0.5)
        ]
        self._layer = output.add_quietly(
            self._viewer,
            Shapes(
                paths,
                shape_type="path",
                edge_color="white",
                edge_width=max(1.0, max(box.shape) / 40),
                name=f"{layer.name} [uncertain]",
                metadata={output.OUTLINE: True},
                **geometry_of(layer).options(),
            ),
        )

    def hide(self) -> None:
        """Remove the layer."""
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)


def drawn_shapes(layers: Iterable[Layer]) -> list[Shapes]:
    """Shapes layers that the user drew, without outlines that a dock shows."""
    shapes = [layer for layer in layers if isinstance(layer, Shapes)]
    return [layer for layer in shapes if not layer.metadata.get(output.OUTLINE)]


def visible_point(viewer: Viewer, layer: Layer) -> np.ndarray:
    """Position of the viewer along the axes of a layer, in the units of the layer.

    napari lets the last axes of all layers coincide.
    """
    factors = unit_factors(viewer.layers.units, layer.units)
    point: np.ndarray = np.asarray(viewer.dims.point)[-layer.ndim :] * factors
    return point


def unit_factors(have: Sequence[Any] | None, want: Sequence[Any]) -> np.ndarray:
    """Factors that convert coordinates from units `have` to units `want`.

    ``have`` is None if the layers of a viewer have inconsistent units; napari then draws all
    layers without units, and all factors are 1.
    """
    if have is None:
        return np.ones(len(want))
    pairs = zip(have[-len(want) :], want, strict=False)
    try:
        factors = [float((1 * one).to(other).magnitude) for one, other in pairs]
    except pint.DimensionalityError:
        return np.ones(len(want))
    return np.array([1.0] * (len(want) - len(factors)) + factors)
