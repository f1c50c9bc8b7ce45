"""Base of the docks that read an image."""

from dataclasses import replace
from typing import Any, ClassVar

from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_dsc.jobs import machine, runs
from napari_dsc.jobs.request import Request
from napari_dsc.jobs.result import Result
from napari_dsc.params import Params
from napari_dsc.records.recipes import KEYWORDS, STAGES
from napari_dsc.segmenting.settings import Settings
from napari_dsc.widgets import preferences, tasks
from napari_dsc.widgets.controls import compute_panel, forms, image_panel, parameters, run_bar
from napari_dsc.widgets.viewer.source import Source, Where

# pixels around a dock: with Qt's own 10, the scroll bar would cover controls at a width of 300
NARROW = 5


class VerticalScroll(QScrollArea):
    """Scroll area for vertical scrolling, never narrower than its content."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self._content = content
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def minimumSizeHint(self) -> QSize:
        """Width of the content, the scroll bar and the frame."""
        width = self._content.minimumSizeHint().width()
        bar = forms.not_none(self.verticalScrollBar()).sizeHint().width()
        edges = self.contentsMargins()  # napari's style sheet draws a frame
        width += edges.left() + edges.right()
        return QSize(width + bar, super().minimumSizeHint().height())

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Update the size after a change of the content."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return bool(super().eventFilter(watched, event))


class Dock(forms.ClosingWidget):
    """Base of the docks with a run: image, parameters, device, weights and run bar.

    Parameters
    ----------
    napari_viewer : napari Viewer
        Viewer of the dock.

    Attributes
    ----------
    stage : str
        Stage that a run computes: ``smooth``, ``superpixels`` or ``segment``.
    kinds : tuple of type
        Parameter classes of the stage.
    basic_fields : tuple of str
        Parameters that are shown outside *Advanced*.
    can_keep : bool
        Whether a running job can be ended with its present result.
    whole_axes : str
        Axes among ``Z`` and ``T`` that can be segmented as a whole.
    has_tiles : bool
        Whether an image can be segmented by tiles into a file.
    """

    stage: ClassVar[str]
    kinds: ClassVar[tuple[type[Params], ...]]
    basic_fields: ClassVar[tuple[str, ...]]
    can_keep: ClassVar[bool] = False
    whole_axes: ClassVar[str]
    has_tiles: ClassVar[bool] = False

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.image_panel = image_panel.ImagePanel(
            napari_viewer, self.whole_axes, has_tiles=self.has_tiles
        )
        self.parameters = parameters.ParameterControls(self.kinds)
        self.compute = compute_panel.ComputePanel(preferences.preferences().device)
        self.run_bar = run_bar.RunBar(can_keep=self.can_keep)
        self.reset_button = forms.push_button("Reset", "Set all values to the defaults.")
        self.presets = parameters.Presets(self.stage, self.values, self.fixed_presets())
        self.advanced = QCollapsible("Advanced")
        self._source: Source | None = None
        self._is_closed = False
        self._lay_out()
        self.image_panel.changed.connect(self._show_problem)
        self.run_bar.run_pressed.connect(lambda: self.run())
        self.run_bar.succeeded.connect(self._succeed)
        self.run_bar.ended.connect(self._end)
        self.reset_button.clicked.connect(self.reset)
        self.presets.chosen.connect(self.restore)
        self.restore(preferences.last_values(self.stage))
        self._show_problem()

    def _lay_out(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        form = forms.form_layout()
        self.image_panel.add_to(form)
        for label, control in self.image_controls():
            form.addRow(label, control)
        self.parameters.add_to(form, self.basic_fields)
        self.compute.add_to(form)
        column.addLayout(form)
        column.addWidget(self._fill_advanced())
        column.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(NARROW, NARROW, NARROW, NARROW)
        layout.addWidget(VerticalScroll(content), 1)
        layout.addWidget(self.run_bar)

    def _fill_advanced(self) -> QCollapsible:
        content = QWidget()
        form = forms.form_layout(content)
        self.parameters.add_to(
            form, [name for name in self.parameters.controls if name not in self.basic_fields]
        )
        for label, control in self.extra_controls():
            if label:
                form.addRow(label, control)
            else:
                form.addRow(control)
        form.addRow("Preset", self.presets.names)
        form.addRow(forms.row_of(self.presets.save, self.presets.delete))
        form.addRow(forms.row_of(self.reset_button))
        self.advanced.addWidget(content)
        self.advanced.setCollapsedIcon("\u25b8")
        self.advanced.setExpandedIcon("\u25be")
        self.advanced.collapse(animate=False)
        return self.advanced

    def fixed_presets(self) -> dict[str, dict[str, Any]]:
        """Presets of the package for this dock."""
        return {}

    def image_controls(self) -> list[tuple[str, QWidget]]:
        """Controls below the choice of the image, with their labels."""
        return []

    def extra_controls(self) -> list[tuple[str, QWidget]]:
        """Controls under *Advanced*, with their labels."""
        return []

    # values of the controls

    def values(self) -> dict[str, Any]:
        """Values of the controls, ready for JSON."""
        return self.parameters.values() | {
            "device": self.compute.device.currentText(),
            "weights": self.compute.weights.currentText(),
        }

    def restore(self, values: dict[str, Any]) -> None:
        """Show values exactly as they are; values that no parameter takes are ignored."""
        for name, value in values.items():
            try:
                self.parameters.set({name: value})
            except (ValueError, TypeError):
                continue
        if "device" in values:
            self.compute.set_device(str(values["device"]))
        if "weights" in values:
            self.compute.set_weights(str(values["weights"]))

    def reset(self) -> None:
        """Show the defaults."""
        self.parameters.reset()
        self.compute.set_device(preferences.preferences().device)
        self.compute.set_weights(compute_panel.DEFAULT_WEIGHTS)

    def _show_problem(self) -> None:
        self.run_bar.block(self.image_panel.problem())

    # running

    def request(self, source: Source) -> Request:
        """Request of a run with the values of the controls."""
        names = {kind: KEYWORDS[stage] for stage, kind in STAGES.items()}
        params: dict[str, Any] = {names[kind]: self.parameters.get(kind) for kind in self.kinds}
        return Request(
            stage=self.stage,
            array=source.array,
            index=source.index,
            axes=source.axes,
            spacing=source.spacing,
            unit=source.unit,
            translation=source.translation,
            mask=source.mask,
            settings=Settings(
                weights=self.compute.weights.currentText(),
                device=self.compute.device.currentText(),
                **params,
            ),
            n_threads=preferences.preferences().threads,
        )

    def run(self, where: Where | None = None) -> None:
        """Compute in the background, unless a run is going.

        ``where`` is the part to read in place of the chosen one.
        """
        if self.run_bar.is_running:
            return
        with tasks.errors_shown():
            source = self.image_panel.source(where)
            request = self.request(source)
            problem = machine.memory_problem(
                request, source.sizes, preferences.preferences().memory_share
            )
            if problem:
                self.run_bar.status.setText(problem)
            else:
                self.start(runs.run_job, request, n_steps_of(request, source), source)

    def start(self, job: Any, asked: Any, n_steps: int, source: Source) -> None:
        """Start a job, and keep the source, which places its result."""
        preferences.apply_weights_preferences(preferences.preferences())
        preferences.remember_values(self.stage, self.values())
        self._source = replace(source, array=None)
        self.run_bar.start(job, asked, n_steps, self.values())

    def _succeed(self, result: Result) -> None:
        if not self._is_closed and self._source is not None:
            self.show_result(result, self._source)

    def _end(self) -> None:
        self._source = None
        if not self._is_closed:
            self.undo_preview()
            self._show_problem()

    def undo_preview(self) -> None:
        """Undo the changes of a run without a result."""

    def show_result(self, result: Result, source: Source) -> None:
        """Add the result of a run to the viewer."""
        raise NotImplementedError

    def release(self) -> None:
        """Cancel the run, and release the viewer's layers."""
        if self._is_closed or not hasattr(self, "run_bar"):
            return
        self._is_closed = True
        self.run_bar.cancel()
        self.undo_preview()
        self.compute.survey.cancel()
        self.image_panel.release()


def n_steps_of(request: Request, source: Source) -> int:
    """Total number of iterations of the cut, 0 without a cut."""
    if request.stage != "segment" or request.settings.method != "dsc":
        return 0
    n_images = 1
    if request.settings.cut_params.series == "apart":
        n_images = source.sizes.get("T", source.sizes.get("Z", 1))
    return request.settings.cut_params.n_iterations * n_images
