"""Slider of the number of segments, with a live view and one undo step per move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Qt, QTimer
from superqt import QLabeledSlider

from napari_dsc.correction.granularity import Granularity

if TYPE_CHECKING:
    from napari_dsc.widgets.viewer.editor import Editor

LIVE_MILLISECONDS = 40  # 25 updates a second
REST_MILLISECONDS = 500  # a pause of this length ends a move by keys or wheel
# their undo step takes 0.03 processor seconds, one of twice as many 0.08, of 0.1 allowed
MOST_UNDOABLE_PIXELS = 2**19


class NumberSlider(QObject):
    """Slider that merges and divides the segments of an editor's layer.

    While it moves, labels are shown without undo steps; when it rests, they are written as one
    undo step.
    """

    def __init__(self) -> None:
        super().__init__()
        self.slider = QLabeledSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip(
            "Number of segments: to the left, the most similar ones merge; to the right, the "
            "least homogeneous ones divide."
        )
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
        """Whether labels of a move are not written yet."""
        return self._before is not None or self._live.isActive()

    def attach(self, editor: Editor | None) -> None:
        """Edit the layer of another editor, or of none."""
        self._live.stop()
        self._rest.stop()
        self._editor, self._tree, self._before = editor, None, None
        if editor is not None:
            editor.edited.connect(self.commit)

    def show_state(self) -> tuple[int, int]:
        """Show the current number of segments; return it and the largest possible one."""
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
        """Show the number of segments of the slider, without an undo step."""
        editor = self._editor
        if editor is None:
            return
        labels = editor.labels()
        if self._tree is None or not np.array_equal(labels, self._cut):
            self._tree = Granularity.of(labels, editor.parts)
        self._cut = self._tree.cut(self.slider.value())
        if self._before is None:
            self._before = editor.layer.data.copy()
        editor.preview(self._cut)

    def _on_rest(self) -> None:
        if not self.slider.isSliderDown():
            self.commit()

    def commit(self) -> None:
        """Write the shown labels as one undo step."""
        if self._live.isActive():
            self._live.stop()
            self._show()
        self._rest.stop()
        editor, before, self._before = self._editor, self._before, None
        if editor is None or before is None:
            return
        changed = np.count_nonzero(before != editor.layer.data)
        if changed > MOST_UNDOABLE_PIXELS:
            editor.clear_history()
            editor.message.emit("Too many pixels to undo; move the slider back instead.")
        else:
            editor.undo_preview(before)
            editor.write(self._cut, np.zeros(0, int))
