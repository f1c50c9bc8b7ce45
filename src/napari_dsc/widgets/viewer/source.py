"""Which part of a layer a run reads, and where its pixels lie."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from napari.layers import Image, Labels, Shapes

from napari_dsc.errors import InvalidImageError, InvalidParameterError
from napari_dsc.layers import Geometry, Layout, geometry_of, level_array, physical_size
from napari_dsc.widgets.viewer.channels import StackedArrays
from napari_dsc.widgets.viewer.shapes import shapes_region

WHOLE, VIEW = "whole image", "current view"
TILES = "whole image, by tiles into a file"


class Where(NamedTuple):
    """Rows and columns to read: ``WHOLE``, ``VIEW``, ``TILES``, or those under shapes."""

    part: str
    level: int = 0
    shapes: Shapes | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """Part of a layer that a run reads, and the place of its pixels."""

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
        slices = ((one, size, axis) for one, size, axis in spans if isinstance(one, slice))
        return {axis: len(range(*one.indices(size))) for one, size, axis in slices}

    @property
    def _layer_axes(self) -> str:
        """Axes of the labels: those of the layer without a first or last axis of channels."""
        return self.layout.axes.removesuffix("C").removeprefix("C")

    def as_labels(self, labels: np.ndarray) -> np.ndarray:
        """Labels of the part, with the axes of their layer.

        Parameters
        ----------
        labels : array
            Labels with the axes of the part, without channels.

        Returns
        -------
        labels : array
            View; channels and the axes of a picked plane have length one.
        """
        axes, picks = self._layer_axes, self.layout.picks
        gone = [place for place, axis in enumerate(axes) if axis == "C" or picks(axis)]
        return np.expand_dims(labels, gone)

    def as_image(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels of the part, with the axes of their layer.

        Parameters
        ----------
        pixels : array
            Pixels with the axes of the part.

        Returns
        -------
        pixels : array
            View; the axes of a picked plane have length one.
        """
        axes = self.layout.axes if self.layout.joins_channels else self._layer_axes
        gone = [place for place, axis in enumerate(axes) if self.layout.picks(axis)]
        return np.expand_dims(pixels, gone)

    def record(self) -> dict[str, object]:
        """Name of the layer and index of the part, ready for JSON."""
        index = [[one.start, one.stop] if isinstance(one, slice) else one for one in self.index]
        return {
            "name": self.name,
            "level": self.level,
            "axes": self.layout.axes,
            "index": index,
            "masked": self.mask is not None,
        } | ({"channels": list(self.channels)} if self.channels else {})

    def with_channels(self, others: Sequence[Image]) -> Self:
        """Part of several layers, as channels of one image."""
        return replace(
            self,
            array=StackedArrays([self.array, *(level_array(one) for one in others)]),
            index=(slice(None), *self.index),
            layout=Layout(f"C{self.layout.axes}", joins_channels=True, whole=self.layout.whole),
            image_geometry=self.geometry.with_channel_axis(),
            channels=(self.name, *(one.name for one in others)),
        )

    def part_of(self, labels: Labels, argument: str) -> tuple[Any, tuple[int | slice, ...]]:
        """Array of a Labels layer on the same image, and the index of the part in it.

        Raises
        ------
        InvalidParameterError
            If the labels have another shape than the image.
        """
        kept = [axis != "C" for axis in self.layout.axes]
        expected = tuple(itertools.compress(self.array.shape, kept))
        array = level_array(labels)
        if tuple(array.shape) != expected:
            raise InvalidParameterError(
                f"{argument}: {labels.name} has shape {tuple(array.shape)}, {self.name} has "
                f"{expected}; choose labels of the same shape"
            )
        return array, tuple(itertools.compress(self.index, kept))


def read_source(layer: Image, layout: Layout, where: Where, point: np.ndarray) -> Source:
    """Part of a layer that a run reads; a lazy image is not computed.

    Parameters
    ----------
    layer : napari Image layer
        Layer to read.
    layout : Layout
        Meaning of its axes.
    where : Where
        Part to read.
    point : array of float
        Position of the viewer along each axis of the layer, in world coordinates.

    Raises
    ------
    InvalidImageError
        If the part is empty.
    """
    is_view = where.part == VIEW and layer.multiscale
    level = int(layer.data_level) if is_view else where.level
    array, factors = level_array(layer, level), level_factors(layer, level)
    shown = np.round((np.asarray(layer.world_to_data(point)) + 0.5) / factors - 0.5).astype(int)
    corners, mask = _corners(layer, layout, where, array.shape, factors=factors, shown=shown)
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
    """Place of labels that are valid for all channels.

    A first axis of channels is removed. Along an axis of channels between the others, one
    label is as long as all channels, because napari would take a missing axis for the first.
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
    layout: Layout,
    where: Where,
    shape: tuple[int, ...],
    *,
    factors: np.ndarray,
    shown: np.ndarray,
) -> tuple[np.ndarray, np.ndarray | None]:
    """First and last-plus-one pixel along Y and X, and the mask between them."""
    plane = [layout.axes.index(axis) for axis in "YX"]
    size = np.array(shape)[plane]
    if where.part == VIEW:
        corners = np.clip(layer.corner_pixels[:, plane] + [[0, 0], [1, 1]], 0, size)
        if (corners[1] <= corners[0]).any():
            raise InvalidImageError(
                f"image: no pixel of {layer.name} is visible; move the view"
            )
        return corners, None
    if where.shapes is not None:
        if plane[0] != layer.ndim - 2 or plane[1] != layer.ndim - 1:
            raise InvalidImageError(
                f"image: the view shows other axes of {layer.name} than Y and X, which shapes "
                "are read along; choose the whole image or the current view under Where"
            )
        return shapes_region(where.shapes, layer, size, factors[-2:], shown)
    return np.array([[0, 0], size]), None


def level_factors(layer: Image, level: int) -> np.ndarray:
    """Pixels of the finest level per pixel of this level, along each axis."""
    if not layer.multiscale:
        return np.ones(layer.ndim)
    return np.asarray(layer.downsample_factors[level], float)[: layer.ndim]


def _crop(
    layout: Layout, shape: tuple[int, ...], corners: np.ndarray, point: np.ndarray
) -> tuple[tuple[int | slice, ...], np.ndarray]:
    """Index of the part in the array, and its offset along each axis."""
    index: list[int | slice] = []
    offset = np.zeros(len(point))
    for position, axis in enumerate(layout.axes):
        if axis in "YX":
            start, stop = corners[:, "YX".index(axis)].tolist()
            index.append(slice(start, stop))
            offset[position] = start
        elif layout.picks(axis):
            picked = int(np.clip(point[position], 0, shape[position] - 1))
            index.append(picked)
            offset[position] = picked
        else:
            index.append(slice(None))
    return tuple(index), offset
