"""The switch between classes and regions of a run, and the slider of their number."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QRadioButton, QSlider, QSpinBox, QWidget

from napari_dsc.jobs import runs, statuses
from napari_dsc.jobs.result import Result
from napari_dsc.widgets import tasks
from napari_dsc.widgets.controls.forms import form_layout, single_shot
from napari_dsc.widgets.viewer.run_layer import WrittenLabels

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer

    from napari_dsc.jobs.result import ClassLevels, Levels
    from napari_dsc.widgets.viewer.source import Source


@dataclasses.dataclass(frozen=True, eq=False)
class _Run:
    """A finished run: its layer, its classes, and its trees or the job that grows one."""

    written: WrittenLabels
    mask: np.ndarray | None
    n_threads: int
    classes: Result | None
    class_levels: ClassLevels | None
    levels: Levels | None
    grower: Any

    @classmethod
    def of(cls, written: WrittenLabels, result: Result, source: Source, threads: int) -> _Run:
        """Keep labels and tree of a result, without its images."""
        classes = None
        if result.class_levels is None and result.record["method"] != "tree":
            classes = Result(
                result.record,
                labels=result.labels,
                features=result.features,
                parts=result.parts,
            )
        trees = (result.class_levels, result.levels, result.grower)
        return cls(written, source.mask, threads, classes, *trees)

    @property
    def has_classes(self) -> bool:
        """Whether classes can be shown, at one number or at any."""
        return self.classes is not None or self.class_levels is not None


class LevelBar(QWidget):
    """Switch between classes and regions, and slider of their number.

    It shows one run until another is offered. A layer that the user changed or removed is not
    written any more.

    Attributes
    ----------
    message : Signal of str
        Sentence for the status line.
    """

    message = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.classes, self.regions = QRadioButton("Classes"), QRadioButton("Regions")
        self.classes.setToolTip(
            "Show the classes. The slider sets the number of those of a class tree."
        )
        self.regions.setToolTip("Show merge-tree regions; the slider sets their number.")
        self.level = LevelSlider()
        self._group = QButtonGroup(self)
        self._task: tasks.Task | None = None
        self._run: _Run | None = None
        self._lay_out()
        self.level.changed.connect(self._show_level)
        self._group.buttonClicked.connect(self._on_switch)

    def _lay_out(self) -> None:
        form, switch = form_layout(self), QHBoxLayout()
        for button in (self.classes, self.regions):
            self._group.addButton(button)
            switch.addWidget(button)
        switch.addStretch()
        form.addRow("Show", switch)
        form.addRow("Granularity", self.level)

    # the run

    def offer(
        self, viewer: Viewer, layer: Labels, result: Result, source: Source, threads: int
    ) -> None:
        """Show a finished run; the array of `source` is not needed."""
        self._run = _Run.of(WrittenLabels(viewer, layer, source), result, source, threads)
        self._task = None
        (self.classes if self._run.has_classes else self.regions).setChecked(True)
        self._show_range()
        self._set_enabled(True)

    def pause(self, is_paused: bool) -> None:
        """Disable the bar during a run, or enable it again."""
        if is_paused and self._task is not None:
            self._task.cancel()
            self._task = None
            self.classes.setChecked(True)
        self.level.stop()
        self._set_enabled(not is_paused)

    def check(self) -> None:
        """Release a run whose layer was removed."""
        if self._run is not None and not self._run.written.is_present:
            self.release()

    def release(self) -> None:
        """Cancel the growing of a tree, and release the run."""
        if self._task is not None:
            self._task.cancel()
        self.level.stop()
        self._run = self._task = None
        self._set_enabled(False)

    def _set_enabled(self, is_enabled: bool) -> None:
        run = self._run if is_enabled else None
        can_grow = run is not None and (run.levels is not None or run.grower is not None)
        self.classes.setEnabled(run is not None and run.has_classes)
        self.regions.setEnabled(can_grow and self._task is None)
        self.level.setEnabled(run is not None and self._levels() is not None)

    def _levels(self) -> Levels | ClassLevels | None:
        """Levels of what is shown, classes or regions; None if it has one level only."""
        if self._run is None:
            return None
        return self._run.levels if self.regions.isChecked() else self._run.class_levels

    def _show_range(self) -> None:
        """Set the slider to the levels of what is shown."""
        levels = self._levels()
        if levels is not None:
            self.level.show_range(levels.least, levels.most, levels.n_shown)

    # the switch

    def _on_switch(self) -> None:
        run = self._run
        if run is None:
            return
        self.level.stop()
        self._show_range()
        if self.classes.isChecked():
            self._cancel_growing()
            if run.classes is not None:
                self._write(run.classes)
        elif run.levels is None:
            self._grow(run)
        self._show_level()
        self._set_enabled(True)

    # the tree

    def _grow(self, run: _Run) -> None:
        """Grow the tree in the background, then show its regions."""
        if self._task is not None:
            return
        self.message.emit(f"{statuses.GROWING}...")
        job = (run.grower, run.mask, run.n_threads)
        self._task = tasks.in_background(runs.grow_job, job, self._on_grown, self._on_failure)

    def _cancel_growing(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self.message.emit("")

    def _on_grown(self, levels: Levels) -> None:
        if self._task is None or self._run is None:
            return  # the dock was closed, or another run began
        self._task = None
        self._run = dataclasses.replace(self._run, levels=levels, grower=None)
        self._show_range()
        self._show_level()
        self._set_enabled(True)

    def _on_failure(self, message: str) -> None:
        if self._task is not None:
            self._task = None
            self.classes.setChecked(True)
            self.message.emit(message)
            self._set_enabled(True)

    # the layer

    def _show_level(self) -> None:
        levels = self._levels()
        if levels is not None:
            self._write(levels.cut(self.level.value()))

    def _write(self, result: Result) -> None:
        """Write labels into the layer unless it was removed."""
        self.check()
        if self._run is not None:
            self.message.emit(self._run.written.write(result))


LIVE_MILLISECONDS = 30  # about 30 updates a second
STEPS = 1000  # positions of the slider; more than it has pixels
NUMBER_WIDTH = 110  # pixels


class LevelSlider(QWidget):
    """Number between two limits, as a logarithmic slider and a box.

    Attributes
    ----------
    changed : Signal
        The user chose another number; quick changes are reported once.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.slider, self.number = QSlider(Qt.Orientation.Horizontal), QSpinBox()
        self.slider.setRange(0, STEPS)
        for control in (self.slider, self.number):
            control.setToolTip("Number of segments: few to the left, many to the right.")
        self.number.setKeyboardTracking(False)
        self.number.setMaximumWidth(NUMBER_WIDTH)
        self._live = single_shot(self, LIVE_MILLISECONDS, self.changed.emit)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.number)
        self.slider.valueChanged.connect(self._on_slider)
        self.number.valueChanged.connect(self._on_number)

    @property
    def is_moving(self) -> bool:
        """Whether a change was not reported yet."""
        return self._live.isActive()

    def value(self) -> int:
        """Chosen number."""
        return self.number.value()

    def show_range(self, least: int, most: int, value: int) -> None:
        """Set both limits and the number, without a signal."""
        with QSignalBlocker(self.number):
            self.number.setRange(least, max(most, least))
            self.number.setValue(value)
        self._move_slider()

    def stop(self) -> None:
        """Discard a change that was not reported yet."""
        self._live.stop()

    def _on_slider(self, position: int) -> None:
        most = self.number.maximum()
        with QSignalBlocker(self.number):
            self.number.setValue(round(most ** (position / STEPS)))
        self._live.start()

    def _on_number(self) -> None:
        self._move_slider()
        self._live.start()

    def _move_slider(self) -> None:
        share = np.log(self.number.value()) / np.log(max(self.number.maximum(), 2))
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(STEPS * share))
