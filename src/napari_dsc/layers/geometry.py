"""Where the pixels of a napari layer lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image as ImageLayer
    from napari.layers import Labels


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the pixels of an array lie in the world of a viewer.

    Parameters
    ----------
    scale, translate : (n,) float array
        Pixel size and position of the first pixel along each axis, in `units`.
    rotate : (n, n) float array
        Rotation.
    shear : (n (n - 1) / 2,) float array
        Shear, the upper triangle.
    affine : (n + 1, n + 1) float array
        Applied after all others.
    units, axis_labels : tuple
        Unit and name of each axis, as napari gives them.
    """

    scale: np.ndarray
    translate: np.ndarray
    rotate: np.ndarray
    shear: np.ndarray
    affine: np.ndarray
    units: tuple[object, ...]
    axis_labels: tuple[str, ...]

    def part(self, offset: Sequence[float], step: Sequence[float]) -> Geometry:
        """Geometry of a crop, or of every n-th pixel.

        Parameters
        ----------
        offset : sequence of float
            Where the crop begins, in pixels.
        step : sequence of float
            How many pixels, or pixels of the finest level, one pixel of the part covers.

        Returns
        -------
        geometry : Geometry
            The center of the part's first pixel lies amid the pixels that it covers.
        """
        steps = np.asarray(step, float)
        center = np.asarray(offset, float) + (steps - 1) / 2
        n_axes = len(self.scale)
        shear = np.eye(n_axes)
        shear[np.triu_indices(n_axes, 1)] = self.shear
        moved = self.rotate @ shear @ (self.scale * center)
        return Geometry(
            self.scale * steps,
            self.translate + moved,
            self.rotate,
            self.shear,
            self.affine,
            self.units,
            self.axis_labels,
        )

    def without_first_axis(self) -> Geometry:
        """Geometry along all axes but the first.

        Returns
        -------
        geometry : Geometry
            Of an array that napari repeats along the missing axis.
        """
        n_axes = len(self.scale)
        shear = np.zeros((n_axes, n_axes))
        shear[np.triu_indices(n_axes, 1)] = self.shear
        return Geometry(
            self.scale[1:],
            self.translate[1:],
            self.rotate[1:, 1:],
            shear[1:, 1:][np.triu_indices(n_axes - 1, 1)],
            self.affine[1:, 1:],
            self.units[1:],
            self.axis_labels[1:],
        )

    def with_channel_axis(self) -> Geometry:
        """Geometry of several channels of the array, along a first axis.

        Returns
        -------
        geometry : Geometry
            The channels lie one unit apart.
        """
        n_axes = len(self.scale)
        shear = np.zeros((n_axes + 1, n_axes + 1))
        shear[1:, 1:][np.triu_indices(n_axes, 1)] = self.shear
        rotate, affine = np.eye(n_axes + 1), np.eye(n_axes + 2)
        rotate[1:, 1:], affine[1:, 1:] = self.rotate, self.affine
        return Geometry(
            np.append(1.0, self.scale),
            np.append(0.0, self.translate),
            rotate,
            shear[np.triu_indices(n_axes + 1, 1)],
            affine,
            ("pixel", *self.units),
            ("c", *self.axis_labels),
        )

    def options(self) -> dict[str, object]:
        """Keyword arguments that place a napari layer.

        Returns
        -------
        options : dict
            For ``viewer.add_labels`` and the like.
        """
        return dict(vars(self))


def geometry_of(layer: ImageLayer | Labels) -> Geometry:
    """Where the pixels of a layer lie; of a multiscale layer, those of its finest level.

    Parameters
    ----------
    layer : napari Image or Labels layer
        It stays as it is.

    Returns
    -------
    geometry : Geometry
        Copies.
    """
    return Geometry(
        np.array(layer.scale, float),
        np.array(layer.translate, float),
        np.array(layer.rotate, float),
        np.array(layer.shear, float),
        np.array(layer.affine, float),
        tuple(layer.units),
        tuple(layer.axis_labels),
    )


def labels_geometry(layer: ImageLayer, axes: str) -> Geometry | None:
    """Where labels of a layer's image lie.

    Parameters
    ----------
    layer : napari Image layer
        It stays as it is.
    axes : str
        One letter of ``TZCYX`` for each axis of the layer's array.

    Returns
    -------
    geometry : Geometry or None
        Channels along the first axis are left out, since labels hold for all of them; None
        where napari could not tell the remaining axes apart.
    """
    geometry = geometry_of(layer)
    if "C" in axes[1 : layer.ndim]:
        return None
    return geometry.without_first_axis() if axes[:1] == "C" else geometry


def physical_size(
    geometry: Geometry, axes: str, spatial: str = "YX"
) -> tuple[tuple[float, ...], str]:
    """Pixel size and unit of an image, if its axes share a unit.

    Parameters
    ----------
    geometry : Geometry
        Of the layer.
    axes : str
        Letters of the layer's axes, without colors.
    spatial : str
        Those to give the size along.

    Returns
    -------
    spacing : tuple of float
        Along `spatial`, or empty; so where the unit is the pixel, unless depth is among them:
        scales without a unit are how viewers are told that planes lie farther apart.
    unit : str
        Its unit, or empty; so where the unit is the pixel.
    """
    positions = [axes.index(axis) for axis in spatial if axis in axes]
    units = {str(geometry.units[position]) for position in positions}
    sizes = tuple(float(abs(geometry.scale[position])) for position in positions)
    if len(units) != 1 or (units == {"pixel"} and "Z" not in spatial):
        return (), ""
    return sizes, units.pop().replace("pixel", "")
