"""Jobs in threads, and notifications of their errors."""

import atexit
import contextlib
import functools
from collections.abc import Callable, Generator, Iterator
from typing import Any

from napari.qt.threading import GeneratorWorker, create_worker
from napari.utils.notifications import Notification, NotificationSeverity, notification_manager
from qtpy.QtCore import QObject, QThreadPool, Signal
from qtpy.QtWidgets import QApplication
from superqt.utils import create_worker as quiet_worker

from napari_dsc.errors import DSCError
from napari_dsc.jobs.job import Control, Outcome, in_user_words
from napari_dsc.widgets.controls.forms import clipboard, not_none

Job = Callable[..., Generator[object, None, Outcome]]

EXIT_MILLISECONDS = 20_000  # a step of the cut, the longest wait, takes seconds


class _Worker(GeneratorWorker):  # type: ignore[misc]  # napari has no types
    """Worker that cancels its job when napari asks it to quit.

    napari's own `quit` would leave the generator suspended, and its arrays in memory.
    """

    def __init__(self, job: Job, control: Control, *arguments: object) -> None:
        super().__init__(job, control, *arguments)
        self._control = control

    def quit(self) -> None:
        """Ask the job to stop at its next step."""
        self._control.cancel.set()


@functools.cache
def _wait_at_exit() -> None:
    """Wait for running jobs before Python exits; torch aborts if it is interrupted."""
    atexit.register(not_none(QThreadPool.globalInstance()).waitForDone, EXIT_MILLISECONDS)


class Task(QObject):
    """One job in a thread, with signals in the GUI thread.

    Parameters
    ----------
    parent : QObject or None
        Owner; the job is canceled when it is destroyed.

    Attributes
    ----------
    progressed : Signal of object
        Item that the job yielded.
    finished : Signal of Outcome
        End of the job; sent exactly once for each job.
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
        """Run ``job(control, *arguments)``, unless a job is running.

        For a quiet job napari does not ask for confirmation when its window is closed.
        """
        if self.is_running:
            return
        self._control = Control()
        create: Callable[..., Any] = quiet_worker if is_quiet else create_worker
        worker = create(job, self._control, *arguments, _worker_class=_Worker)
        worker.yielded.connect(self.progressed)
        worker.returned.connect(self._end)
        # a reference until the end: without it Python could delete a running worker
        self._worker = worker
        # nobody shows the result of a destroyed dock
        self.destroyed.connect(self._control.cancel.set)
        _wait_at_exit()
        worker.start()

    def cancel(self) -> None:
        """Cancel the job; it ends within one step, without a result."""
        if self._control:
            self._control.cancel.set()

    def acknowledge(self) -> None:
        """Acknowledge that the window has drawn the last progress; the job continues."""
        if self._control:
            self._control.is_shown.set()

    def keep(self) -> None:
        """End the job within one step, and keep its present result."""
        if self._control:
            self._control.keep.set()

    def _end(self, outcome: Outcome) -> None:
        self._control = self._worker = None
        self.finished.emit(outcome)


def notify_error(message: str, report: str) -> None:
    """Show a notification; its button copies a report for the developers."""
    actions = [("Copy report", lambda *_: clipboard().setText(report))] if report else ()
    notification_manager.dispatch(
        Notification(message, NotificationSeverity.ERROR, actions=actions)
    )


@contextlib.contextmanager
def errors_shown() -> Iterator[None]:
    """Context in which an error of this package is shown as a notification."""
    try:
        yield
    except DSCError as error:
        notify_error(str(error), "")


def in_background(
    job: Job,
    arguments: tuple[object, ...],
    show: Callable[[Any], object],
    fail: Callable[[str], object] = lambda _: None,
) -> Task:
    """Run a job, then show its result or a notification of its error."""
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
