"""The dock that segments an image."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import QCheckBox, QPushButton, QWidget

from napari_dsc.errors import InvalidParameterError
from napari_dsc.layers import PARTS_KEY, as_many_axes
from napari_dsc.params import PRESETS, CutParams, ImageParams, SuperpixelParams, preset
from napari_dsc.widgets._dock import Dock, record_of
from napari_dsc.widgets._image_panel import LayerChooser
from napari_dsc.widgets._output import (
    KEY,
    RUNNING,
    Snapshot,
    layer_to_update,
    show_image,
    show_labels,
)
from napari_dsc.widgets._plot import ConvergencePlot
from napari_dsc.widgets._preferences import preferences
from napari_dsc.widgets._source import VIEW, Where

if TYPE_CHECKING:
    from napari_dsc.correction.parts import Parts
    from napari_dsc.widgets._job import Progress
    from napari_dsc.widgets._runs import Request, Result
    from napari_dsc.widgets._source import Source

RESULT, TRY = "[DSC]", "[DSC try]"


class Segment(Dock):
    """Dock of *Plugins > Deep Superpixel Cut > Segment*."""

    stage = "segment"
    kinds = (ImageParams, SuperpixelParams, CutParams)
    everyday = (
        "superpixels",
        "n_superpixels",
        "n_partitions",
        "result",
        "n_iterations",
        "seed",
    )
    can_keep = True

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:  # noqa: F821, UP037
        self.given = LayerChooser()
        self.preview = _check_box(
            "Live preview", "Show the labels a few times a second while they form.", True
        )
        chosen = preferences()
        self.show_smoothed = _check_box(
            "Show smoothed image", "Add it as an Image layer.", chosen.show_smoothed
        )
        self.show_superpixels = _check_box(
            "Show superpixels", "Add them as a Labels layer.", chosen.show_superpixels
        )
        self.show_confidence = _check_box(
            "Show confidence", "Add the margin of each superpixel as an Image layer.", False
        )
        self.scribbles = LayerChooser()
        self.try_button = QPushButton("Try on view")
        self.plot = ConvergencePlot()
        self._labels: Any = None
        self._undo: Any = None
        self._suffix = RESULT
        super().__init__(napari_viewer)
        self.layout().addWidget(self.plot)
        self.plot.hide()
        self.run_bar.progressed.connect(self._show_progress)
        self.image_panel.changed.connect(self._show_given)
        self.try_button.clicked.connect(self.try_on_view)
        self._show_given()

    def fixed_presets(self) -> dict[str, dict[str, Any]]:
        """Every field of the cut as a preset sets it."""
        return {name: dataclasses.asdict(CutParams(**preset(name))) for name in PRESETS}

    def image_controls(self) -> list[tuple[str, QWidget]]:
        """A button for a first try."""
        self.try_button.setToolTip(
            "Run on what the window shows, into a layer of its own; Where stays as it is."
        )
        return [("", self.try_button)]

    def extra_controls(self) -> list[tuple[str, QWidget]]:
        """Superpixels of another tool, and what to show."""
        self.given.setToolTip(
            "Start from the superpixels of a Labels layer, of any tool; each connected piece "
            "of a label counts as one."
        )
        self.scribbles.setToolTip(
            "Labels layer with strokes on some superpixels: label 1 asks for class 1 there."
        )
        return [
            ("Superpixels of", self.given),
            ("Scribbles", self.scribbles),
            ("", self.preview),
            ("", self.show_smoothed),
            ("", self.show_superpixels),
            ("", self.show_confidence),
        ]

    def _show_problem(self) -> None:
        super()._show_problem()
        self.try_button.setEnabled(not self.image_panel.problem())

    def _show_given(self) -> None:
        if self._is_closed:
            self.given.clear()
            self.scribbles.clear()
            return
        labels = [layer for layer in self.viewer.layers if isinstance(layer, Labels)]
        self.given.refresh(labels, None, first="this run")
        self.scribbles.refresh(labels, None, first="none")

    def values(self) -> dict[str, Any]:
        """Values of the controls, ready for JSON."""
        return super().values() | {"preview": self.preview.isChecked()}

    def restore(self, values: dict[str, Any]) -> None:
        """Show values; those that no longer fit are passed over."""
        super().restore(values)
        if "preview" in values:
            self.preview.setChecked(bool(values["preview"]))

    def request(self, source: Source) -> Request:
        """Copy what a run needs out of the controls."""
        request = super().request(source)
        given, scribbles = self.given.currentData(), self.scribbles.currentData()
        return dataclasses.replace(
            request,
            preview=self.preview.isChecked(),
            superpixels=None if given is None else source.part_of(given, "superpixels"),
            scribbles=None if scribbles is None else source.part_of(scribbles, "scribbles"),
        )

    # while it runs

    def try_on_view(self) -> None:
        """Segment what the window shows, into a layer of its own."""
        self.run(Where(VIEW), TRY)

    def run(self, where: Where | None = None, suffix: str = RESULT) -> None:
        """Segment in the background; the part chosen under Where, or another one."""
        if self.run_bar.is_running:
            return
        self._suffix = suffix
        self._labels = self._undo = None
        self.plot.start(self.parameters.controls["n_iterations"].value)
        super().run(where)
        self.plot.setVisible(self.run_bar.is_running or self.plot.isVisible())

    def _show_progress(self, told: Progress) -> None:
        if self._is_closed or self._source is None:
            return
        if told.iteration:
            self.plot.add(told)
        if told.preview is not None:
            running = {KEY: {RUNNING: True}}
            self._show_labels(told.preview, self._source, told.step, running)

    def _show_labels(
        self, labels: np.ndarray, source: Source, step: int, metadata: dict[str, Any]
    ) -> None:
        """Put labels into this run's layer."""
        name = f"{source.name} {self._suffix}"
        n_axes = len(source.geometry.scale)
        steps = np.array([1] * (n_axes - 2) + [step, step])
        geometry = source.geometry.part([0] * n_axes, steps)
        if self._labels is None:
            self._labels = layer_to_update(self.viewer, name, Labels)
            if self._labels is not None:
                self._undo = Snapshot.of(self._labels)
                self._labels.features = {}
        elif self._labels not in self.viewer.layers:
            return  # the user removed it: no more previews
        self._labels = show_labels(
            self.viewer, name, labels, geometry, metadata, layer=self._labels
        )

    def show_result(self, result: Result, source: Source) -> None:
        """Finish the labels, and add the intermediate layers that are wanted."""
        assert result.labels is not None
        assert result.parts is not None
        if self._labels is not None and self._labels not in self.viewer.layers:
            self._labels = None  # the preview was removed, but a result is still wanted
        record = record_of(result, source)
        parts = dataclasses.replace(
            result.parts,
            superpixels=as_many_axes(result.parts.superpixels, source.geometry),
        )
        self._show_labels(result.labels, source, 1, {KEY: record, PARTS_KEY: parts})
        self._labels.features = result.features
        if self._suffix == RESULT:  # a try leaves the layers of the whole image alone
            self._show_intermediates(result, source, record, parts)
        n_segments = len(result.features["index"])
        seconds = sum(result.record["seconds"].values())  # type: ignore[attr-defined]
        self.run_bar.status.setText(f"{n_segments} segments in {seconds:.1f} s")
        self._labels = self._undo = None

    def _show_intermediates(
        self, result: Result, source: Source, record: dict[str, object], parts: Parts
    ) -> None:
        name = source.name
        if self.show_smoothed.isChecked() and result.smoothed is not None:
            rgb = source.axes.endswith("C")
            title, geometry = f"{name} [smoothed]", source.image_geometry
            show_image(self.viewer, title, result.smoothed, rgb, geometry)
        if self.show_superpixels.isChecked() and result.superpixels is not None:
            title = f"{name} [superpixels]"
            layer = layer_to_update(self.viewer, title, Labels)
            show_labels(
                self.viewer,
                title,
                result.superpixels,
                source.geometry,
                {KEY: record},
                layer=layer,
            )
        if self.show_confidence.isChecked():
            margins = np.append(np.nan, parts.margins).astype(np.float32)
            title, geometry = f"{name} [confidence]", source.geometry
            show_image(self.viewer, title, margins[parts.superpixels], False, geometry)

    def take_back(self) -> None:
        """Give the labels of the last run back, or remove the layer of the preview."""
        layer, before = self._labels, self._undo
        self._labels = self._undo = None
        if layer is None or layer not in self.viewer.layers:
            return
        if before is None:
            self.viewer.layers.remove(layer)
        else:
            before.restore(layer)

    def reset(self) -> None:
        """Show the defaults."""
        super().reset()
        chosen = preferences()
        self.given.setCurrentIndex(0)
        self.scribbles.setCurrentIndex(0)
        self.show_confidence.setChecked(False)
        self.preview.setChecked(True)
        self.show_smoothed.setChecked(chosen.show_smoothed)
        self.show_superpixels.setChecked(chosen.show_superpixels)

    # recipes

    def show_record(self, record: dict[str, Any]) -> None:
        """Show the parameters of an earlier run.

        Parameters
        ----------
        record : dict
            Of a layer's metadata.
        """
        stages = record.get("parameters")
        if not isinstance(stages, dict):
            raise InvalidParameterError("record: holds no parameters, expected those of a run")
        values: dict[str, Any] = {}
        for stage in stages.values():
            values |= stage
        self.restore(
            values
            | {
                "device": record["device"]["name"],
                "weights": record["weights"]["name"],
            }
        )
        self.given.setCurrentIndex(0)
        self.scribbles.setCurrentIndex(0)


def _check_box(text: str, tooltip: str, is_checked: bool) -> QCheckBox:
    box = QCheckBox(text)
    box.setToolTip(tooltip)
    box.setChecked(is_checked)
    return box
