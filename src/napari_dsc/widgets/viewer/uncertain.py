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

MOST_LISTED = 200


class UncertainList(QListWidget):
    """The least certain superpixels first.

    Attributes
    ----------
    chosen : Signal of int
        Superpixel that the user wants to see, from 0.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip(
            "Superpixels by their margin: the lead of the best class over the next. A click "
            "shows one."
        )
        self.itemSelectionChanged.connect(lambda: self._tell(self.currentItem()))
        self.itemClicked.connect(self._tell)  # once more where the view was moved away

    def show_parts(self, parts: Parts) -> None:
        """List superpixels; none where nothing is known."""
        self.clear()
        if parts.probabilities.shape[1] < 2:
            return
        order = np.argsort(parts.margins, kind="stable")
        for part in order[parts.sizes[order] > 0][:MOST_LISTED]:
            item = QListWidgetItem(f"superpixel {part + 1}: margin {parts.margins[part]:.3f}")
            item.setData(Qt.ItemDataRole.UserRole, int(part))
            self.addItem(item)

    def next(self) -> None:
        """Go down the list by one, and from its end to its beginning."""
        if self.count():
            self.setCurrentRow((self.currentRow() + 1) % self.count())
            self._tell(self.currentItem())

    def _tell(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(Qt.ItemDataRole.UserRole))


def center_view(viewer: Viewer, layer: Labels, position: tuple[int, ...]) -> None:
    """Move the view, and the shown plane, to a pixel of a layer; the zoom stays."""
    to_layer = unit_factors(viewer.layers.units, layer.units)
    point = np.array(viewer.dims.point, float)
    point[-layer.ndim :] = np.asarray(layer.data_to_world(position)) / to_layer[-layer.ndim :]
    viewer.dims.point = tuple(point)
    center = point[list(viewer.dims.displayed)]
    viewer.scene.camera.center = (*np.zeros(3 - len(center)), *center)
