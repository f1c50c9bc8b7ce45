"""Buttons, progress bar, status line and live plot of a dock that runs jobs."""

import json
import platform
import time

from qtpy import QtWidgets
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF

from napari_dsc.jobs.job import Outcome, Status, in_user_words
from napari_dsc.widgets import tasks

Policy = QtWidgets.QSizePolicy.Policy


class RunBar(QtWidgets.QWidget):
    """Buttons, progress bar and status line of a dock.

    Parameters
    ----------
    can_keep : bool
        Whether a running job can be ended with its present result.

    Attributes
    ----------
    run_pressed : Signal
        The user pressed Run.
    progressed : Signal of Status
        Status of the running job.
    succeeded : Signal of object
        Result of the job; not sent after an error or cancellation.
    ended : Signal
        End of the job, after success, error or cancellation.
    seconds : float
        Duration of the last job.
    """

    run_pressed = Signal()
    progressed = Signal(object)
    succeeded = Signal(object)
    ended = Signal()

    def __init__(self, *, can_keep: bool) -> None:
        super().__init__()
        self._reason = ""
        self._n_steps, self._began, self.seconds = 0, 0.0, 0.0
        self._settings: dict[str, object] = {}
        self.task = tasks.Task(self)
        self.task.progressed.connect(self._show_progress)
        self.task.finished.connect(self._end)
        self.run_button = QtWidgets.QPushButton("Run")
        self.run_button.clicked.connect(self._run_or_cancel)
        self.keep_button = QtWidgets.QPushButton("Stop and keep")
        self.keep_button.setToolTip("End the cut now and keep its present labels.")
        self.keep_button.setVisible(can_keep)
        self.keep_button.setEnabled(False)
        self.keep_button.clicked.connect(self.task.keep)
        self.bar = QtWidgets.QProgressBar()
        self.bar.setTextVisible(False)
        self.status = QtWidgets.QLabel()
        self.status.setWordWrap(True)
        self.status.setSizePolicy(Policy.Ignored, Policy.Minimum)
        self._lay_out()
        self.block("")

    def _lay_out(self) -> None:
        buttons = QtWidgets.QHBoxLayout()
        buttons.addWidget(self.run_button)
        buttons.addWidget(self.keep_button)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)

    @property
    def is_running(self) -> bool:
        """Whether a job is under way."""
        return self.task.is_running

    def block(self, reason: str) -> None:
        """Disable Run and show the reason; an empty reason enables Run."""
        if self.is_running:
            return
        self.run_button.setEnabled(not reason)
        self.run_button.setToolTip(reason or "Start the computation in the background.")
        if reason != self._reason:
            self.status.setText(reason)
        self._reason = reason

    def start(
        self, job: tasks.Job, argument: object, n_steps: int, settings: dict[str, object]
    ) -> None:
        """Run ``job(control, argument)``.

        ``n_steps`` is the number of iterations, 0 for a job without iterations; ``settings``
        are written into the report of an error.
        """
        self._settings, self._n_steps, self._began = settings, n_steps, time.perf_counter()
        self.bar.setRange(0, 0)
        self.run_button.setText("Cancel")
        self.run_button.setToolTip("Cancel the run; no layer is changed.")
        self.task.start(job, argument)

    def cancel(self) -> None:
        """Cancel the job; it ends within one step, without a result."""
        if self.is_running:
            self.task.cancel()
            self.run_button.setText("Canceling...")
            self.run_button.setEnabled(False)
            self.keep_button.setEnabled(False)

    def _run_or_cancel(self) -> None:
        if self.is_running:
            self.cancel()
        else:
            self.run_pressed.emit()

    def _show_progress(self, status: Status) -> None:
        if not self.is_running:
            return
        self.status.setText(status.sentence)
        done, total = (status.iteration, self._n_steps) if status.iteration else status.share
        self.bar.setRange(0, total if total > 1 else 0)  # 0 to 0: busy
        self.bar.setValue(done)
        is_cut = status.iteration > 0 and status.is_kept
        self.keep_button.setEnabled(is_cut and self.run_button.isEnabled())
        self.progressed.emit(status)
        # after the pending paint events
        QTimer.singleShot(0, self.task.acknowledge)

    def _end(self, outcome: Outcome) -> None:
        self.seconds = time.perf_counter() - self._began
        self.bar.setRange(0, 1)
        self.bar.setValue(0)
        self.run_button.setText("Run")
        self.keep_button.setEnabled(False)
        self.block("")
        if outcome.is_canceled:
            self.status.setText("Canceled; nothing was changed.")
        elif outcome.error is not None:
            message = in_user_words(outcome.error)
            self.status.setText(message)
            tasks.notify_error(message, self._report(outcome))
        else:
            self.succeeded.emit(outcome.value)
        self.ended.emit()

    def _report(self, outcome: Outcome) -> str:
        """Versions, settings and traceback, for a request for help."""
        machine = f"napari-dsc on {platform.platform()}, Python {platform.python_version()}"
        settings = json.dumps(self._settings, indent=2, default=str)
        return f"{machine}\n{settings}\n{outcome.trace}"


# of the Okabe-Ito palette, which color-blind people can tell apart
COLORS = {"L1": "#56b4e9", "L2": "#e69f00", "classes": "#009e73"}
MARGIN = 6


class ConvergencePlot(QtWidgets.QWidget):
    """Curves over the iterations, each between 0 and its own largest value."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(Policy.Expanding, Policy.Fixed)
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
