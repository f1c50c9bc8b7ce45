"""Run, cancel, progress, errors: the only code that knows threads."""

from __future__ import annotations

import atexit
import functools
import json
import platform
from typing import TYPE_CHECKING, Any

from napari.qt.threading import GeneratorWorker, create_worker
from napari.utils.notifications import Notification, NotificationSeverity, notification_manager
from napari.utils.progress import progress
from qtpy.QtCore import QObject, QThreadPool, QTimer, Signal
from qtpy.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import create_worker as quiet_worker

from napari_dsc.jobs.job import Control, Outcome, Status, in_user_words
from napari_dsc.widgets.controls.forms import clipboard, not_none

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Job = Callable[..., Generator[object, None, Outcome]]


EXIT_MILLISECONDS = 20_000


class _Worker(GeneratorWorker):  # type: ignore[misc]  # napari has no types
    """Worker that ends like a canceled one when napari asks it to quit.

    Otherwise its generator would stay suspended, with all that it holds.
    """

    def __init__(self, job: Job, control: Control, *arguments: object) -> None:
        super().__init__(job, control, *arguments)
        self._control = control

    def quit(self) -> None:
        """Ask the job to stop at its next step."""
        self._control.cancel.set()


@functools.cache
def _wait_at_exit() -> None:
    """Let jobs end before Python does; torch aborts the process when it is left midway."""
    atexit.register(not_none(QThreadPool.globalInstance()).waitForDone, EXIT_MILLISECONDS)


class Task(QObject):
    """One job in a thread; its signals reach the GUI thread.

    ``finished`` carries an `Outcome` and comes exactly once for each job.
    """

    progressed = Signal(object)
    finished = Signal(object)

    def __init__(self, parent: QObject | None) -> None:
        super().__init__(parent)
        self._control: Control | None = None
        self._worker: Any = None

    @property
    def is_running(self) -> bool:
        """Whether a job is under way."""
        return self._control is not None

    def start(self, job: Job, *arguments: object, is_quiet: bool = False) -> None:
        """Run ``job(control, *arguments)``; one job at a time.

        napari does not ask about a quiet job when its window is closed.
        """
        if self.is_running:
            return
        self._control = Control()
        create: Callable[..., Any] = quiet_worker if is_quiet else create_worker
        worker = create(job, self._control, *arguments, _worker_class=_Worker)
        worker.yielded.connect(self.progressed)
        worker.returned.connect(self._end)
        # kept until the end: napari keeps finished workers for ever, this keeps running ones
        self._worker = worker
        # a destroyed dock has nobody to show a result to
        self.destroyed.connect(self._control.cancel.set)
        _wait_at_exit()
        worker.start()

    def cancel(self) -> None:
        """End the job within one step, without a result."""
        if self._control:
            self._control.cancel.set()

    def tell_shown(self) -> None:
        """Let the job go on, since the window shows what it told."""
        if self._control:
            self._control.is_shown.set()

    def keep(self) -> None:
        """End the job within one step, with what it has."""
        if self._control:
            self._control.keep.set()

    def _end(self, outcome: Outcome) -> None:
        self._control = self._worker = None
        self.finished.emit(outcome)


