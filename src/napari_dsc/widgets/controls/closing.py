"""Base of the docks: notices that napari closes it."""

from __future__ import annotations

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QWidget


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
