"""Edits of a Labels layer that keep superpixels whole, with napari's own undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_dsc.correction.edits import detach, merge, move, table_of
from napari_dsc.errors import InvalidImageError
from napari_dsc.labels.measurement import join_tables
from napari_dsc.widgets.viewer.output import CORRECTED, KEY, clear_history
from napari_dsc.widgets.viewer.shapes import shapes_region
from napari_dsc.widgets.viewer.units import unit_factors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
    is_open : callable
        Whether the user sees the dock; strokes are napari's own while it is hidden.

    Attributes
    ----------
    changed : Signal
        Labels, features and record are up to date after edits.
    edited : Signal
        Labels are about to be edited.
    told : Signal of str
        Why nothing happened.
    """

    changed = Signal()
    edited = Signal()
    told = Signal(str)

    def __init__(self, layer: Labels, parts: Parts, is_open: Callable[[], bool]) -> None:
        super().__init__()
        self.layer, self.parts, self._is_open = layer, parts, is_open
        self._rule, self._label = WHOLE, int(layer.selected_label)
        self._is_closed = self._has_loose_pixels = False
        self._strokes: list[tuple[list[Any], str]] = []
        self._known = self.labels()
        self._make_room()
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MILLISECONDS)
        self._settle.timeout.connect(self.update_table)
        layer.events.paint.connect(self._on_paint)
        layer.events.set_data.connect(self._on_refresh)

    def close(self) -> None:
        """Let go of the layer."""
        self.rule = WHOLE
        self._is_closed = True
        self._settle.stop()
        self.layer.events.paint.disconnect(self._on_paint)
        self.layer.events.set_data.disconnect(self._on_refresh)

    def labels(self) -> np.ndarray:
        """Label of each superpixel now, (M,)."""
        return self.parts.labels_of(np.asarray(self.layer.data))

    def range(self) -> tuple[int, int]:
        """Number of segments now, and the most there can be."""
        labels = self.labels()
        inside = labels > 0
        return len(np.unique(labels[inside])), int(np.count_nonzero(inside))

    def _make_room(self) -> None:
        """Let the type of the labels hold all numbers that edits may need."""
        highest = int(self._known.max(initial=0)) + 2 * len(self.parts.sizes)
        if highest > np.iinfo(self.layer.data.dtype).max:
            self.layer.data = self.layer.data.astype(np.uint32)
            # a hidden layer would keep its old type, and edits would wrap around in it
            self.layer.set_view_slice()

    # strokes of napari's own tools

    @property
    def rule(self) -> str:
        """What a stroke does."""
        return self._rule

    @rule.setter
    def rule(self, rule: str) -> None:
        if self._rule not in (MERGE, DETACH):
            self._label = int(self.layer.selected_label)
        self._rule = rule
        self._choose_label()

    def _choose_label(self) -> None:
        """Paint with a label of its own where a stroke only points.

        napari reports no pixel that has the painted label already.
        """
        points_only = self._rule in (MERGE, DETACH)
        free = int(self.labels().max(initial=0)) + 1
        self.layer.selected_label = free if points_only else self._label

    def _on_paint(self, event: Any) -> None:
        atoms = list(event.value)
        is_stroke = all(hasattr(atom, "slice_key") for atom in atoms)
        if not is_stroke or not self._is_open():
            self._has_loose_pixels |= is_stroke
            self._settle.start()
            return
        if self._rule == PIXELS:
            self._has_loose_pixels = True
            self._mark()
            self._settle.start()
            return
        self._strokes.append((atoms, str(self.layer.mode)))
        if len(self._strokes) == 1:
            # once napari has written the stroke down
            QTimer.singleShot(0, self._snap)

    def _on_refresh(self, event: object = None) -> None:
        self._settle.start()

    def _snap(self) -> None:
        """Replace strokes by their edits, each as one step to undo."""
        strokes, self._strokes = self._strokes, []
        if self._is_closed:
            return
        for _ in strokes:
            self.layer.undo()
        for atoms, mode in strokes:
            touched = [_touched(atom, self.parts.superpixels) for atom in atoms]
            chosen = self._chosen(touched, MOST if mode in AREAS else 0.0)
            self.edit(chosen, int(atoms[-1].new_value))

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
            If the labels do not lie on the shown plane, or the shapes cover nothing.
        """
        to_layer = unit_factors(viewer.layers.units, self.layer.units)
        point = (np.asarray(viewer.dims.point) * to_layer)[-self.layer.ndim :]
        shown = np.round(self.layer.world_to_data(point)).astype(int)
        shape = np.array(self.layer.data.shape)
        if ((shown < 0) | (shown >= shape))[:-2].any():
            raise InvalidImageError(f"{self.layer.name} has no pixel on the shown plane.")
        (first, beyond), mask = shapes_region(shapes, self.layer, shape[-2:], np.ones(2), shown)
        rows, columns = map(slice, first, beyond)
        window = self.parts.superpixels[(*shown[:-2], rows, columns)]
        return self._chosen([window.ravel() if mask is None else window[mask]], MOST)

    # edits

    def edit(self, chosen: np.ndarray, label: int) -> None:
        """Apply the rule to superpixels; ``label`` is the painted one."""
        if not len(chosen):
            self.told.emit("The stroke holds no superpixel; nothing was changed.")
            return
        self.edited.emit()
        labels = self.labels()
        if self._rule == MERGE:
            self.write(merge(labels, chosen, self.parts), chosen)
        elif self._rule == DETACH:
            self.write(detach(labels, chosen), chosen)
        else:
            self.write(move(labels, chosen, label), chosen)
        if self._rule in (MERGE, DETACH):
            self._choose_label()

    def write(self, labels: np.ndarray, chosen: np.ndarray) -> None:
        """Give superpixels their labels, as one step to undo.

        Parameters
        ----------
        labels : (M,) int array
            For every superpixel.
        chosen : (P,) int array
            Those to write even if their middle has the label already.
        """
        changed = labels != self.labels()
        changed[chosen] = True
        parts = np.flatnonzero(changed & (self.parts.sizes > 0))
        if not len(parts):
            return
        places = np.unravel_index(self.parts.pixels_of(parts), self.layer.data.shape)
        pixels = tuple(one.astype(np.int32) for one in places)  # undo keeps them
        values = np.repeat(labels[parts], self.parts.sizes[parts])
        self._mark()
        with self.layer.block_history():
            self.layer.data_setitem(pixels, values)
        self._settle.start()

    def forget_history(self) -> None:
        """Take what is shown for the state that nothing is undone beyond."""
        clear_history(self.layer)
        self._mark()
        self._settle.start()

    def _mark(self) -> None:
        """Say that the labels are no longer those of the run."""
        record = self.layer.metadata.get(KEY, {})
        self.layer.metadata[KEY] = {**record, CORRECTED: True}

    # the table

    def update_table(self) -> None:
        """Bring the features up to date once the labels rest."""
        labels, before = self.labels(), self._known
        if np.array_equal(labels, before) and not self._has_loose_pixels:
            return
        moved = labels != before
        self._known = labels
        own = table_of(labels, self.parts)
        touched = np.union1d(labels[moved], before[moved])
        kept = self._other_columns(own, touched)
        self._has_loose_pixels = False
        self.layer.features = join_tables(kept, own) if kept else own
        self.changed.emit()

    def _other_columns(
        self, own: dict[str, np.ndarray], touched: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Measurements of segments that no edit touched; empty if there are none."""
        table = {str(name): column.to_numpy() for name, column in self.layer.features.items()}
        if "index" not in table or self._has_loose_pixels or table.keys() <= own.keys():
            return {}
        rows = np.isin(table["index"], own["index"]) & ~np.isin(table["index"], touched)
        return {
            name: column[rows]
            for name, column in table.items()
            if name == "index" or name not in own
        }


def _touched(atom: Any, superpixels: np.ndarray) -> np.ndarray:
    """Superpixel of each pixel that one step of napari's history changed."""
    region: np.ndarray = superpixels[atom.slice_key]
    return region.ravel() if atom.mask is None else region[atom.mask]
