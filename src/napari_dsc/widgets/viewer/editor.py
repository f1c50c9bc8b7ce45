"""Edits of whole superpixels in a Labels layer, with the undo and the table of napari."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from napari.layers import Labels, Shapes
from napari.viewer import Viewer
from qtpy.QtCore import QObject, QTimer, Signal

from napari_dsc.correction.edits import detach, merge, move, table_of
from napari_dsc.correction.parts import Parts
from napari_dsc.errors import InvalidImageError
from napari_dsc.labels.measurement import join_tables
from napari_dsc.widgets.controls.forms import single_shot
from napari_dsc.widgets.viewer import output
from napari_dsc.widgets.viewer.shapes import shapes_region, visible_point


class SegmentTable:
    """Class and confidence of each segment of a layer, beside the user's measurements."""

    def __init__(self, layer: Labels, parts: Parts) -> None:
        self._layer, self._parts = layer, parts
        self._known = parts.labels_of(np.asarray(layer.data))
        self.has_loose_pixels = False  # painted pixels which are no whole superpixels

    def update(self) -> bool:
        """Update the features after edits; False if no label has changed since then."""
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
        table = output.columns_of(self._layer)
        if self.has_loose_pixels or table.keys() <= own.keys():
            return {}
        rows = np.isin(table["index"], own["index"]) & ~np.isin(table["index"], touched)
        kept = [name for name in table if name == "index" or name not in own]
        return {name: table[name][rows] for name in kept}


PIXELS, WHOLE = "paints pixels", "paints whole superpixels"
MERGE, DETACH = "merges segments", "makes a new segment"
RULES = {
    WHOLE: "Each touched superpixel gets the selected label.",
    MERGE: "The touched segments become one segment, with the label of the largest.",
    DETACH: "The touched superpixels become a new segment.",
    PIXELS: "Painting of napari, pixel by pixel.",
}
# modes of the layer that fill an area; the brush takes each superpixel that it touches
AREAS = ("polygon", "fill")
MOST = 0.5  # share of a superpixel that an area must cover
SETTLE_MILLISECONDS = 200  # pause after the last edit before the table is computed


