"""Boxes, buttons and forms that fit into a narrow dock, and the base of the docks."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QWidget,
)

if TYPE_CHECKING:
    from qtpy.QtGui import QClipboard

T = TypeVar("T")

MIN_WIDTH = 125  # pixels; with its label, a control then fits a dock of 300 pixels


def not_none(value: T | None) -> T:
    """Value of a Qt call whose declared type allows None, though it never returns None here."""
    assert value is not None
    return value


def clipboard() -> QClipboard:
    """Clipboard of the system."""
    return not_none(QApplication.clipboard())


def combo_box(tooltip: str) -> QComboBox:
    """Combo box that fits into a narrow dock."""
    box = QComboBox()
    box.setToolTip(tooltip)
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    box.setMinimumWidth(MIN_WIDTH)
    return box


def check_box(text: str, tooltip: str, is_checked: bool) -> QCheckBox:
    """Check box with a tooltip."""
    box = QCheckBox(text)
    box.setToolTip(tooltip)
    box.setChecked(is_checked)
    return box


def push_button(text: str, tooltip: str) -> QPushButton:
    """Button with a tooltip."""
    button = QPushButton(text)
    button.setToolTip(tooltip)
    return button


def row_of(*widgets: QWidget) -> QHBoxLayout:
    """Row of widgets; combo boxes take the remaining width."""
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget, int(isinstance(widget, QComboBox)))
    return row


def form_layout(parent: QWidget | None = None) -> QFormLayout:
    """Form for a narrow dock, with fields that grow."""
    form = QFormLayout(parent)
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return form


class ClosingWidget(QWidget):
    """Content of a dock; calls `release` when napari closes the dock.

    napari closes a dock by taking its widget out of the window; no signal is sent.
    """

    def event(self, event: QEvent | None) -> bool:
        """Notice that the widget leaves the window."""
        is_moved = event is not None and event.type() == QEvent.Type.ParentChange
        if is_moved and self.parent() is None:
            self.release()
        return bool(super().event(event))

    def release(self) -> None:
        """Cancel running jobs and release the viewer's layers; may be called repeatedly."""
        raise NotImplementedError
