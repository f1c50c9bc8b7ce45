"""The bar below a run: its classes, or the regions of its image at any granularity."""

from __future__ import annotations

import dataclasses
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QRadioButton, QSlider, QSpinBox, QWidget

from napari_dsc.jobs.runs import GROWING, grow_job
from napari_dsc.widgets.controls.parameters import form_layout
from napari_dsc.widgets.controls.run_bar import in_background
from napari_dsc.widgets.viewer.output import KEY, show_labels
from napari_dsc.widgets.viewer.run_layer import metadata_of

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer

    from napari_dsc.jobs.result import Levels, Result
    from napari_dsc.widgets.controls.run_bar import Task
    from napari_dsc.widgets.viewer.source import Source

LIVE_MILLISECONDS = 30
STEPS = 1000
NUMBER_WIDTH = 110


class LevelBar(QWidget):
    """Switch between classes and regions, and slider of the number of regions.

    It shows what it has until another run is offered. A layer that somebody else changed or
    removed is left alone.

    Attributes
    ----------
    told : Signal of str
        What it is doing, or why it does nothing.
    """

    told = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.classes, self.regions = QRadioButton("Classes"), QRadioButton("Regions")
        self.classes.setToolTip("Show the classes of the cut.")
        self.regions.setToolTip("Show regions of the merge tree, as many as the slider says.")
        self.slider, self.number = QSlider(Qt.Orientation.Horizontal), QSpinBox()
        self.slider.setRange(0, STEPS)
        for control in (self.slider, self.number):
            control.setToolTip("Number of regions; fine to the right.")
        self.number.setKeyboardTracking(False)
        self._group = QButtonGroup(self)
        self._live = QTimer(self)
        self._live.setSingleShot(True)
        self._live.setInterval(LIVE_MILLISECONDS)
        self._task: Task | None = None
        self._threads = 0
        self._lay_out()
        self._forget()
        self.slider.valueChanged.connect(self._on_slider)
        self.number.valueChanged.connect(self._on_number)
        self._live.timeout.connect(self._show_regions)
        self._group.buttonClicked.connect(self._on_switch)

    def _lay_out(self) -> None:
        form = form_layout(self)
        switch, level = QHBoxLayout(), QHBoxLayout()
        for button in (self.classes, self.regions):
            self._group.addButton(button)
            switch.addWidget(button)
        switch.addStretch()
        self.number.setMaximumWidth(NUMBER_WIDTH)
        level.addWidget(self.slider, 1)
        level.addWidget(self.number)
        form.addRow("Show", switch)
        form.addRow("Granularity", level)

    # what there is to show

    def offer(
        self, viewer: Viewer, layer: Labels, result: Result, source: Source, threads: int
    ) -> None:
        """Stand for a run that ended; `source` holds no image."""
        self._forget()
        self._viewer, self._layer, self._source = viewer, weakref.ref(layer), source
        self._threads, self._grower, self._levels = threads, result.grower, result.levels
        is_tree = result.record["method"] == "tree"
        if not is_tree:
            self._classes = dataclasses.replace(
                result,
                smoothed=None,
                superpixels=None,
                confidence=None,
                levels=None,
                grower=None,
            )
        self._remember(layer)
        (self.regions if is_tree else self.classes).setChecked(True)
        self._show_range()
        self._set_enabled(True)

    def pause(self, is_paused: bool) -> None:
        """Do nothing while a run is going."""
        if is_paused and self._task is not None:
            self._task.cancel()
            self._task = None
            self.classes.setChecked(True)
        self._live.stop()
        self._set_enabled(not is_paused)

    def check(self) -> None:
        """Forget a run whose layer is gone."""
        layer = self._layer()
        if self._source is not None and (layer is None or layer not in self._viewer.layers):
            self.let_go()

    def let_go(self) -> None:
        """Forget everything."""
        if self._task is not None:
            self._task.cancel()
        self._live.stop()
        self._forget()
        self._set_enabled(False)

    def _forget(self) -> None:
        self._viewer: Any = None
        self._layer: Any = lambda: None
        self._source: Source | None = None
        self._classes: Result | None = None
        self._levels: Levels | None = None
        self._grower: Any = None
        self._shown, self._record = np.zeros(0), {}
        self._task = None

    def _set_enabled(self, is_enabled: bool) -> None:
        is_ready = is_enabled and self._source is not None
        is_level = is_ready and self.regions.isChecked() and self._levels is not None
        self.classes.setEnabled(is_ready and self._classes is not None)
        self.regions.setEnabled(is_ready and self._task is None)
        self.slider.setEnabled(is_level)
        self.number.setEnabled(is_level)

    def _show_range(self) -> None:
        """Let slider and number reach to the superpixels of the tree."""
        if self._levels is None:
            return
        with QSignalBlocker(self.number):
            self.number.setRange(1, max(self._levels.tree.n_superpixels, 1))
            self.number.setValue(self._levels.n_regions)
        self._move_slider()

    # what the user does

    def _on_switch(self) -> None:
        if self.classes.isChecked():
            self._live.stop()
            self._cancel_growing()
            if self._classes is not None:
                self._write(self._classes)
        elif self._levels is None:
            self._grow()
        else:
            self._show_regions()
        self._set_enabled(True)

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

    # growing the tree

    def _grow(self) -> None:
        """Grow the tree in the background, then show its regions."""
        if self._task is not None or self._source is None:
            return
        self.told.emit(f"{GROWING}...")
        job = (self._grower, self._source.mask, self._threads)
        self._task = in_background(grow_job, job, self._on_grown, self._on_failure)

    def _cancel_growing(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self.told.emit("")

    def _on_grown(self, levels: Levels) -> None:
        if self._task is None:
            return  # another run, or a closed dock
        self._task = self._grower = None
        self._levels = levels
        self._show_range()
        self._show_regions()
        self._set_enabled(True)

    def _on_failure(self, message: str) -> None:
        if self._task is not None:
            self._task = None
            self.classes.setChecked(True)
            self.told.emit(message)
            self._set_enabled(True)

    # the layer

    def _show_regions(self) -> None:
        if self._levels is not None and self.regions.isChecked():
            self._write(self._levels.cut(self.number.value()))

    def _write(self, result: Result) -> None:
        """Put labels into the layer, if it still holds what this bar wrote."""
        layer, source = self._layer(), self._source
        if layer is None or source is None or layer not in self._viewer.layers:
            self.let_go()
            return
        is_ours = layer.metadata.get(KEY) is self._record
        if not is_ours or not np.array_equal(layer.data, self._shown):
            self.told.emit(f"{layer.name} was changed since, so it is left as it is.")
            return
        assert result.labels is not None
        metadata = metadata_of(result, source)
        # a copy: what is painted later shall not change the run's own labels
        labels = source.as_labels(result.labels.copy())
        show_labels(self._viewer, layer.name, labels, source.geometry, metadata, layer=layer)
        layer.features = result.features
        self._remember(layer)
        self.told.emit(f"{len(result.features['index'])} segments")

    def _remember(self, layer: Labels) -> None:
        self._shown, self._record = np.array(layer.data), layer.metadata[KEY]