class Editor(QObject):
    """Strokes and edits of one Labels layer, until `release`.

    Parameters
    ----------
    viewer : napari Viewer
        Holds the layer.
    layer : napari Labels layer
        Labels of whole superpixels.
    parts : Parts
        Superpixels of the layer.
    is_open : callable
        Whether the dock is visible; while it is hidden, strokes paint pixels.

    Attributes
    ----------
    changed : Signal
        Labels, features and record are up to date after edits.
    edited : Signal
        Labels are about to be edited.
    message : Signal of str
        Reason why an edit changed nothing, or cannot be undone.
    """

    changed = Signal()
    edited = Signal()
    message = Signal(str)

    def __init__(
        self, viewer: Viewer, layer: Labels, parts: Parts, is_open: Callable[[], bool]
    ) -> None:
        super().__init__()
        self._viewer, self.layer, self.parts, self._is_open = viewer, layer, parts, is_open
        self._rule, self._label = WHOLE, int(layer.selected_label)
        self._is_released = False
        self._strokes: list[tuple[list[Any], str]] = []
        self._make_room()
        self._table = SegmentTable(layer, parts)
        self._settle = single_shot(self, SETTLE_MILLISECONDS, self.update_table)
        layer.events.paint.connect(self._on_paint)
        layer.events.set_data.connect(self._on_refresh)

    def release(self) -> None:
        """Stop following the layer."""
        self.set_rule(WHOLE)
        self._is_released = True
        self._settle.stop()
        self.layer.events.paint.disconnect(self._on_paint)
        self.layer.events.set_data.disconnect(self._on_refresh)

    def labels(self) -> np.ndarray:
        """Current label of each superpixel, (M,)."""
        return self.parts.labels_of(np.asarray(self.layer.data))

    def range(self) -> tuple[int, int]:
        """Current and largest possible number of segments."""
        labels = self.labels()
        inside = labels > 0
        return len(np.unique(labels[inside])), int(np.count_nonzero(inside))

    def _make_room(self) -> None:
        """Widen the type of the labels if edits may need larger numbers."""
        highest = int(self.labels().max(initial=0)) + 2 * len(self.parts.sizes)
        if highest > np.iinfo(self.layer.data.dtype).max:
            output.write_data(self._viewer, self.layer, self.layer.data.astype(np.uint32))
            # without this, a hidden layer keeps the old type and large labels overflow
            self.layer.set_view_slice()

    # strokes of napari's tools

    def set_rule(self, rule: str) -> None:
        """Choose the effect of a stroke, a key of `RULES`."""
        if self._rule not in (MERGE, DETACH):
            self._label = int(self.layer.selected_label)
        self._rule = rule
        self._choose_label()

    def _choose_label(self) -> None:
        """Select an unused label if strokes merge or detach.

        napari does not report pixels that already have the painted label.
        """
        is_pointing = self._rule in (MERGE, DETACH)
        free = int(self.labels().max(initial=0)) + 1
        self.layer.selected_label = free if is_pointing else self._label

    def _on_paint(self, event: Any) -> None:
        atoms = list(event.value)
        is_stroke = all(hasattr(atom, "slice_key") for atom in atoms)
        is_open = self._is_open()
        if is_stroke and is_open and self._rule != PIXELS:
            self._strokes.append((atoms, str(self.layer.mode)))
            if len(self._strokes) == 1:
                # after napari has added the stroke to its history
                QTimer.singleShot(0, self._snap)
            return
        if is_stroke:
            self._table.has_loose_pixels = True
            if is_open:
                self._mark()
        self._settle.start()

    def _on_refresh(self, event: object = None) -> None:
        self._settle.start()

    def _snap(self) -> None:
        """Replace strokes by edits of superpixels, one undo step each."""
        strokes, self._strokes = self._strokes, []
        if self._is_released:
            return
        for _ in strokes:
            self.layer.undo()
        for atoms, mode in strokes:
            touched = [_touched(atom, self.parts.superpixels) for atom in atoms]
            chosen = self._chosen(touched, MOST if mode in AREAS else 0.0)
            self.edit(chosen, int(atoms[-1].new_value))

    def _chosen(self, touched: Iterable[np.ndarray], share: float) -> np.ndarray:
        """Superpixels that are touched by more than a share of their pixels, from 0."""
        counts = np.bincount(
            np.concatenate([*touched, np.zeros(0, int)]), minlength=len(self.parts.sizes) + 1
        )[1:]
        return np.flatnonzero(counts > share * self.parts.sizes)

    def superpixels_under(self, shapes: Shapes) -> np.ndarray:
        """Superpixels of the visible plane that shapes cover by more than half, from 0.

        Raises
        ------
        InvalidImageError
            If the labels are not on the visible plane, or the shapes cover no pixel.
        """
        point = visible_point(self._viewer, self.layer)
        shown = np.round(self.layer.world_to_data(point)).astype(int)
        shape = np.array(self.layer.data.shape)
        if ((shown < 0) | (shown >= shape))[:-2].any():
            raise InvalidImageError(
                f"{self.layer.name} has no pixel on the shown plane; move to one of its planes"
            )
        (first, beyond), mask = shapes_region(shapes, self.layer, shape[-2:], np.ones(2), shown)
        rows, columns = map(slice, first, beyond)
        window = self.parts.superpixels[(*shown[:-2], rows, columns)]
        return self._chosen([window.ravel() if mask is None else window[mask]], MOST)

    # edits

    def edit(self, chosen: np.ndarray, label: int) -> None:
        """Apply the rule to superpixels; ``label`` is the painted label."""
        if not len(chosen):
            self.message.emit("The stroke covers no superpixel; nothing was changed.")
            return
        self.edited.emit()
        labels = self.labels()
        if self._rule == MERGE:
            self.write(merge(labels, chosen, self.parts), chosen)
        elif self._rule == DETACH:
            self.write(detach(labels, chosen), chosen)
        else:
            self.write(move(labels, chosen, label), chosen)
            return
        self._choose_label()

    def write(self, labels: np.ndarray, chosen: np.ndarray) -> None:
        """Write the labels of superpixels as one undo step.

        Parameters
        ----------
        labels : (M,) int array
            Label of each superpixel.
        chosen : (P,) int array
            Superpixels to write even if their label does not change.
        """
        changed = labels != self.labels()
        changed[chosen] = True
        parts = np.flatnonzero(changed & (self.parts.sizes > 0))
        if not len(parts):
            return
        places = np.unravel_index(self.parts.pixels_of(parts), self.layer.data.shape)
        pixels = tuple(one.astype(np.int32) for one in places)  # napari keeps them for undo
        values = np.repeat(labels[parts], self.parts.sizes[parts])
        self._mark()
        with self.layer.block_history():
            self.layer.data_setitem(pixels, values)
        self._settle.start()

    def preview(self, labels: np.ndarray) -> None:
        """Show labels of superpixels, (M,), without an undo step."""
        data = self.layer.data
        numbers = np.append(0, labels).astype(data.dtype)
        superpixels = self.parts.superpixels
        np.copyto(data, numbers[superpixels], where=superpixels > 0)
        self.layer.refresh()

    def undo_preview(self, pixels: np.ndarray) -> None:
        """Write back the pixels that the layer had before previews."""
        np.copyto(self.layer.data, pixels)

    def clear_history(self) -> None:
        """Make the current labels the bottom of the undo history."""
        output.clear_history(self.layer)
        self._mark()
        self._settle.start()

    def _mark(self) -> None:
        """Record that the labels are no longer those of the run."""
        record = self.layer.metadata.get(output.KEY, {})
        self.layer.metadata[output.KEY] = {**record, output.CORRECTED: True}

    def update_table(self) -> None:
        """Update the features, and report a change."""
        if self._table.update():
            self.changed.emit()


def _touched(atom: Any, superpixels: np.ndarray) -> np.ndarray:
    """Superpixel of each pixel that changed in one step of the history of napari."""
    region: np.ndarray = superpixels[atom.slice_key]
    return region.ravel() if atom.mask is None else region[atom.mask]
