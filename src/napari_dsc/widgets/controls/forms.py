"""Boxes, buttons and forms that fit into a narrow dock, and the base of the docks."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from qtpy import QtWidgets
from qtpy.QtCore import QEvent, QObject, QSignalBlocker, Qt, QTimer
from qtpy.QtGui import QClipboard, QShowEvent

T = TypeVar("T")

MIN_WIDTH = 125  # pixels; with its label, a control then fits a dock of 300 pixels


def not_none(value: T | None) -> T:
    """Value of a Qt call whose declared type allows None, though it never returns None here."""
    assert value is not None
    return value


def clipboard() -> QClipboard:
    """Clipboard of the system."""
    return not_none(QtWidgets.QApplication.clipboard())


def combo_box(tooltip: str, entries: Iterable[tuple[str, object]] = ()) -> QtWidgets.QComboBox:
    """Combo box that fits into a narrow dock, with entries of a text and a value."""
    box = QtWidgets.QComboBox()
    box.setToolTip(tooltip)
    box.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Fixed)
    box.setMinimumWidth(MIN_WIDTH)
    fill(box, entries)
    return box


def fill(box: QtWidgets.QComboBox, entries: Iterable[tuple[str, object]]) -> None:
    """Replace the entries of a combo box, each a text and a value, without a signal."""
    with QSignalBlocker(box):
        box.clear()
        for text, value in entries:
            box.addItem(text, value)


def single_shot(parent: QObject, milliseconds: int, slot: Callable[[], object]) -> QTimer:
    """Timer that calls a function once, so many milliseconds after its latest start."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(slot)
    return timer


def check_box(text: str, tooltip: str, is_checked: bool) -> QtWidgets.QCheckBox:
    """Check box with a tooltip."""
    box = QtWidgets.QCheckBox(text)
    box.setToolTip(tooltip)
    box.setChecked(is_checked)
    return box


def push_button(text: str, tooltip: str) -> QtWidgets.QPushButton:
    """Button with a tooltip."""
    button = QtWidgets.QPushButton(text)
    button.setToolTip(tooltip)
    return button


def row_of(*widgets: QtWidgets.QWidget) -> QtWidgets.QHBoxLayout:
    """Row of widgets; combo boxes take the remaining width."""
    row = QtWidgets.QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget, int(isinstance(widget, QtWidgets.QComboBox)))
    return row


def form_layout(parent: QtWidgets.QWidget | None = None) -> QtWidgets.QFormLayout:
    """Form for a narrow dock, with fields that grow."""
    form = QtWidgets.QFormLayout(parent)
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return form


class ClosingWidget(QtWidgets.QWidget):
    """Content of a dock; calls `release` when napari closes the dock.

    napari closes a dock by taking its widget out of the window; no signal is sent.
    """

    _is_placed = False

    def showEvent(self, event: QShowEvent | None) -> None:
        """Join the other docks of the plugin as a tab, when it is first shown."""
        super().showEvent(event)
        if not self._is_placed:
            self._is_placed = True
            single_shot(self, 0, self._join_tabs).start()  # once napari has placed the dock

    def _join_tabs(self) -> None:
        own: Any = self.parent()
        while own is not None and not isinstance(own, QtWidgets.QDockWidget):
            own = own.parent()
        window = own.parent() if own is not None else None
        if not isinstance(window, QtWidgets.QMainWindow):
            return
        others = [
            one
            for one in window.findChildren(QtWidgets.QDockWidget)
            if one is not own and one.isVisible() and not one.isFloating()
            if one.findChild(ClosingWidget) is not None
        ]
        if others and not window.tabifiedDockWidgets(own):
            window.tabifyDockWidget(others[-1], own)
            own.raise_()

    def event(self, event: QEvent | None) -> bool:
        """Notice that the widget leaves the window."""
        is_moved = event is not None and event.type() == QEvent.Type.ParentChange
        if is_moved and self.parent() is None:
            self.release()
        return bool(super().event(event))

    def release(self) -> None:
        """Cancel running jobs and release the viewer's layers; may be called repeatedly."""
        raise NotImplementedError
