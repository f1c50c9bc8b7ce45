"""Several image layers as channels of one image, and the image to measure labels on."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.viewer import Viewer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu, QPushButton, QSizePolicy

from napari_dsc.jobs.analysis import LayerPart
from napari_dsc.layers import Layout, geometry_of, level_array
from napari_dsc.widgets.viewer.output import KEY

ALONE = "this image alone"


class StackedArrays:
    """Arrays of equal shape, stacked along a new first axis when they are indexed.

    Parameters
    ----------
    arrays : sequence of array
        NumPy, dask or zarr.
    """

    def __init__(self, arrays: Sequence[Any]) -> None:
        self._arrays = tuple(arrays)
        self.shape = (len(arrays), *arrays[0].shape)
        self.ndim = len(self.shape)
        self.dtype = np.result_type(*(one.dtype for one in arrays))

    def __getitem__(self, index: tuple[Any, ...]) -> np.ndarray:
        parts = [np.asarray(array[index[1:]]) for array in self._arrays]
        return np.asarray(np.stack(parts)[index[0]])


class ChannelChooser(QPushButton):
    """Menu of the image layers that can be added to the chosen image as channels.

    Attributes
    ----------
    changed : Signal
        The user chose other layers.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__(ALONE)
        self.setToolTip(
            "More channels of the image: gray image layers of the same shape at the same place."
        )
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._chosen: list[Layer] = []
        self._menu = QMenu(self)
        self.setMenu(self._menu)

    @property
    def chosen(self) -> list[Layer]:
        """Chosen layers, in the order of the viewer."""
        return list(self._chosen)

    def refresh(
        self, layer: Image | None, layout: Layout | None, layers: Iterable[Layer]
    ) -> None:
        """Offer the layers that fit the chosen image; chosen layers stay chosen."""
        fitting = [] if layer is None or layout is None else _fitting(layer, layout, layers)
        self._menu.clear()
        for one in fitting:
            action = self._menu.addAction(one.name)
            action.setCheckable(True)
            action.setChecked(one in self._chosen)
            action.toggled.connect(lambda is_on, one=one: self._toggle(one, is_on, fitting))
        self._set([one for one in fitting if one in self._chosen])
        self.setEnabled(bool(fitting))

    def choose(self, layers: Iterable[Layer]) -> None:
        """Select layers of the menu."""
        names = {layer.name for layer in layers}
        for action in self._menu.actions():
            action.setChecked(action.text() in names)

    def release(self) -> None:
        """Release all layers."""
        self._menu.clear()
        self._chosen = []

    def _toggle(self, layer: Layer, is_on: bool, fitting: list[Layer]) -> None:
        others = [one for one in self._chosen if one != layer]
        self._set([one for one in fitting if one in others or (is_on and one == layer)])
        self.changed.emit()

    def _set(self, layers: list[Layer]) -> None:
        self._chosen = layers
        self.setText(f"with {len(layers)} more" if layers else ALONE)


def _fitting(layer: Image, layout: Layout, candidates: Iterable[Layer]) -> list[Layer]:
    """Other gray image layers of the same shape at the same place."""
    if "C" in layout.axes or layer.multiscale:
        return []
    return [
        one
        for one in candidates
        if isinstance(one, Image)
        and one != layer
        and not (one.rgb or one.multiscale)
        and tuple(one.data.shape) == tuple(layer.data.shape)
        and _has_same_place(one, layer)
    ]


def _has_same_place(one: Image, other: Image) -> bool:
    first, second = (geometry_of(layer).options() for layer in (one, other))
    return all(
        np.array_equal(np.asarray(first[name]), np.asarray(second[name]))
        for name in ("scale", "translate", "rotate", "shear", "affine", "units")
    )


def measured_image(viewer: Viewer, labels: Labels) -> LayerPart | None:
    """Image to measure labels on: the image of their run, else an image of equal shape."""
    shape = tuple(level_array(labels).shape)
    where = labels.metadata.get(KEY, {}).get("layer", {})
    if "channels" in where:
        return _stacked(viewer, where)
    if where.get("name") in viewer.layers:
        layer = viewer.layers[where["name"]]
        n_axes = len(where["axes"])
        if isinstance(layer, Image) and level_array(layer, where["level"]).ndim == n_axes:
            array = level_array(layer, where["level"])
            return LayerPart(layer.name, array, _as_index(where["index"]), where["axes"])
    for layer in viewer.layers:
        if isinstance(layer, Image) and tuple(level_array(layer).shape)[: layer.ndim] == shape:
            axes = "TZYX"[-layer.ndim :] + ("C" if layer.rgb else "")
            return LayerPart(layer.name, level_array(layer), (), axes)
    return None


def _as_index(entries: list[Any]) -> tuple[int | slice, ...]:
    return tuple(slice(*one) if isinstance(one, list) else one for one in entries)


def _stacked(viewer: Viewer, where: dict[str, Any]) -> LayerPart | None:
    """Layers that were the channels of a run; None if a layer was removed."""
    layers = [viewer.layers[name] for name in where["channels"] if name in viewer.layers]
    if len(layers) < len(where["channels"]):
        return None
    arrays = StackedArrays([level_array(layer) for layer in layers])
    name = ", ".join(where["channels"])
    return LayerPart(name, arrays, _as_index(where["index"]), where["axes"])
