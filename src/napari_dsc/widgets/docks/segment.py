"""Dock that segments an image."""

import dataclasses
from typing import Any

from napari.layers import Labels
from napari.viewer import Viewer
from qtpy.QtWidgets import QPushButton, QWidget

from napari_dsc.jobs import job, runs
from napari_dsc.jobs.request import Request
from napari_dsc.jobs.result import Result
from napari_dsc.params import (
    PRESETS,
    ClassParams,
    CutParams,
    ImageParams,
    SuperpixelParams,
    TreeParams,
    default_weights,
)
from napari_dsc.widgets import preferences, tasks
from napari_dsc.widgets.controls import forms, guides, levels, parameters, run_bar
from napari_dsc.widgets.docks.dock import Dock
from napari_dsc.widgets.docks.ways import WAYS
from napari_dsc.widgets.viewer import run_layer
from napari_dsc.widgets.viewer.source import TILES, VIEW, Source, Where

RESULT, TRY = "[DSC]", "[DSC try]"


class Segment(Dock):
    """Dock of *Plugins > Deep Superpixel Cut > Segment*."""

    stage = "segment"
    kinds = (ImageParams, SuperpixelParams, CutParams, TreeParams, ClassParams)
    basic_fields = (
        "superpixels",
        "n_superpixels",
        "n_partitions",
        "result",
        "n_iterations",
        "seed",
        "regions",
        "classes",
        "grain",
    )
    can_keep = True
    whole_axes = "TZ"
    has_tiles = True

    def __init__(self, napari_viewer: Viewer) -> None:
        self.method = forms.combo_box(
            "Cut: classes learned from this image. Class tree: any number of classes, nested, "
            "without training. Tree: connected regions, without training.",
            [(way.title, name) for name, way in WAYS.items()],
        )
        self.guides = guides.Guides()
        self._make_check_boxes()
        self.try_button = QPushButton("Try on view")
        self.plot = run_bar.ConvergencePlot()
        self.levels = levels.LevelBar()
        self._drawn, self._suffix, self._threads = run_layer.RunLayer(napari_viewer), RESULT, 0
        super().__init__(napari_viewer)
        for part in (self.plot, self.levels):
            forms.not_none(self.layout()).addWidget(part)
            part.hide()
        self.levels.message.connect(self.run_bar.status.setText)
        self.image_panel.changed.connect(self.levels.check)
        self.method.currentIndexChanged.connect(self._show_method)
        self._show_method()
        self.run_bar.progressed.connect(self._show_progress)
        self.image_panel.changed.connect(self._show_guides)
        self.try_button.clicked.connect(self.try_on_view)
        self._show_guides()

    def _make_check_boxes(self) -> None:
        self.preview = forms.check_box(
            "Live preview",
            "Update the labels layer while the cut runs (single planes and stacks only).",
            True,
        )
        chosen = preferences.preferences()
        self.show_smoothed = forms.check_box(
            "Show smoothed image", "Add the smoothed image as a layer.", chosen.show_smoothed
        )
        self.show_superpixels = forms.check_box(
            "Show superpixels", "Add the superpixels as a layer.", chosen.show_superpixels
        )
        self.show_confidence = forms.check_box(
            "Show confidence",
            "Add an Image layer of the margin: probability of the best class minus that of the "
            "second.",
            False,
        )

    def fixed_presets(self) -> dict[str, dict[str, Any]]:
        """Presets ``fast`` and ``paper``."""
        return {name: parameters.method_values(name) for name in PRESETS}

    def image_controls(self) -> list[tuple[str, QWidget]]:
        """Button *Try on view*, and the method."""
        self.try_button.setToolTip(
            "Segment the visible part into a separate layer; Where does not change."
        )
        return [("", self.try_button), ("Method", self.method)]

    def extra_controls(self) -> list[tuple[str, QWidget]]:
        """Superpixels of another tool, scribbles, preview and layers to add."""
        shown = (self.show_smoothed, self.show_superpixels, self.show_confidence)
        return [*self.guides.rows(), *(("", box) for box in (self.preview, *shown))]

    def _show_problem(self) -> None:
        super()._show_problem()
        self.try_button.setEnabled(not self.image_panel.problem())

    def _show_guides(self) -> None:
        self.guides.release() if self._is_closed else self.guides.refresh(self.viewer)

    def _show_method(self) -> None:
        """Disable the controls that the method does not use."""
        chosen = self.method.currentData()
        for name, way in WAYS.items():
            self.parameters.enable(way.fields, name == chosen)
        way = WAYS[chosen]
        defaults = {default_weights(name) for name in WAYS}
        if self.compute.weights.currentText() in defaults:
            self.compute.set_weights(default_weights(chosen))
        self.guides.enable(way.takes_guides)
        self.show_confidence.setEnabled(way.has_confidence)
        for control in (self.preview, self.show_smoothed):
            control.setEnabled(way.has_preview)

    def values(self) -> dict[str, Any]:
        """Values of the controls, ready for JSON."""
        return super().values() | {
            "method": self.method.currentData(),
            "preview": self.preview.isChecked(),
        }

    def restore(self, values: dict[str, Any]) -> None:
        """Show values exactly as they are; values that no control takes are ignored."""
        super().restore(values)
        if values.get("method") in WAYS:
            self.method.setCurrentIndex(self.method.findData(values["method"]))
        if "preview" in values:
            self.preview.setChecked(bool(values["preview"]))

    def request(self, source: Source) -> Request:
        """Request of a run with the values of the controls."""
        request = super().request(source)
        settings = request.settings.replace(method=self.method.currentData())
        if not WAYS[settings.method].takes_guides:
            return dataclasses.replace(request, settings=settings)
        default = TreeParams()  # the cut of the tree does not concern this run
        tree_params = dataclasses.replace(
            settings.tree_params, regions=default.regions, threshold=default.threshold
        )
        return dataclasses.replace(
            request,
            settings=settings.replace(tree_params=tree_params),
            preview=self.preview.isEnabled() and self.preview.isChecked(),
            has_confidence=self.show_confidence.isChecked(),
            **self.guides.parts(source),
        )

    # runs

    def try_on_view(self) -> None:
        """Segment the visible part into a separate layer."""
        self.run(Where(VIEW), TRY)

    def run(self, where: Where | None = None, suffix: str = RESULT) -> None:
        """Segment the part chosen under *Where*, or another part, in the background."""
        chosen = where or self.image_panel.where.currentData()
        if self.run_bar.is_running:
            return
        if chosen is not None and chosen.part == TILES:
            self._run_by_tiles()
            return
        self._suffix, self._threads = suffix, preferences.preferences().threads
        self._drawn.begin(suffix)
        self.plot.start(self.parameters.get(CutParams).n_iterations)
        super().run(where)
        if self.run_bar.is_running:
            self.levels.pause(True)
            self.plot.setVisible(self.preview.isEnabled())

    def _run_by_tiles(self) -> None:
        """Ask for a file, and write the labels into it tile by tile."""
        self._drawn.begin(RESULT)
        self.plot.hide()
        with tasks.errors_shown():
            source = self.image_panel.source()
            request = self.request(source)
            path = run_layer.ask_for_pyramid(self, source.name)
            if path is not None:
                self.start(runs.tiles_job, (request, path), 0, source)
                self.levels.pause(True)

    def _show_progress(self, status: job.Status) -> None:
        if self._is_closed or self._source is None:
            return
        if status.iteration:
            self.plot.add(status)
        self._drawn.preview(status, self._source)

    def show_result(self, result: Result | runs.TiledResult, source: Source) -> None:
        """Finish the labels, and add the intermediate layers that the user wants."""
        if isinstance(result, runs.TiledResult):
            run_layer.add_pyramid(self.viewer, result, source, f"{source.name} {RESULT}")
            n_classes = result.record["n_classes"]
            self.run_bar.status.setText(f"{n_classes} classes in {result.path}")
            return
        layer = self._drawn.finish(result, source)
        if self._suffix == RESULT:  # a try does not update the layers of the whole image
            if self.show_smoothed.isChecked() and result.smoothed is not None:
                run_layer.show_smoothed(self.viewer, result, source)
            if self.show_superpixels.isChecked() and result.superpixels is not None:
                run_layer.show_superpixels(self.viewer, result, source)
            if result.confidence is not None:
                run_layer.show_confidence(self.viewer, result, source)
        n_segments = len(result.features["index"])
        notes: list[str] = result.record["notes"]  # type: ignore[assignment]
        words = [f"{n_segments} segments in {self.run_bar.seconds:.1f} s", *notes]
        self.run_bar.status.setText("; ".join(words))
        self._offer_levels(layer, result, source)

    def _offer_levels(self, layer: Labels, result: Result, source: Source) -> None:
        """Offer the regions of a plane; larger trees would be too slow for the slider."""
        shown = (result.levels, result.class_levels, result.grower)
        has_levels = any(one is not None for one in shown)
        if has_levels:
            self.levels.offer(self.viewer, layer, result, source, self._threads)
        else:
            self.levels.release()
        self.levels.setVisible(has_levels)

    def undo_preview(self) -> None:
        """Restore the labels of the last run, or remove the layer of the preview."""
        self._drawn.undo_preview()
        self.levels.pause(False)

    def release(self) -> None:
        """Cancel the run, and release the viewer's layers."""
        super().release()
        if hasattr(self, "levels"):
            self.levels.release()

    def reset(self) -> None:
        """Show the defaults."""
        super().reset()
        chosen = preferences.preferences()
        self.method.setCurrentIndex(0)
        self.guides.reset()
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
            Record in the metadata of a layer.
        """
        self.show_settings(parameters.values_of_record(record))

    def show_settings(self, values: dict[str, Any]) -> None:
        """Show the parameters of a recipe, without superpixels or scribbles of a layer.

        Parameters
        ----------
        values : dict
            From `values_of_record`.
        """
        self.restore(values)
        self.guides.reset()
