"""Docks in a real napari window; without an X server, in one that draws nothing."""

import gc
import importlib.util
import os
import sys
import threading
import time

import numpy as np
import pytest

# no X server: Qt's own off-screen platform, unless the caller chose one
if sys.platform == "linux" and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("NAPARI_ASYNC", "0")

# the environment "core" has neither napari nor Qt
collect_ignore_glob = [] if importlib.util.find_spec("napari") else ["test_*.py"]

FIXTURES = {"make_napari_viewer", "make_napari_viewer_proxy", "viewer"}
PATIENCE_MILLISECONDS = 120_000
BEAT_MILLISECONDS = 10
# modules of napari 0.9 that ask the graphics card while a layer is added
GL_MODULES = ("image", "labels", "scalar_field", "base")


def has_gl():
    from qtpy.QtGui import QOffscreenSurface, QOpenGLContext

    context = QOpenGLContext()
    if not context.create():
        return False
    surface = QOffscreenSurface()
    surface.create()
    return bool(context.makeCurrent(surface))


@pytest.fixture(autouse=True)
def _gl_or_stub(request, monkeypatch):
    """Answer napari's questions to the graphics card where there is none."""
    if not FIXTURES & set(request.fixturenames):
        return
    request.getfixturevalue("qapp")
    if has_gl():
        return
    if request.node.get_closest_marker("needs_gl"):
        pytest.skip("needs OpenGL: run under xvfb-run")
    images = importlib.import_module("napari._vispy.layers.image")
    monkeypatch.setattr(images, "get_gl_extensions", lambda: "texture_float")
    for name in GL_MODULES:
        module = importlib.import_module(f"napari._vispy.layers.{name}")
        if hasattr(module, "get_max_texture_sizes"):
            monkeypatch.setattr(module, "get_max_texture_sizes", lambda: (16384, 2048))


@pytest.fixture(scope="session")
def _modules():
    """Import what every viewer needs, before any of them is made."""
    for name in ("napari.qt", "pandas", "torch"):
        importlib.import_module(name)
    gc.collect()


@pytest.fixture(autouse=True)
def _old_objects_left_alone(request):
    """Take what lives before a viewer out of the collections that napari asks for.

    napari 0.9 collects all garbage whenever a layer is removed (`_clean_and_update_scenegraph`
    in `napari/_vispy/canvas.py`), and the objects of modules are most of what it walks through:
    0.2 of the 1.1 seconds of a test.
    """
    if FIXTURES & set(request.fixturenames):
        request.getfixturevalue("_modules")
        gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _manifests_read_once():
    """Read the manifests of plugins once, not with each viewer: 0.15 seconds a test."""
    if importlib.util.find_spec("npe2") is None:
        yield
        return
    from npe2 import PluginManifest

    discover = PluginManifest.discover
    found = {}

    def remembered(paths=()):
        if tuple(paths) not in found:
            found[tuple(paths)] = list(discover(paths=paths))
        return iter(found[tuple(paths)])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManifest, "discover", remembered)
        yield


@pytest.fixture
def qtbot(qapp, request):
    """Robot that waits long enough for a busy machine; a test that passes waits no longer."""
    from pytestqt.qtbot import QtBot

    class PatientBot(QtBot):
        def waitUntil(self, callback, *, timeout=PATIENCE_MILLISECONDS):
            return super().waitUntil(callback, timeout=timeout)

    return PatientBot(request)


class Heartbeat:
    """Processor seconds between the beats of a timer in the GUI thread.

    The clock on the wall would also count what other programs take; these seconds are the
    same on a busy machine.

    Attributes
    ----------
    steps : list of float
        Work of the GUI thread from one beat to the next.
    stalls : list of float
        Work of the busiest other thread meanwhile: one that computes without ever leaving the
        interpreter to the window shows here.
    """

    MOST_STALL = 0.2  # processor seconds for which the window may wait for another thread

    def __init__(self):
        from qtpy.QtCore import QTimer

        self.steps, self.stalls = [], []
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)

    def __enter__(self):
        self.steps, self.stalls = [], []
        self._worked, self._others = time.thread_time(), clocks_of_other_threads()
        self._timer.start(BEAT_MILLISECONDS)
        return self

    def __exit__(self, *_):
        self._timer.stop()
        self._beat()

    def least_stall(self, repeat):
        """Longest stall of the best of three repeats.

        On a busy machine the window may also have to wait for a processor, which nobody can
        tell from waiting for the interpreter.
        """
        longest = []
        while len(longest) < 3 and min(longest, default=1) >= self.MOST_STALL:
            with self:
                repeat()
            longest.append(max(self.stalls))
        return min(longest)

    def _beat(self):
        worked, others = time.thread_time(), clocks_of_other_threads()
        self.steps.append(worked - self._worked)
        spent = [clock - self._others.get(thread, 0) for thread, clock in others.items()]
        self.stalls.append(max(spent, default=0))
        self._worked, self._others = worked, others


def clocks_of_other_threads():
    """Processor seconds of every other thread of the process, by its number."""
    import psutil  # napari brings it

    return {
        one.id: one.user_time + one.system_time
        for one in psutil.Process().threads()
        if one.id != threading.get_native_id()
    }


@pytest.fixture
def heartbeat(qapp):
    """Heartbeat of the window, to be entered with ``with``."""
    return Heartbeat()


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    """Viewer as plugins see it: private names are refused, threads are watched."""
    return make_napari_viewer_proxy()


@pytest.fixture
def open_dock(qtbot):
    """Open a dock by its name, as the Plugins menu and the console do."""

    def opened(viewer, name="Segment", **values):
        _, dock = viewer.window.add_plugin_dock_widget("napari-dsc", name)
        if hasattr(dock, "compute"):
            qtbot.waitUntil(lambda: not dock.compute.survey.is_running)
            small = {"n_superpixels": 12, "n_iterations": 3, "n_partitions": 6, "seed": 5}
            small["superpixels"] = "slic"  # the tree would take most of the time of a test
            small["patience"] = 0  # runs that are to last do
            dock.restore(small | {"device": "cpu"} | values)
        return dock

    return opened


@pytest.fixture
def run(qtbot):
    """Press Run and wait for the end."""

    def ran(dock):
        qtbot.waitUntil(lambda: dock.run_bar.run_button.isEnabled())
        dock.run_bar.run_button.click()
        qtbot.waitUntil(lambda: not dock.run_bar.is_running)

    return ran


@pytest.fixture
def pixels():
    """Four colored quadrants with noise, (40, 56, 3) uint8."""
    rng = np.random.default_rng(0)
    colors = rng.integers(0, 200, (2, 2, 3))
    image = colors.repeat(20, 0).repeat(28, 1) + rng.integers(0, 20, (40, 56, 3))
    return image.astype(np.uint8)


@pytest.fixture
def messages():
    """Notifications that came since the test began."""
    from napari.utils.notifications import notification_manager

    before = len(notification_manager.records)
    return lambda: [str(one.message) for one in notification_manager.records[before:]]
