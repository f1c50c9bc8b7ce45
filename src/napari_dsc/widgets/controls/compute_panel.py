"""Choosers of the device and of the weights."""

from pathlib import Path

from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QComboBox, QFileDialog, QFormLayout, QLabel, QSizePolicy

from napari_dsc.jobs import job, machine
from napari_dsc.widgets.controls.forms import combo_box
from napari_dsc.widgets.tasks import Task

# the registry loads slowly; a test compares the two names
DEFAULT_WEIGHTS = "superae-bsds500"
CHOOSE_FILE = "choose a file..."


class ComputePanel(QObject):
    """Choosers of device and weights, each with a sentence about the choice.

    The known entries are shown at once; a thread adds the others, because looking for them
    loads torch.
    """

    def __init__(self, device: str) -> None:
        super().__init__()
        self._machine = machine.Machine({"auto": "Looking for devices...", "cpu": "CPU"}, {})
        self.device = combo_box(
            "Device to compute on; auto takes a CUDA device if there is one."
        )
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
        self.survey.start(machine.survey_job, is_quiet=True)

    def add_to(self, form: QFormLayout) -> None:
        """Put the choosers into a form."""
        form.addRow("Device", self.device)
        form.addRow(self.device_note)
        form.addRow("Weights", self.weights)
        form.addRow(self.weights_note)

    def set_device(self, name: str) -> None:
        """Select a device; a run on a missing device fails with an error that names it."""
        _offer(self.device, name, self.device.count())
        self.device.setCurrentText(name)

    def set_weights(self, name: str) -> None:
        """Select weights by name or path."""
        _offer(self.weights, name, self.weights.count() - 1)
        self.weights.setCurrentText(name)

    def _show_machine(self, outcome: job.Outcome) -> None:
        if not isinstance(outcome.value, machine.Machine):
            if outcome.error is not None:  # torch itself cannot be loaded
                _show_text(self.device_note, job.in_user_words(outcome.error))
            return
        self._machine = outcome.value
        for name in self._machine.devices:
            _offer(self.device, name, self.device.count())
        for name in self._machine.weights:
            _offer(self.weights, name, self.weights.count() - 1)
        self._show_notes()

    def _show_notes(self) -> None:
        device, weights = self.device.currentText(), self.weights.currentText()
        _show_text(self.device_note, self._machine.devices.get(device, device))
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
    """Label in small print, for the line under a chooser."""
    note = QLabel()
    note.setWordWrap(True)
    note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    font = note.font()
    font.setPointSizeF(font.pointSizeF() * 0.85)
    note.setFont(font)
    return note


def _offer(box: QComboBox, name: str, place: int) -> None:
    """Add an entry at a place of a chooser unless it has one of this name."""
    if box.findText(name) < 0:
        box.insertItem(place, name)


def _show_text(note: QLabel, text: str) -> None:
    """Show the text up to the first semicolon; the tooltip shows all of it."""
    note.setText(text.partition(";")[0].removesuffix(".") + ".")
    note.setToolTip(text)
