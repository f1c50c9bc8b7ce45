"""Slider and box of a number of regions."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QSlider, QSpinBox, QWidget

LIVE_MILLISECONDS = 30  # about 30 updates a second
STEPS = 1000  # positions of the slider; more than it has pixels
NUMBER_WIDTH = 110  # pixels


class LevelSlider(QWidget):
    """Number from 1 to a maximum, as a logarithmic slider and a box.

    Attributes
    ----------
    changed : Signal
        The user chose another number; quick changes are reported once.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.slider, self.number = QSlider(Qt.Orientation.Horizontal), QSpinBox()
        self.slider.setRange(0, STEPS)
        for control in (self.slider, self.number):
            control.setToolTip("Number of regions: few to the left, many to the right.")
        self.number.setKeyboardTracking(False)
        self.number.setMaximumWidth(NUMBER_WIDTH)
        self._live = QTimer(self)
        self._live.setSingleShot(True)
        self._live.setInterval(LIVE_MILLISECONDS)
        self._live.timeout.connect(self.changed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.number)
        self.slider.valueChanged.connect(self._on_slider)
        self.number.valueChanged.connect(self._on_number)

    @property
    def is_moving(self) -> bool:
        """Whether a change was not reported yet."""
        return self._live.isActive()

    def value(self) -> int:
        """Chosen number."""
        return self.number.value()

    def show_range(self, most: int, value: int) -> None:
        """Set the maximum and the number, without a signal."""
        with QSignalBlocker(self.number):
            self.number.setRange(1, max(most, 1))
            self.number.setValue(value)
        self._move_slider()

    def stop(self) -> None:
        """Discard a change that was not reported yet."""
        self._live.stop()

    def _on_slider(self, position: int) -> None:
        most = self.number.maximum()
        with QSignalBlocker(self.number):
            self.number.setValue(round(most ** (position / STEPS)))
        self._live.start()

    def _on_number(self) -> None:
        self._move_slider()
        self._live.start()

    def _move_slider(self) -> None:
        share = np.log(self.number.value()) / np.log(max(self.number.maximum(), 2))
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(STEPS * share))
