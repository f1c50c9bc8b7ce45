"""Geometry of napari layers: position, size and orientation of their pixels in the world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import block_diag

from napari_dsc.files.units import in_one_unit, known_sizes, unit_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari.layers import Image as ImageLayer
    from napari.layers import Labels


@dataclass(frozen=True, eq=False)
class Geometry:
    """Position, size and orientation of the pixels of an array in the world of a viewer.

    Parameters
    ----------
    scale, translate : (n,) float array
        Pixel size and position of the first pixel along each axis, in `units`.
    rotate : (n, n) float array
        Rotation matrix.
    shear : (n (n - 1) / 2,) float array
        Upper triangle of the shear matrix.
    affine : (n + 1, n + 1) float array
        Affine transform, applied after all others.
    units, axis_labels : tuple
        Unit and name of each axis, as napari gives them.
    missing : tuple of int
        Axes along which the array has no axis of its own; there it has length one.
    """

    scale: np.ndarray
    translate: np.ndarray
    rotate: np.ndarray
    shear: np.ndarray
    affine: np.ndarray
    units: tuple[object, ...]
    axis_labels: tuple[str, ...]
    missing: tuple[int, ...] = ()

    def part(self, offset: Sequence[float], step: Sequence[float]) -> Geometry:
        """Geometry of a crop, or of every n-th pixel.

        Parameters
        ----------
        offset : sequence of float
            Start of the crop along each axis, in pixels.
        step : sequence of float
            Number of pixels that one pixel of the part covers along each axis.

        Returns
        -------
        geometry : Geometry
            Geometry of the part. A pixel of it is centered on the pixels that it covers.
        """
        steps = np.asarray(step, float)
        center = np.asarray(offset, float) + (steps - 1) / 2
        shear = np.eye(len(steps)) + self._shear_matrix
        moved = self.rotate @ shear @ (self.scale * center)
        return replace(self, scale=self.scale * steps, translate=self.translate + moved)

    def without_first_axis(self) -> Geometry:
        """Geometry along all axes but the first.

        Returns
        -------
        geometry : Geometry
            Geometry of an array that napari repeats along the missing axis.
        """
        return Geometry(
            self.scale[1:],
            self.translate[1:],
            self.rotate[1:, 1:],
            self._shear_matrix[1:, 1:][np.triu_indices(len(self.scale) - 1, 1)],
            self.affine[1:, 1:],
            self.units[1:],
            self.axis_labels[1:],
        )

    def with_channel_axis(self) -> Geometry:
        """Geometry with a leading axis for channels.

        Returns
        -------
        geometry : Geometry
            The channels are at distance 1 along the first axis.
        """
        return Geometry(
            np.append(1.0, self.scale),
            np.append(0.0, self.translate),
            block_diag(1.0, self.rotate),
            block_diag(0.0, self._shear_matrix)[np.triu_indices(len(self.scale) + 1, 1)],
            block_diag(1.0, self.affine),
            ("pixel", *self.units),
            ("c", *self.axis_labels),
        )

    @property
    def _shear_matrix(self) -> np.ndarray:
        """Shear above the diagonal, (n, n), and zeros elsewhere."""
        matrix = np.zeros((len(self.scale), len(self.scale)))
        matrix[np.triu_indices(len(self.scale), 1)] = self.shear
        return matrix

    def options(self) -> dict[str, object]:
        """Keyword arguments that place a napari layer.

        Returns
        -------
        options : dict
            Arguments of ``viewer.add_labels`` and similar functions.
        """
        return {name: value for name, value in vars(self).items() if name != "missing"}


def geometry_of(layer: ImageLayer | Labels) -> Geometry:
    """Geometry of a layer, at the finest level of a multiscale layer.

    Parameters
    ----------
    layer : napari Image or Labels layer
        The layer, which is not changed.

    Returns
    -------
    geometry : Geometry
        Copies of the values of the layer.
    """
    names = ("scale", "translate", "rotate", "shear", "affine")
    values: Any = {name: np.array(getattr(layer, name), float) for name in names}
    return Geometry(**values, units=tuple(layer.units), axis_labels=tuple(layer.axis_labels))


def labels_geometry(layer: ImageLayer, axes: str, kept: str) -> Geometry:
    """Geometry of the labels of a layer's image.

    Parameters
    ----------
    layer : napari Image layer
        The layer, which is not changed.
    axes : str
        One letter of ``TZCYX`` for each axis of the layer's array.
    kept : str
        Those that the labels have, in their order.

    Returns
    -------
    geometry : Geometry
        Geometry without a leading channel axis, because labels apply to all channels. Along
        other axes that the labels lack, they have length one; one label is as long as all
        channels.
    """
    geometry, named = geometry_of(layer), axes[: layer.ndim]
    shape = (layer.data[0] if layer.multiscale else layer.data).shape
    steps = [
        float(size) if axis == "C" else 1.0 for axis, size in zip(named, shape, strict=False)
    ]
    if named[:1] == "C":
        geometry, named, steps = geometry.without_first_axis(), named[1:], steps[1:]
    missing = tuple(place for place, axis in enumerate(named) if axis not in kept)
    return replace(geometry.part([0.0] * len(named), steps), missing=missing)


def file_geometry(image: Mapping[str, Any]) -> Geometry | None:
    """Geometry of the labels of an image whose file gives its position.

    Parameters
    ----------
    image : mapping
        What a record says of the image.

    Returns
    -------
    geometry : Geometry or None
        None if the file gives no position.
    """
    if not image.get("translation"):
        return None
    axes = image["axes"].replace("C", "")
    spatial = [axis for axis in "ZYX" if axis in axes]
    sizes = dict(zip(spatial, image["spacing"], strict=False))
    starts = dict(zip(spatial, image["translation"], strict=False))
    n_axes, unit = len(axes), unit_name(image["unit"]) or "pixel"
    return Geometry(
        np.array([sizes.get(axis) or 1.0 for axis in axes]),
        np.array([starts.get(axis, 0.0) for axis in axes]),
        np.eye(n_axes),
        np.zeros(n_axes * (n_axes - 1) // 2),
        np.eye(n_axes + 1),
        tuple(unit if axis in sizes else "pixel" for axis in axes),
        tuple(axes.lower()),
    )


def physical_place(
    geometry: Geometry, axes: str, spatial: str = "YX"
) -> tuple[tuple[float, ...], str, tuple[float, ...]]:
    """Pixel size and position of an image, in one unit.

    Parameters
    ----------
    geometry : Geometry
        Geometry of the layer.
    axes : str
        Letters of the layer's axes, without RGB colors.
    spatial : str
        Axes whose pixel sizes are returned.

    Returns
    -------
    spacing : tuple of float
        Pixel size along `spatial`, 0 where its unit is the pixel and others are not; empty if
        all units are the pixel and Z is not in `spatial`; with Z they are kept, because a scale
        without unit is the usual way to give the distance of planes.
    unit : str
        Unit of both; empty if it is the pixel.
    translation : tuple of float
        Position of the first pixel along `spatial`, or empty.
    """
    places = {axis: axes.index(axis) for axis in spatial if axis in axes}
    units = {axis: geometry.units[place] for axis, place in places.items()}
    sizes, unit = in_one_unit(
        {axis: (abs(geometry.scale[places[axis]]), units[axis]) for axis in places}
    )
    if not unit and "Z" not in spatial:
        return (), "", ()
    moves = {axis: (geometry.translate[places[axis]], units[axis]) for axis in places}
    starts, _ = in_one_unit(moves, unit)
    return known_sizes(sizes, list(places)), unit, tuple(starts.get(a, 0.0) for a in places)
