"""Geometry of napari layers: position, size and orientation of their pixels in the world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import block_diag

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        return dict(vars(self))


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
    scale, translate, rotate, shear, affine = (
        np.array(getattr(layer, name), float)
        for name in ("scale", "translate", "rotate", "shear", "affine")
    )
    names = tuple(layer.units), tuple(layer.axis_labels)
    return Geometry(scale, translate, rotate, shear, affine, *names)


def labels_geometry(layer: ImageLayer, axes: str) -> Geometry | None:
    """Geometry of the labels of a layer's image.

    Parameters
    ----------
    layer : napari Image layer
        The layer, which is not changed.
    axes : str
        One letter of ``TZCYX`` for each axis of the layer's array.

    Returns
    -------
    geometry : Geometry or None
        Geometry without a leading channel axis, because labels apply to all channels. None if
        channels are another axis: then napari could not match the remaining axes.
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
        Geometry of the layer.
    axes : str
        Letters of the layer's axes, without RGB colors.
    spatial : str
        Axes whose pixel sizes are returned.

    Returns
    -------
    spacing : tuple of float
        Pixel size along `spatial`; empty if the units differ. Also empty if the unit is the
        pixel and Z is not in `spatial`; with Z it is kept, because a scale without unit is the
        usual way to give the distance of planes.
    unit : str
        Unit of the spacing; empty if it is the pixel.
    """
    positions = [axes.index(axis) for axis in spatial if axis in axes]
    units = {str(geometry.units[position]) for position in positions}
    sizes = tuple(float(abs(geometry.scale[position])) for position in positions)
    if len(units) != 1 or (units == {"pixel"} and "Z" not in spatial):
        return (), ""
    return sizes, units.pop().replace("pixel", "")
