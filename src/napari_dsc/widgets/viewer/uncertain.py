"""Superpixels sorted by how sure the cut is of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from napari_dsc.widgets.viewer.units import unit_factors

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer

    from napari_dsc.correction.parts import Parts

MOST_LISTED = 200  # filling and drawing them takes 0.003 processor seconds


class UncertainList(QListWidget):
    """List of the superpixels, least certain first.

    Attributes
    ----------
    chosen : Signal of int
        Superpixel that the user selected, from 0.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip(
            "Superpixels in order of margin: probability of the best class minus that of the "
            "second. Click one to show it."
        )
        self.itemSelectionChanged.connect(lambda: self._choose(self.currentItem()))
        self.itemClicked.connect(
            self._choose
        )  # also without a change of the selection, to move the view back

    def show_parts(self, parts: Parts) -> None:
        """List superpixels; the list is empty without probabilities of classes."""
        self.clear()
        if parts.probabilities.shape[1] < 2:
            return
        order = np.argsort(parts.margins, kind="stable")
        for part in order[parts.sizes[order] > 0][:MOST_LISTED]:
            item = QListWidgetItem(f"superpixel {part + 1}: margin {parts.margins[part]:.3f}")
            item.setData(Qt.ItemDataRole.UserRole, int(part))
            self.addItem(item)

    def next(self) -> None:
        """Select the next row; after the last one, the first."""
        if self.count():
            self.setCurrentRow((self.currentRow() + 1) % self.count())
            self._choose(self.currentItem())

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(Qt.ItemDataRole.UserRole))


def center_view(viewer: Viewer, layer: Labels, position: tuple[int, ...]) -> None:
    """Move view and visible plane to a pixel of a layer, without changing the zoom."""
    to_layer = unit_factors(viewer.layers.units, layer.units)
    point = np.array(viewer.dims.point, float)
    point[-layer.ndim :] = np.asarray(layer.data_to_world(position)) / to_layer[-layer.ndim :]
    viewer.dims.point = tuple(point)
    center = point[list(viewer.dims.displayed)]
    viewer.scene.camera.center = (*np.zeros(3 - len(center)), *center)
