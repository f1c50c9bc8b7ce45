"""Widgets that know when their dock is closed."""

from __future__ import annotations

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QWidget


class ClosingWidget(QWidget):
    """Content of a dock; lets go of everything once the dock is closed.

    napari closes a dock by taking its widget out of the window, and tells it nothing.
    """

    def event(self, event: QEvent | None) -> bool:
        """See the widget leave the window."""
        is_moved = event is not None and event.type() == QEvent.Type.ParentChange
        if is_moved and self.parent() is None:
            self.let_go()
        return bool(super().event(event))

    def let_go(self) -> None:
        """End what runs and forget the viewer; may come more than once."""
        raise NotImplementedError
