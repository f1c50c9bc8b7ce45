"""Where to compute, and by which weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QFileDialog, QLabel, QSizePolicy

from napari_dsc.jobs.job import Outcome, in_user_words
from napari_dsc.jobs.machine import Machine, survey_job
from napari_dsc.widgets.controls.forms import combo_box
from napari_dsc.widgets.controls.run_bar import Task

if TYPE_CHECKING:
    from qtpy.QtWidgets import QComboBox, QFormLayout

DEFAULT_WEIGHTS = "superae-bsds500"  # the registry itself loads slowly; a test compares them
CHOOSE_FILE = "choose a file..."


class ComputePanel(QObject):
    """Choosers of device and weights, each with a sentence on the choice.

    They show what needs no search at once; a thread looks for the rest, since that loads
    torch.
    """

    def __init__(self, device: str) -> None:
        super().__init__()
        self._machine = Machine({"auto": "Looking for devices...", "cpu": "CPU"}, {})
        self.device = combo_box("Where to compute; auto takes a CUDA device if there is one.")
        self.weights = combo_box("Weights of the smoothing network.")
        self.device_note, self.weights_note = _note(), _note()
        self.device.currentTextChanged.connect(self._show_notes)
        self.weights.currentTextChanged.connect(self._show_notes)
        self.weights.activated.connect(self._choose_file)
        self.device.addItems([*self._machine.devices])
        self.weights.addItems([DEFAULT_WEIGHTS, CHOOSE_FILE])
        self.set_device(device)
        self.survey = Task(self)
        self.survey.finished.connect(self._show_machine)
        self.survey.start(survey_job, is_quiet=True)

    def add_to(self, form: QFormLayout) -> None:
        """Put the choosers into a form."""
        form.addRow("Device", self.device)
        form.addRow(self.device_note)
        form.addRow("Weights", self.weights)
        form.addRow(self.weights_note)

    def set_device(self, name: str) -> None:
        """Select a device; one that this machine lacks is named in a run's error."""
        if self.device.findText(name) < 0:
            self.device.addItem(name)
        self.device.setCurrentText(name)

    def set_weights(self, name: str) -> None:
        """Select weights by name or path."""
        if self.weights.findText(name) < 0:
            self.weights.insertItem(self.weights.count() - 1, name)
        self.weights.setCurrentText(name)

    def _show_machine(self, outcome: Outcome) -> None:
        if not isinstance(outcome.value, Machine):
            if outcome.error is not None:  # torch itself cannot be loaded
                _tell(self.device_note, in_user_words(outcome.error))
            return
        self._machine = outcome.value
        for name in self._machine.devices:
            if self.device.findText(name) < 0:
                self.device.addItem(name)
        for name in self._machine.weights:
            if self.weights.findText(name) < 0:
                self.weights.insertItem(self.weights.count() - 1, name)
        self._show_notes()

    def _show_notes(self) -> None:
        device, weights = self.device.currentText(), self.weights.currentText()
        _tell(self.device_note, self._machine.devices.get(device, device))
        about = self._machine.weights.get(weights, weights)
        self.weights_note.setText(about)
        self.weights_note.setToolTip(about)

    def _choose_file(self, index: int) -> None:
        if self.weights.itemText(index) != CHOOSE_FILE:
            return
        kinds = "Weights (*.safetensors)"
        path, _ = QFileDialog.getOpenFileName(self.weights, "Weights", "", kinds)
        self.set_weights(str(Path(path)) if path else DEFAULT_WEIGHTS)


def _note() -> QLabel:
    """Small text under a chooser."""
    note = QLabel()
    note.setWordWrap(True)
    note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    font = note.font()
    font.setPointSizeF(font.pointSizeF() * 0.85)
    note.setFont(font)
    return note


def _tell(note: QLabel, text: str) -> None:
    """Show what fits, up to the first semicolon; all of it in the tooltip."""
    note.setText(text.partition(";")[0].removesuffix(".") + ".")
    note.setToolTip(text)


def selected(box: QComboBox) -> str:
    """Text of a combo box."""
    text: str = box.currentText()
    return text
