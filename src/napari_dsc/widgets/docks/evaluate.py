"""Dock that compares two label images."""

import itertools

import numpy as np
from napari.layers import Labels
from napari.utils import DirectLabelColormap
from napari.viewer import Viewer
from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout

from napari_dsc.jobs import analysis
from napari_dsc.layers import geometry_of, level_array
from napari_dsc.widgets.controls import forms, image_panel, run_bar
from napari_dsc.widgets.viewer.output import KEY, layer_to_update, show_labels

PLACE = ("scale", "translate", "rotate", "shear", "affine")
# magenta, because the usual color of label 1 is also that of the first segment
ERROR_COLORS = {None: "transparent", 0: "transparent", 1: "magenta"}
EDITS = ("data", "paint", "labels_update")
ZEROS = {
    "a region like all others": "region",
    "background of objects": "background",
    "unlabeled": "unlabeled",
}


class Evaluate(forms.ClosingWidget):
    """Dock of *Plugins > Deep Superpixel Cut > Evaluate*."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self._scored: object = None
        self._sentence = ""
        self._followed: tuple[Labels, ...] = ()
        self.result = image_panel.LayerChooser("Labels layer to score.")
        self.truth = image_panel.LayerChooser(
            "Labels layer of the true segmentation, of the same shape."
        )
        self.zero = forms.combo_box(
            "Meaning of 0 in the truth; with a background, Dice and AP50 are computed too.",
            ZEROS.items(),
        )
        self.errors = forms.check_box(
            "Show errors", "Add a layer of the pixels where result and truth disagree.", True
        )
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels(["Measure", "Score"])
        header = forms.not_none(self.table.horizontalHeader())
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        forms.not_none(self.table.verticalHeader()).hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.run_bar = run_bar.RunBar(can_keep=False)
        form = forms.form_layout()
        form.addRow("Result", self.result)
        form.addRow("Truth", self.truth)
        form.addRow("0 is", self.zero)
        form.addRow("", self.errors)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.run_bar)
        layout.addWidget(self.table)
        self.run_bar.run_pressed.connect(self.run)
        self.run_bar.succeeded.connect(self._show_scores)
        for box in (self.result, self.truth, self.zero):
            box.currentIndexChanged.connect(self._show_problem)
        image_panel.follow_layers(napari_viewer, self.refresh)
        self.refresh()

    def refresh(self, event: object = None) -> None:
        """Update the choosers from the viewer's layers."""
        labels = [layer for layer in self.viewer.layers if isinstance(layer, Labels)]
        active = self.viewer.layers.selection.active
        self.result.refresh(labels, active)
        self.truth.refresh(labels, active)
        others = [one for one in labels if one != self.result.currentData()]
        if others and self.truth.currentData() not in others:
            self.truth.choose(others[0])
        self._show_problem()

    def _show_problem(self) -> None:
        if self._asked() != self._scored:
            self.table.setRowCount(0)
        self.run_bar.block(self._problem())

    def _asked(self) -> tuple[object, ...]:
        return tuple(box.currentData() for box in (self.result, self.truth, self.zero))

    def _problem(self) -> str:
        result, truth = self.result.currentData(), self.truth.currentData()
        if result is None or truth is None or result == truth:
            return "Choose two different Labels layers."
        shapes = [tuple(level_array(layer).shape) for layer in (result, truth)]
        if shapes[0] != shapes[1]:
            return f"The layers have shapes {shapes[0]} and {shapes[1]}; choose equal ones."
        return ""

    def run(self) -> None:
        """Score in the background."""
        if self.run_bar.is_running or self._problem():
            return
        result, truth = self.result.currentData(), self.truth.currentData()
        zero = self.zero.currentData()
        names = {"result": result.name, "truth": truth.name, "zero": zero}
        self._scored, self._sentence = self._asked(), f"{result.name} against {truth.name}"
        self.table.setRowCount(0)
        self._follow((result, truth))
        asked = (level_array(result), level_array(truth), zero)
        self.run_bar.start(analysis.score_job, asked, 0, names)

    def _follow(self, layers: tuple[Labels, ...]) -> None:
        """Follow edits of these layers only."""
        for layer, name in itertools.product(self._followed, EDITS):
            getattr(layer.events, name).disconnect(self._drop_scores)
        self._followed = layers
        for layer, name in itertools.product(layers, EDITS):
            getattr(layer.events, name).connect(self._drop_scores)

    def _drop_scores(self, event: object = None) -> None:
        """Drop scores of layers that were edited since."""
        self._follow(())
        self._scored = None
        self.table.setRowCount(0)
        self.run_bar.status.setText("The layers have changed; run again.")

    def _show_scores(self, found: analysis.Scored) -> None:
        if self._scored != self._asked():  # layers were edited or others chosen during the run
            self.run_bar.status.setText("The layers have changed; run again.")
            return
        from napari_dsc.evaluation.measures import MEASURES

        scores = found.scores
        is_same = self._have_same_place()
        where = "" if is_same else " (pixel by pixel, the layers are at different places)"
        self.run_bar.status.setText(
            f"{self._sentence}: {found.share:.1%} of pixels disagree{where}"
        )
        measures = [(MEASURES[name], scores[name]) for name in MEASURES if name in scores]
        self.table.setRowCount(len(measures))
        for row, (measure, score) in enumerate(measures):
            for column, text in enumerate((measure.title, f"{score:.4f}")):
                item = QTableWidgetItem(text)
                item.setToolTip(measure.meaning)
                self.table.setItem(row, column, item)
        if self.errors.isChecked():
            self._show_errors(found.errors)

    def _have_same_place(self) -> bool:
        """Whether both layers have the same place in the world."""
        result, truth = (geometry_of(box.currentData()) for box in (self.result, self.truth))
        return all(np.allclose(getattr(result, one), getattr(truth, one)) for one in PLACE)

    def _show_errors(self, errors: np.ndarray) -> None:
        """Show the errors in a layer at the place of the result."""
        result = self.result.currentData()
        name, geometry = f"{result.name} [errors]", geometry_of(result)
        layer = layer_to_update(self.viewer, name, Labels)
        if layer in (result, self.truth.currentData()):
            layer = None  # a compared layer is never overwritten
        shown = show_labels(self.viewer, name, errors, geometry, {KEY: {}}, layer=layer)
        shown.colormap = DirectLabelColormap(color_dict=ERROR_COLORS)

    def release(self) -> None:
        """Cancel the run, and release the viewer's layers."""
        self.run_bar.cancel()
        self._scored = None
        self._follow(())
        image_panel.follow_layers(self.viewer, self.refresh, ends=True)
        for box in (self.result, self.truth):
            box.clear()
