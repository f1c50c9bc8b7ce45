"""The measure of a window that waits: it sees what stops the window, and no busy machine."""

import threading
import time

from qtpy.QtCore import QTimer


def work(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_a_long_step_of_the_gui_thread_is_seen(heartbeat, qtbot):
    with heartbeat:
        QTimer.singleShot(20, lambda: work(0.15))
        qtbot.waitUntil(lambda: sum(heartbeat.steps) > 0.15)
    assert max(heartbeat.steps) > 0.14


def test_many_short_steps_are_none_that_is_long(heartbeat, qtbot):
    timer = QTimer()
    timer.timeout.connect(lambda: work(0.02))
    with heartbeat:
        timer.start(15)
        qtbot.waitUntil(lambda: sum(heartbeat.steps) > 0.4)
        timer.stop()
    assert max(heartbeat.steps) < 0.1


def test_a_thread_that_keeps_the_interpreter_is_seen(heartbeat, qtbot):
    thread = threading.Thread(target=lambda: sum(range(40_000_000)))
    with heartbeat:
        QTimer.singleShot(50, thread.start)  # after some beats
        qtbot.waitUntil(lambda: thread.ident is not None and not thread.is_alive())
    assert max(heartbeat.stalls) > 0.2


def test_time_that_passes_without_work_does_not_count(heartbeat, qtbot):
    with heartbeat:
        QTimer.singleShot(20, lambda: time.sleep(0.5))
        qtbot.wait(700)
    assert max(heartbeat.steps) < 0.1
    assert max(heartbeat.stalls) < 0.1
