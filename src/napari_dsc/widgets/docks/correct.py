"""Dock that corrects a segmentation superpixel by superpixel."""

from pathlib import Path

import numpy as np
from napari.layers import Labels
from napari.utils.notifications import show_info
from napari.viewer import Viewer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog, QLabel, QVBoxLayout

from napari_dsc.correction.parts import Parts
from napari_dsc.correction.sessions import SUFFIX, Session
from napari_dsc.errors import DSCError
from napari_dsc.jobs.analysis import save_job, split_by_seeds_job
from napari_dsc.layers import PARTS_KEY, geometry_of, level_array
from napari_dsc.widgets.controls import correcting, forms, image_panel
from napari_dsc.widgets.tasks import in_background
from napari_dsc.widgets.viewer.editor import RULES, Editor
from napari_dsc.widgets.viewer.output import KEY, columns_of
from napari_dsc.widgets.viewer.shapes import Outline, drawn_shapes

OWN = "its own run"


class Correct(forms.ClosingWidget):
    """Dock of *Plugins > Deep Superpixel Cut > Correct*."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        button = forms.push_button
        self.viewer = napari_viewer
        self.editor: Editor | None = None
        self.preparation = correcting.Preparation(napari_viewer)
        self.outline = Outline(napari_viewer)
        self.labels, self.pin = _chooser("Labels layer to correct."), image_panel.pin_box()
        self.superpixels = _chooser(
            "Superpixels of the run that made the labels, or of another Labels layer."
        )
        self.rule = forms.combo_box(
            "Effect of a stroke of the brush, the polygon or the bucket.", RULES.items()
        )
        for index, words in enumerate(RULES.values()):
            self.rule.setItemData(index, words, Qt.ItemDataRole.ToolTipRole)
        self.shapes = _chooser("Shapes layer to apply as one stroke.")
        self.apply = button("Apply", "Apply the stroke to superpixels under the shapes.")
        self.scribbles = _chooser("Labels layer of scribbles: one label for each new segment.")
        self.new_scribbles = button("New", "Add an empty layer to draw scribbles on.")
        self.split = button("Split", "Divide each segment that has scribbles of two labels.")
        self.number = correcting.NumberSlider()
        self.uncertain = correcting.UncertainList()
        self.next = button("Next uncertain", "Show the next superpixel of the list.")
        self.save = button("Save...", "Write labels, superpixels and record to one file.")
        self.status = QLabel()
        self.status.setWordWrap(True)
        self._lay_out()
        self._connect()
        image_panel.follow_layers(napari_viewer, self.refresh)
        napari_viewer.layers.selection.events.active.connect(self._follow_selection)
        self.refresh()

    def _lay_out(self) -> None:
        form = forms.form_layout()
        form.addRow("Labels", forms.row_of(self.labels, self.pin))
        form.addRow("Superpixels", self.superpixels)
        form.addRow("A stroke", self.rule)
        form.addRow("Shapes", forms.row_of(self.shapes, self.apply))
        form.addRow("Scribbles", forms.row_of(self.scribbles, self.new_scribbles, self.split))
        form.addRow("Segments", self.number.slider)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.uncertain, 1)
        layout.addLayout(forms.row_of(self.next, self.save))
        layout.addWidget(self.status)

    def _connect(self) -> None:
        self.labels.currentIndexChanged.connect(self._choose)
        self.superpixels.currentIndexChanged.connect(self._choose)
        self.preparation.ready.connect(self._start_editing)
        self.preparation.blocked.connect(self._stop_editing)
        self.rule.currentTextChanged.connect(self._set_rule)
        self.apply.clicked.connect(self.apply_shapes)
        self.new_scribbles.clicked.connect(self.add_scribbles)
        self.split.clicked.connect(self.split_by_scribbles)
        self.uncertain.chosen.connect(self._show_superpixel)
        self.next.clicked.connect(self.uncertain.next)
        self.save.clicked.connect(self.save_session)

    # layers

    def refresh(self, event: object = None) -> None:
        """Update the choosers from the viewer's layers."""
        layers = list(self.viewer.layers)
        labels = [layer for layer in layers if isinstance(layer, Labels)]
        made = [layer for layer in labels if PARTS_KEY in layer.metadata]
        active = self.viewer.layers.selection.active
        preferred = active if active in labels else (made or labels or [None])[-1]
        self.labels.refresh(labels, preferred)
        self.superpixels.refresh(labels, None, first=OWN)
        self.scribbles.refresh(labels, None, first="none")
        self.shapes.refresh(drawn_shapes(layers), None, first="none")
        self._choose()

    def _follow_selection(self, event: object = None) -> None:
        """Correct the selected layer, unless it is one to draw or look at."""
        active = self.viewer.layers.selection.active
        others = (self.superpixels.currentData(), self.scribbles.currentData())
        if active is None or active in others or self.pin.isChecked():
            return
        if PARTS_KEY in active.metadata or self.superpixels.currentData() is not None:
            self.labels.choose(active)

    def _choose(self, *_: object) -> None:
        self.preparation.choose(self.labels.currentData(), self.superpixels.currentData())

    def _start_editing(self, layer: Labels, parts: Parts) -> None:
        self.editor = Editor(self.viewer, layer, parts, self._is_shown)
        self.editor.set_rule(self.rule.currentText())
        self.editor.changed.connect(self._show_state)
        self.editor.message.connect(self.status.setText)
        self.number.attach(self.editor)
        self.uncertain.show_parts(parts)
        self._show_state()

    def _is_shown(self) -> bool:
        """Whether dock and frame are visible."""
        frame = self.parentWidget()
        return not self.isHidden() and frame is not None and not frame.isHidden()

    def _stop_editing(self, reason: str) -> None:
        self.number.attach(None)
        self.outline.hide()
        if self.editor is not None:
            self.editor.release()
        self.editor = None
        self.uncertain.clear()
        self.status.setText(reason)
        self._enable()

    def _enable(self) -> None:
        controls = (self.rule, self.apply, self.split, self.number.slider, self.next, self.save)
        for control in controls:
            control.setEnabled(self.editor is not None)

    def _show_state(self) -> None:
        """Show the number of segments in slider and status line."""
        if self.editor is None:
            return
        self._enable()
        number, most = self.number.show_state()
        self.status.setText(
            f"{number} segments of {most} superpixels. Select {self.editor.layer.name} and "
            "paint on it."
        )

    def _set_rule(self, rule: str) -> None:
        if self.editor is not None:
            self.editor.set_rule(rule)

    # edits without a stroke

    def apply_shapes(self) -> None:
        """Apply the rule to the superpixels under the shapes."""
        shapes = self.shapes.currentData()
        if self.editor is None or shapes is None:
            self.status.setText("Draw on a Shapes layer and choose it under Shapes.")
            return
        try:
            chosen = self.editor.superpixels_under(shapes)
        except DSCError as error:
            self.status.setText(str(error))
        else:
            self.editor.edit(chosen, int(self.editor.layer.selected_label))

    def add_scribbles(self) -> None:
        """Add an empty layer of scribbles, and select it."""
        layer = self.labels.currentData()
        if layer is not None:
            options = geometry_of(layer).options() | {"name": f"{layer.name} [scribbles]"}
            empty = np.zeros(level_array(layer).shape, np.uint8)
            added = self.viewer.add_labels(empty, **options)
            self.scribbles.choose(added)
            added.mode = "paint"

    def split_by_scribbles(self) -> None:
        """Divide segments by scribbles."""
        scribbles = self.scribbles.currentData()
        if self.editor is None or scribbles is None:
            self.status.setText("Draw on a Labels layer and choose it under Scribbles.")
            return
        drawn, expected = level_array(scribbles), self.editor.layer.data.shape
        if tuple(drawn.shape) != expected:
            self.status.setText(
                f"The scribbles have shape {tuple(drawn.shape)}, the labels {expected}; choose "
                "layers of equal shape."
            )
            return
        self.number.commit()
        editor, before = self.editor, self.editor.labels()

        def show(labels: np.ndarray) -> None:
            if editor is not self.editor:
                return
            if np.array_equal(labels, before):
                self.status.setText(
                    "No segment has scribbles of two labels; nothing was changed."
                )
            elif np.array_equal(editor.labels(), before):
                editor.write(labels, np.zeros(0, int))
                self.viewer.layers.selection.active = editor.layer  # Ctrl+Z is for it
            else:
                self.status.setText("The labels have changed meanwhile; press Split again.")

        in_background(split_by_seeds_job, (before, drawn, editor.parts), show)

    def _show_superpixel(self, part: int) -> None:
        """Outline a superpixel, and move the view to it."""
        if self.editor is not None:
            center = self.editor.parts.center(part)
            self.outline.show(self.editor.layer, self.editor.parts.superpixels, center)
            correcting.center_view(self.viewer, self.editor.layer, center)

    # sessions

    def save_session(self) -> None:
        """Ask for a file, and write the session to it."""
        if self.editor is None:
            return
        layer = self.editor.layer
        proposal = f"{layer.name.replace('/', '_')}{SUFFIX}"
        parent = QApplication.activeWindow()
        path, _ = QFileDialog.getSaveFileName(parent, "Save session", proposal, f"*{SUFFIX}")
        if not path:
            return
        if not path.endswith(SUFFIX):
            path = f"{path}{SUFFIX}"
            if Path(path).exists():  # the dialog did not ask about this name
                self.status.setText(f"{path} exists; select this file to replace it.")
                return
        self.number.commit()
        record = dict(layer.metadata.get(KEY, {}))
        place = geometry_of(layer).options()
        self.editor.update_table()
        session = Session(
            layer.name,
            layer.data.copy(),
            self.editor.parts,
            record,
            place,
            columns_of(layer),
        )
        in_background(save_job, (Path(path), session), lambda _: show_info(f"Saved {path}."))

    def release(self) -> None:
        """Stop editing, and release the viewer's layers."""
        image_panel.follow_layers(self.viewer, self.refresh, ends=True)
        self.viewer.layers.selection.events.active.disconnect(self._follow_selection)
        self.preparation.choose(None, None)
        for box in (self.labels, self.superpixels, self.shapes, self.scribbles):
            box.blockSignals(True)
            box.clear()


def _chooser(tooltip: str) -> image_panel.LayerChooser:
    box = image_panel.LayerChooser(tooltip)
    box.setSizePolicy(forms.combo_box("").sizePolicy())
    box.setMinimumWidth(forms.MIN_WIDTH // 2)
    return box
