"""Features table of a Labels layer during corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.correction.edits import table_of
from napari_dsc.labels.measurement import join_tables

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_dsc.correction.parts import Parts


class SegmentTable:
    """Class and confidence of each segment, beside the user's measurements.

    Parameters
    ----------
    layer : napari Labels layer
        Its features are updated.
    parts : Parts
        Its superpixels.
    """

    def __init__(self, layer: Labels, parts: Parts) -> None:
        self._layer, self._parts = layer, parts
        self._known = parts.labels_of(np.asarray(layer.data))
        self.has_loose_pixels = False  # painted pixels which are no whole superpixels

    def update(self) -> bool:
        """Update the features after edits.

        Returns
        -------
        is_changed : bool
            Whether a label has changed since the last update.
        """
        labels, before = self._parts.labels_of(np.asarray(self._layer.data)), self._known
        if np.array_equal(labels, before) and not self.has_loose_pixels:
            return False
        moved = labels != before
        self._known = labels
        own = table_of(labels, self._parts)
        touched = np.union1d(labels[moved], before[moved])
        kept = self._other_columns(own, touched)
        self.has_loose_pixels = False
        self._layer.features = join_tables(kept, own) if kept else own
        return True

    def _other_columns(
        self, own: dict[str, np.ndarray], touched: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Measurements of segments without edits; empty if there are none."""
        features = self._layer.features
        table = {str(name): column.to_numpy() for name, column in features.items()}
        if "index" not in table or self.has_loose_pixels or table.keys() <= own.keys():
            return {}
        rows = np.isin(table["index"], own["index"]) & ~np.isin(table["index"], touched)
        return {
            name: column[rows]
            for name, column in table.items()
            if name == "index" or name not in own
        }
