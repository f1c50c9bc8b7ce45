"""Which part of a layer a run reads, and where its pixels lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_dsc.errors import InvalidImageError, InvalidParameterError
from napari_dsc.layers import Geometry, Layout, geometry_of, level_array, physical_size
from napari_dsc.widgets.viewer.channels import StackedArrays
from napari_dsc.widgets.viewer.shapes import shapes_region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image, Labels, Shapes

WHOLE, VIEW = "whole image", "current view"
TILES = "whole image, by tiles into a file"


class Where(NamedTuple):
    """Which rows and columns: ``WHOLE``, ``VIEW``, ``TILES`` or those under a Shapes layer."""

    part: str
    level: int = 0
    shapes: Shapes | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """What a run reads: a part of a layer's array, and where its pixels lie."""

    name: str
    level: int
    array: Any
    index: tuple[int | slice, ...]
    layout: Layout
    spacing: tuple[float, ...]
    unit: str
    mask: np.ndarray | None
    geometry: Geometry
    image_geometry: Geometry
    channels: tuple[str, ...] = ()

    @property
    def axes(self) -> str:
        """Axes of ``array[index]``."""
        return self.layout.image_axes()

    @property
    def sizes(self) -> dict[str, int]:
        """Length of each axis of ``array[index]``."""
        spans = zip(self.index, self.array.shape, self.layout.axes, strict=True)
        return {
            axis: len(range(*one.indices(size)))
            for one, size, axis in spans
            if isinstance(one, slice)
        }

    @property
    def _layer_axes(self) -> str:
        """Axes of the geometry of labels: those of the layer, but a first one of channels."""
        return self.layout.axes.removesuffix("C").removeprefix("C")

    def as_labels(self, labels: np.ndarray) -> np.ndarray:
        """Give labels of the part the axes of their layer.

        Parameters
        ----------
        labels : array
            With the axes of the part, channels left out.

        Returns
        -------
        labels : array
            A view; axes that a plane was picked along, and channels, have length one.
        """
        gone = [
            place
            for place, axis in enumerate(self._layer_axes)
            if axis == "C" or self.layout.picks(axis)
        ]
        return np.expand_dims(labels, gone)

    def as_image(self, pixels: np.ndarray) -> np.ndarray:
        """Give pixels of the part the axes of their layer.

        Parameters
        ----------
        pixels : array
            With the axes of the part.

        Returns
        -------
        pixels : array
            A view; axes that a plane was picked along have length one.
        """
        axes = self.layout.axes if self.layout.joins_channels else self._layer_axes
        gone = [place for place, axis in enumerate(axes) if self.layout.picks(axis)]
        return np.expand_dims(pixels, gone)

    def record(self) -> dict[str, object]:
        """Which part of which layer this is, ready for JSON."""
        index = [[one.start, one.stop] if isinstance(one, slice) else one for one in self.index]
        return {
            "name": self.name,
            "level": self.level,
            "axes": self.layout.axes,
            "index": index,
            "masked": self.mask is not None,
        } | ({"channels": list(self.channels)} if self.channels else {})

    def with_channels(self, others: Sequence[Image]) -> Source:
        """The same part of several layers, as channels of one image."""
        return replace(
            self,
            array=StackedArrays([self.array, *(level_array(one) for one in others)]),
            index=(slice(None), *self.index),
            layout=Layout(f"C{self.layout.axes}", joins_channels=True, whole=self.layout.whole),
            image_geometry=self.geometry.with_channel_axis(),
            channels=(self.name, *(one.name for one in others)),
        )

    def part_of(self, labels: Labels, argument: str) -> tuple[Any, tuple[int | slice, ...]]:
        """Array of a Labels layer on the same image, and the index of the same part.

        Raises
        ------
        InvalidParameterError
            If it has another shape than the image.
        """
        axes = self.layout.axes
        expected = tuple(
            n for n, axis in zip(self.array.shape, axes, strict=True) if axis != "C"
        )
        array = level_array(labels)
        if tuple(array.shape) != expected:
            raise InvalidParameterError(
                f"{argument}: {labels.name} has shape {tuple(array.shape)}, expected "
                f"{expected} as {self.name}"
            )
        return array, tuple(
            one for one, axis in zip(self.index, axes, strict=True) if axis != "C"
        )