class RunBar(QWidget):
    """Buttons, progress bar and status line of a dock.

    Attributes
    ----------
    asked : Signal
        The user pressed Run.
    progressed : Signal of Status
        The job goes on.
    succeeded : Signal of object
        The job's value; not sent when it was canceled or failed.
    ended : Signal
        The job is over, however it went.
    """

    asked = Signal()
    progressed = Signal(object)
    succeeded = Signal(object)
    ended = Signal()

    def __init__(self, *, can_keep: bool) -> None:
        super().__init__()
        self._reason = ""
        self._bar_of_napari: Any = None
        self._settings: dict[str, object] = {}
        self.task = Task(self)
        self.task.progressed.connect(self._show_progress)
        self.task.finished.connect(self._end)
        self.run_button = QPushButton("Run")
        self.run_button.clicked.connect(self._run_or_cancel)
        self.keep_button = QPushButton("Stop and keep")
        self.keep_button.setToolTip("End the cut now and keep its present labels.")
        self.keep_button.setVisible(can_keep)
        self.keep_button.setEnabled(False)
        self.keep_button.clicked.connect(self.task.keep)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._lay_out()
        self.block("")

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.run_button)
        buttons.addWidget(self.keep_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)

    @property
    def is_running(self) -> bool:
        """Whether a job is under way."""
        return self.task.is_running

    def block(self, reason: str) -> None:
        """Disable Run for a reason, or enable it for an empty one."""
        if self.is_running:
            return
        self.run_button.setEnabled(not reason)
        self.run_button.setToolTip(reason or "Compute, in the background.")
        if reason != self._reason:
            self.status.setText(reason)
        self._reason = reason

    def start(
        self, job: Job, argument: object, n_steps: int, settings: dict[str, object]
    ) -> None:
        """Run ``job(control, argument)``.

        ``n_steps`` is the number of iterations, 0 where it has none; ``settings`` go into
        the report of a failure.
        """
        self._settings = settings
        self.bar.setRange(0, n_steps)
        self.bar.setValue(0)
        self._bar_of_napari = progress(total=n_steps or None, desc="Deep Superpixel Cut")
        self.run_button.setText("Cancel")
        self.run_button.setToolTip("End the run without a result.")
        self.task.start(job, argument)

    def cancel(self) -> None:
        """End the job within one step, without a result."""
        if self.is_running:
            self.task.cancel()
            self.run_button.setText("Canceling...")
            self.run_button.setEnabled(False)
            self.keep_button.setEnabled(False)

    def _run_or_cancel(self) -> None:
        if self.is_running:
            self.cancel()
        else:
            self.asked.emit()

    def _show_progress(self, told: Status) -> None:
        if self._bar_of_napari is None:
            return
        self.status.setText(told.sentence)
        self.bar.setValue(told.iteration)
        is_cut = told.iteration > 0 and told.is_kept
        self.keep_button.setEnabled(is_cut and self.run_button.isEnabled())
        self.progressed.emit(told)
        self._show_in_napari(told)
        # behind the events that draw
        QTimer.singleShot(0, self.task.tell_shown)

    def _show_in_napari(self, told: Status) -> None:
        """Move the bar of the activity dock; it handles waiting events, our end among them."""
        bar = self._bar_of_napari
        bar.set_description(told.sentence)
        if self._bar_of_napari is bar:
            bar.update(told.iteration - bar.n)

    def _end(self, outcome: Outcome) -> None:
        self._bar_of_napari.close()
        self._bar_of_napari = None
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
            notify_error(message, self._report(outcome))
        else:
            self.succeeded.emit(outcome.value)
        self.ended.emit()

    def _report(self, outcome: Outcome) -> str:
        """What somebody who is asked for help wants to know."""
        return "\n".join(
            [
                f"napari-dsc on {platform.platform()}, Python {platform.python_version()}",
                json.dumps(self._settings, indent=2, default=str),
                outcome.trace,
            ]
        )


def notify_error(message: str, report: str) -> None:
    """Show one notification; its button copies a report for the developers."""

    def copy(_: object = None) -> None:
        clipboard().setText(report)

    actions = [("Copy report", copy)] if report else ()
    notification_manager.dispatch(
        Notification(message, NotificationSeverity.ERROR, actions=actions)
    )


def in_background(
    job: Job,
    arguments: tuple[object, ...],
    show: Callable[[Any], object],
    fail: Callable[[str], object] = lambda _: None,
) -> Task:
    """Run a job, then show its value, or say what failed; the task can be canceled."""
    task = Task(QApplication.instance())

    def end(outcome: Outcome) -> None:
        task.deleteLater()
        if outcome.error is not None:
            notify_error(in_user_words(outcome.error), outcome.trace)
            fail(in_user_words(outcome.error))
        elif not outcome.is_canceled:
            show(outcome.value)

    task.finished.connect(end)
    task.start(job, *arguments)
    return task
