"""The dock that compares two label images."""

from __future__ import annotations

from napari.layers import Labels
from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout

from napari_dsc.layers import level_array
from napari_dsc.widgets._analysis import score_job
from napari_dsc.widgets._closing import ClosingWidget
from napari_dsc.widgets._image_panel import LayerChooser, follow_layers, unfollow_layers
from napari_dsc.widgets._parameters import form_layout
from napari_dsc.widgets._run_bar import RunBar

HELP = {
    "Segmentation covering": "Overlap of the best matching segments, 0 to 1; 1 is equal.",
    "Probabilistic Rand index": "Share of pixel pairs that both treat alike; 1 is equal.",
    "Variation of information": "Information the two do not share, in bits; 0 is equal.",
}


class Evaluate(ClosingWidget):
    """Dock of *Plugins > Deep Superpixel Cut > Evaluate*."""

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:  # noqa: F821, UP037
        super().__init__()
        self.viewer = napari_viewer
        self._scored: object = None
        self._sentence = ""
        self.result, self.truth = LayerChooser(), LayerChooser()
        self.result.setToolTip("The segmentation to score.")
        self.truth.setToolTip("The segmentation to score it against, of the same shape.")
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels(["Measure", "Score"])
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.run_bar = RunBar(can_keep=False)
        form = form_layout()
        form.addRow("Result", self.result)
        form.addRow("Truth", self.truth)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.run_bar)
        layout.addWidget(self.table)
        self.run_bar.asked.connect(self.run)
        self.run_bar.succeeded.connect(self._show_scores)
        for box in (self.result, self.truth):
            box.currentIndexChanged.connect(self._show_problem)
        follow_layers(napari_viewer, self.refresh)
        self.refresh()

    def refresh(self, event: object = None) -> None:
        """Show the label layers as they are now."""
        labels = [layer for layer in self.viewer.layers if isinstance(layer, Labels)]
        active = self.viewer.layers.selection.active
        self.result.refresh(labels, active)
        self.truth.refresh(labels, active)
        others = [one for one in labels if one != self.result.currentData()]
        if others and self.truth.currentData() not in others:
            self.truth.choose(others[0])
        self._show_problem()

    def _show_problem(self) -> None:
        pair = (self.result.currentData(), self.truth.currentData())
        if pair != self._scored:
            self.table.setRowCount(0)
        self.run_bar.block(self._problem())

    def _problem(self) -> str:
        result, truth = self.result.currentData(), self.truth.currentData()
        if result is None or truth is None or result == truth:
            return "Choose two label layers."
        shapes = [tuple(level_array(layer).shape) for layer in (result, truth)]
        if shapes[0] != shapes[1]:
            return f"The layers have shapes {shapes[0]} and {shapes[1]}, expected equal ones."
        return ""

    def run(self) -> None:
        """Score in the background."""
        if self.run_bar.is_running or self._problem():
            return
        result, truth = self.result.currentData(), self.truth.currentData()
        names = {"result": result.name, "truth": truth.name}
        self._scored, self._sentence = (result, truth), f"{result.name} against {truth.name}"
        self.table.setRowCount(0)
        self.run_bar.start(score_job, (level_array(result), level_array(truth)), 0, names)

    def _show_scores(self, scores: dict[str, float]) -> None:
        if self._scored != (self.result.currentData(), self.truth.currentData()):
            return  # other layers were chosen meanwhile
        self.run_bar.status.setText(self._sentence)
        self.table.setRowCount(len(scores))
        for row, (name, score) in enumerate(scores.items()):
            for column, text in enumerate((name, f"{score:.4f}")):
                item = QTableWidgetItem(text)
                item.setToolTip(HELP[name])
                self.table.setItem(row, column, item)

    def let_go(self) -> None:
        """End the run and forget the viewer."""
        self.run_bar.cancel()
        self._scored = None
        unfollow_layers(self.viewer, self.refresh)
        for box in (self.result, self.truth):
            box.clear()