def read_source(layer: Image, layout: Layout, where: Where, point: Sequence[float]) -> Source:
    """Part of a layer that a run reads; nothing of the image is computed yet.

    Parameters
    ----------
    layer : napari Image layer
        The image.
    layout : Layout
        What its axes are.
    where : Where
        Which part.
    point : sequence of float
        Where the viewer stands along each axis, in world coordinates.

    Raises
    ------
    InvalidImageError
        If the part is empty.
    """
    is_view = where.part == VIEW and layer.multiscale
    level = int(layer.data_level) if is_view else where.level
    array, factors = level_array(layer, level), level_factors(layer, level)
    shown = np.round((np.asarray(layer.world_to_data(point)) + 0.5) / factors - 0.5).astype(int)
    corners, mask = _corners(layer, where, array.shape, factors, shown)
    index, offset = _crop(layout, array.shape, corners, shown)
    geometry = _labels_geometry(layer, layout, offset, factors)
    whole = geometry_of(layer).part((offset * factors).tolist(), factors.tolist())
    named = layout.axes.removesuffix("C").removeprefix("C")
    spatial = "".join(axis for axis in layout.image_axes() if axis in "ZYX")
    spacing, unit = physical_size(geometry, named, spatial)
    return Source(
        name=layer.name,
        level=level,
        array=array,
        index=index,
        layout=layout,
        spacing=spacing,
        unit=unit,
        mask=mask,
        geometry=geometry,
        image_geometry=whole if layout.joins_channels and not layer.rgb else geometry,
    )


def _labels_geometry(
    layer: Image, layout: Layout, offset: np.ndarray, factors: np.ndarray
) -> Geometry:
    """Where labels lie that hold for all channels.

    A first axis of channels is left out; along one amid the others a label is as long as all
    channels together, because napari would take a missing axis for the first.
    """
    full, start, steps = geometry_of(layer), offset * factors, factors.copy()
    if layout.axes[0] == "C":
        return full.without_first_axis().part(start[1:].tolist(), steps[1:].tolist())
    place = layout.axes.find("C")
    if 0 < place < layer.ndim and layout.joins_channels:
        steps[place] *= level_array(layer).shape[place]
    return full.part(start.tolist(), steps.tolist())


def _corners(
    layer: Image,
    where: Where,
    shape: tuple[int, ...],
    factors: np.ndarray,
    shown: np.ndarray,
) -> tuple[np.ndarray, np.ndarray | None]:
    """First and last-plus-one pixel along Y and X, and a mask within them."""
    size = np.array(shape[: layer.ndim][-2:])
    if where.part == VIEW:
        corners = np.asarray(layer.corner_pixels)[:, -2:] + [[0, 0], [1, 1]]
        corners = np.clip(corners, 0, size)
        if (corners[1] <= corners[0]).any():
            raise InvalidImageError(f"image: the window shows no pixel of {layer.name}")
        return corners, None
    if where.shapes is not None:
        return shapes_region(where.shapes, layer, size, factors[-2:], shown)
    return np.array([[0, 0], size]), None


def level_factors(layer: Image, level: int) -> np.ndarray:
    """How many pixels of the finest level one of this level covers, along each axis."""
    if not layer.multiscale:
        return np.ones(layer.ndim)
    return np.asarray(layer.downsample_factors[level], float)[: layer.ndim]


def _crop(
    layout: Layout, shape: tuple[int, ...], corners: np.ndarray, point: np.ndarray
) -> tuple[tuple[int | slice, ...], np.ndarray]:
    """Index of the part in the layer's array, and its offset along the layer's axes."""
    index: list[int | slice] = []
    offset = np.zeros(len(point))
    spans = {"Y": corners[:, 0], "X": corners[:, 1]}
    for position, axis in enumerate(layout.axes):
        if axis in spans:
            start, stop = map(int, spans[axis])
            index.append(slice(start, stop))
            offset[position] = start
        elif layout.picks(axis):
            picked = int(np.clip(point[position], 0, shape[position] - 1))
            index.append(picked)
            offset[position] = picked
        else:
            index.append(slice(None))
    return tuple(index), offset
