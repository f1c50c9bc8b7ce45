"""A small live plot of the cut: its two losses and its number of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent

    from napari_dsc.jobs.job import Status

# of the Okabe-Ito palette, which color-blind people can tell apart
COLORS = {"L1": "#56b4e9", "L2": "#e69f00", "classes": "#009e73"}
MARGIN = 6


class ConvergencePlot(QWidget):
    """Curves over the iterations, each between 0 and its own largest value."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "The pseudo-label loss L1, the cut loss L2 and the number of classes over the "
            "iterations; each curve is scaled to its largest value."
        )
        self.start(1)

    def start(self, n_iterations: int) -> None:
        """Clear the plot for a run of this many iterations."""
        self._n_iterations = n_iterations
        self.curves: dict[str, list[tuple[int, float]]] = {name: [] for name in COLORS}
        self.update()

    def add(self, progress: Status) -> None:
        """Add losses and number of classes of one step."""
        values = (progress.label_loss, progress.cut_loss, progress.n_classes)
        for points, value in zip(self.curves.values(), values, strict=True):
            points.append((progress.iteration, value))
        self.update()

    def sizeHint(self) -> QSize:
        """Preferred size in pixels."""
        return QSize(240, 110)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the curves and, below them, their latest values."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        legend = 1.4 * self.fontMetrics().height()
        area = QRectF(self.rect()).adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN - legend)
        painter.setPen(QPen(self.palette().mid().color(), 1))
        painter.drawRect(area)
        width = area.width() / len(COLORS)
        for column, (name, points) in enumerate(self.curves.items()):
            painter.setPen(QPen(QColor(COLORS[name]), 2))
            painter.drawPolyline(self._polygon(points, area))
            cell = QRectF(area.left() + column * width, area.bottom(), width, legend)
            text = f"{name} {points[-1][1]:.3g}" if points else name
            painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, text)

    def _polygon(self, points: list[tuple[int, float]], area: QRectF) -> QPolygonF:
        top = max((value for _, value in points), default=0) or 1
        return QPolygonF(
            [
                QPointF(
                    area.left() + area.width() * iteration / self._n_iterations,
                    area.bottom() - area.height() * max(value, 0) / top,
                )
                for iteration, value in points
            ]
        )
