"""Edits of a Labels layer that keep superpixels whole, with napari's own undo."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_dsc.correction.edits import detach, merge, move, table_of
from napari_dsc.correction.granularity import Granularity
from napari_dsc.widgets._output import KEY
from napari_dsc.widgets._source import shapes_region, unit_factors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Labels, Shapes
    from napari.viewer import Viewer

    from napari_dsc.correction.parts import Parts

PIXELS, WHOLE, MERGE, DETACH = (
    "paints pixels",
    "paints whole superpixels",
    "merges segments",
    "makes a new segment",
)
RULES = {
    WHOLE: "Every superpixel that it touches gets the painted label.",
    MERGE: "All segments that it touches become one; the largest keeps its label.",
    DETACH: "The superpixels that it touches become a segment of their own.",
    PIXELS: "napari's own painting, pixel by pixel.",
}
AREAS = ("polygon", "fill")  # modes of the layer that enclose, where the brush touches
MOST = 0.5
SETTLE_MILLISECONDS = 200


class Editor(QObject):
    """Strokes, edits and the table of one Labels layer, until `close`.

    Parameters
    ----------
    layer : napari Labels layer
        Made of whole superpixels.
    parts : Parts
        Its superpixels.
    """

    changed = Signal()

    def __init__(self, layer: Labels, parts: Parts) -> None:
        super().__init__()
        self.layer, self.parts = layer, parts
        self.rule = WHOLE
        self._is_writing = self._is_closed = False
        self._known = self.labels()
        self._tree: Granularity | None = None
        self._drag: contextlib.ExitStack | None = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MILLISECONDS)
        self._settle.timeout.connect(self._update_table)
        layer.events.paint.connect(self._on_paint)
        layer.events.set_data.connect(self._on_refresh)

    def close(self) -> None:
        """Let go of the layer."""
        self._is_closed = True
        self.end_drag()
        self._settle.stop()
        self.layer.events.paint.disconnect(self._on_paint)
        self.layer.events.set_data.disconnect(self._on_refresh)

    def labels(self) -> np.ndarray:
        """Label of each superpixel now, (M,)."""
        return self.parts.labels_of(np.asarray(self.layer.data))

    # strokes of napari's own tools

    def _on_paint(self, event: Any) -> None:
        self._settle.start()
        if self._is_writing or self.rule == PIXELS:
            return
        atoms, mode = list(event.value), str(self.layer.mode)
        # once napari has written the stroke down
        QTimer.singleShot(0, lambda: self._snap(atoms, mode))

    def _on_refresh(self, event: object = None) -> None:
        self._settle.start()

    def _snap(self, atoms: list[Any], mode: str) -> None:
        """Replace a stroke by its edit, as one step to undo."""
        if self._is_closed:
            return
        touched = [_touched(atom, self.parts.superpixels) for atom in atoms]
        self.layer.undo()
        chosen = self._chosen(touched, MOST if mode in AREAS else 0.0)
        self.edit(chosen, _painted(atoms[-1]))

    def _chosen(self, touched: Iterable[np.ndarray], share: float) -> np.ndarray:
        """Superpixels of which more than a share is touched, from 0."""
        counts = np.bincount(
            np.concatenate([*touched, np.zeros(0, int)]), minlength=len(self.parts.sizes) + 1
        )[1:]
        return np.flatnonzero(counts > share * self.parts.sizes)

    def superpixels_under(self, shapes: Shapes, viewer: Viewer) -> np.ndarray:
        """Superpixels of the shown plane that lie for the most part under shapes, from 0.

        Raises
        ------
        InvalidImageError
            If the shapes cover nothing.
        """
        to_layer = unit_factors(viewer.layers.units, self.layer.units)
        point = (np.asarray(viewer.dims.point) * to_layer)[-self.layer.ndim :]
        shown = np.round(self.layer.world_to_data(point)).astype(int)
        size = np.array(self.layer.data.shape[-2:])
        (first, beyond), mask = shapes_region(shapes, self.layer, size, np.ones(2), shown)
        rows, columns = map(slice, first, beyond)
        window = self.parts.superpixels[(*shown[:-2], rows, columns)]
        return self._chosen([window.ravel() if mask is None else window[mask]], MOST)

    # edits

    def edit(self, chosen: np.ndarray, label: int) -> None:
        """Apply the rule to superpixels; ``label`` is the painted one."""
        if not len(chosen):
            return
        labels = self.labels()
        if self.rule == MERGE:
            self.write(merge(labels, chosen, self.parts), chosen)
        elif self.rule == DETACH:
            self.write(detach(labels, chosen), chosen)
        else:
            self.write(move(labels, chosen, label), chosen)

    def write(self, labels: np.ndarray, chosen: np.ndarray | None = None) -> None:
        """Give superpixels their labels, as one step to undo.

        Parameters
        ----------
        labels : (M,) int array
            For every superpixel.
        chosen : (P,) int array, optional
            Those to write even if their middle has the label already.
        """
        changed = labels != self.labels()
        changed[chosen if chosen is not None else []] = True
        parts = np.flatnonzero(changed & (self.parts.sizes > 0))
        if not len(parts):
            return
        self._widen(int(labels[parts].max()))
        pixels = np.unravel_index(self.parts.pixels_of(parts), self.layer.data.shape)
        values = np.repeat(labels[parts], self.parts.sizes[parts])
        self._is_writing = True
        try:
            with contextlib.nullcontext() if self._drag else self.layer.block_history():
                self.layer.data_setitem(pixels, values)
        finally:
            self._is_writing = False
        self._settle.start()

    def _widen(self, highest: int) -> None:
        """Make room for a number that the type of the labels cannot hold."""
        if highest > np.iinfo(self.layer.data.dtype).max:
            self.layer.data = self.layer.data.astype(np.uint32)

    # more or fewer segments

    def range(self) -> tuple[int, int]:
        """Number of segments now, and the most there can be."""
        labels = self.labels()
        inside = labels > 0
        return len(np.unique(labels[inside])), int(np.count_nonzero(inside))

    def begin_drag(self) -> None:
        """From here on all is one step to undo."""
        if self._drag is None:
            self._drag = contextlib.ExitStack()
            self._drag.enter_context(self.layer.block_history())

    def end_drag(self) -> None:
        """Close that step."""
        drag, self._drag = self._drag, None
        if drag is not None:
            self._is_writing = True
            drag.close()
            self._is_writing = False

    def set_number(self, n_segments: int) -> None:
        """Merge or divide until there are so many segments."""
        labels = self.labels()
        if self._tree is None or not np.array_equal(labels, self._cut):
            self._tree = Granularity.of(labels, self.parts)
        self._cut = self._tree.cut(n_segments)
        self.write(self._cut)

    # the table

    def _update_table(self) -> None:
        """Bring features and record up to date once the labels rest."""
        labels = self.labels()
        if np.array_equal(labels, self._known) or self._drag is not None:
            return
        self._known = labels
        self.layer.features = table_of(labels, self.parts)
        if KEY in self.layer.metadata:
            self.layer.metadata[KEY]["corrected"] = True
        self.changed.emit()


def _touched(atom: Any, superpixels: np.ndarray) -> np.ndarray:
    """Superpixel of each pixel that one step of napari's history changed."""
    if not hasattr(atom, "slice_key"):  # (indices, old, new), as data_setitem writes
        return superpixels[atom[0]].ravel()
    region = superpixels[atom.slice_key]
    return region.ravel() if atom.mask is None else region[atom.mask]


def _painted(atom: Any) -> int:
    """Label that was painted."""
    value = atom.new_value if hasattr(atom, "new_value") else atom[2]
    return int(np.ravel(value)[-1])
