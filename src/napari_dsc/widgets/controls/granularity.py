"""The slider of the number of segments: a live view, and one step to undo at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Qt, QTimer
from superqt import QLabeledSlider

from napari_dsc.correction.granularity import Granularity

if TYPE_CHECKING:
    from napari_dsc.widgets.viewer.editor import Editor

LIVE_MILLISECONDS = 40
REST_MILLISECONDS = 500
# writing more through napari's history would hold up the window
MOST_UNDOABLE_PIXELS = 2**19


class NumberSlider(QObject):
    """Merges and divides segments of an editor's layer by moving a slider.

    While the slider moves, labels are shown without history; once it rests they are written
    through napari's history, as one step.
    """

    def __init__(self) -> None:
        super().__init__()
        self.slider = QLabeledSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip("Merges the most similar segments, or divides the least even.")
        self.slider.valueChanged.connect(self._on_value)
        self.slider.sliderReleased.connect(self.commit)
        self._editor: Editor | None = None
        self._tree: Granularity | None = None
        self._cut = np.zeros(0, int)
        self._before: np.ndarray | None = None
        self._live, self._rest = QTimer(self), QTimer(self)
        for timer, interval, slot in (
            (self._live, LIVE_MILLISECONDS, self._show),
            (self._rest, REST_MILLISECONDS, self._on_rest),
        ):
            timer.setSingleShot(True)
            timer.setInterval(interval)
            timer.timeout.connect(slot)

    @property
    def is_moving(self) -> bool:
        """Whether labels are shown, or will be, that are not written yet."""
        return self._before is not None or self._live.isActive()

    def attach(self, editor: Editor | None) -> None:
        """Work on another layer, or on none."""
        self._live.stop()
        self._rest.stop()
        self._editor, self._tree, self._before = editor, None, None
        if editor is not None:
            editor.edited.connect(self.commit)

    def show_state(self) -> tuple[int, int]:
        """Show the number of segments as it is; give it and the most there can be."""
        assert self._editor is not None
        number, most = self._editor.range()
        if not self.is_moving:
            self.slider.blockSignals(True)
            self.slider.setRange(1, max(most, 1))
            self.slider.setValue(number)
            self.slider.blockSignals(False)
        return number, most

    def _on_value(self) -> None:
        if self._editor is not None and not self._live.isActive():
            self._live.start()
        self._rest.start()

    def _show(self) -> None:
        """Show as many segments as the slider says, without history."""
        editor = self._editor
        if editor is None:
            return
        labels = editor.labels()
        if self._tree is None or not np.array_equal(labels, self._cut):
            self._tree = Granularity.of(labels, editor.parts)
        self._cut = self._tree.cut(self.slider.value())
        data = editor.layer.data
        if self._before is None:
            self._before = data.copy()
        numbers = np.append(0, self._cut).astype(data.dtype)
        shown = numbers[editor.parts.superpixels]
        np.copyto(data, shown, where=editor.parts.superpixels > 0)
        editor.layer.refresh()

    def _on_rest(self) -> None:
        if not self.slider.isSliderDown():
            self.commit()

    def commit(self) -> None:
        """Write what is shown through the history of the layer."""
        if self._live.isActive():
            self._live.stop()
            self._show()
        self._rest.stop()
        editor, before, self._before = self._editor, self._before, None
        if editor is None or before is None:
            return
        changed = np.count_nonzero(before != editor.layer.data)
        if changed > MOST_UNDOABLE_PIXELS:
            editor.forget_history()
            editor.told.emit("So many pixels cannot be undone; move the slider back instead.")
        else:
            np.copyto(editor.layer.data, before)
            editor.write(self._cut, np.zeros(0, int))
