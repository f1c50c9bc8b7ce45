"""The dock that segments an image."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from qtpy.QtWidgets import QPushButton, QWidget

from napari_dsc.errors import DSCError
from napari_dsc.jobs.runs import TiledResult, tiles_job
from napari_dsc.params import PRESETS, CutParams, ImageParams, SuperpixelParams, TreeParams
from napari_dsc.widgets.controls.forms import check_box, combo_box, not_none
from napari_dsc.widgets.controls.image_panel import LayerChooser
from napari_dsc.widgets.controls.levels import LevelBar
from napari_dsc.widgets.controls.parameters import values_of_record
from napari_dsc.widgets.controls.plot import ConvergencePlot
from napari_dsc.widgets.controls.presets import method_values
from napari_dsc.widgets.controls.run_bar import notify_error
from napari_dsc.widgets.docks.dock import Dock
from napari_dsc.widgets.preferences import (
    preferences,
)
from napari_dsc.widgets.viewer.intermediates import show_intermediates
from napari_dsc.widgets.viewer.pyramid import add_pyramid, ask_for_pyramid
from napari_dsc.widgets.viewer.run_layer import RunLayer
from napari_dsc.widgets.viewer.source import TILES, VIEW, Where

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_dsc.jobs.job import Status
    from napari_dsc.jobs.result import Request, Result
    from napari_dsc.widgets.viewer.source import Source

RESULT, TRY = "[DSC]", "[DSC try]"
METHODS = {"dsc": "Cut: classes", "tree": "Tree: regions"}


class Segment(Dock):
    """Dock of *Plugins > Deep Superpixel Cut > Segment*."""

    stage = "segment"
    kinds = (ImageParams, SuperpixelParams, CutParams, TreeParams)
    everyday = (
        "superpixels",
        "n_superpixels",
        "n_partitions",
        "result",
        "n_iterations",
        "seed",
        "regions",
    )
    can_keep = True
    whole = "TZ"
    has_tiles = True

    def __init__(self, napari_viewer: Viewer) -> None:
        self.method = combo_box(
            "Classes come from a cut learned on the image, regions without."
        )
        for name, title in METHODS.items():
            self.method.addItem(title, name)
        self.given = LayerChooser()
        self.preview = check_box(
            "Live preview",
            "Show the labels a few times a second while they form; not of all frames at once.",
            True,
        )
        chosen = preferences()
        self.show_smoothed = check_box(
            "Show smoothed image", "Add it as an Image layer.", chosen.show_smoothed
        )
        self.show_superpixels = check_box(
            "Show superpixels", "Add them as a Labels layer.", chosen.show_superpixels
        )
        self.show_confidence = check_box(
            "Show confidence", "Add the margin of each superpixel as an Image layer.", False
        )
        self.scribbles = LayerChooser()
        self.try_button = QPushButton("Try on view")
        self.plot = ConvergencePlot()
        self.levels = LevelBar()
        self._drawn, self._suffix, self._threads = RunLayer(napari_viewer), RESULT, 0
        super().__init__(napari_viewer)
        for part in (self.plot, self.levels):
            not_none(self.layout()).addWidget(part)
            part.hide()
        self.levels.told.connect(self.run_bar.status.setText)
        self.image_panel.changed.connect(self.levels.check)
        self.method.currentIndexChanged.connect(self._show_method)
        self._show_method()
        self.run_bar.progressed.connect(self._show_progress)
        self.image_panel.changed.connect(self._show_given)
        self.try_button.clicked.connect(self.try_on_view)
        self._show_given()

    def fixed_presets(self) -> dict[str, dict[str, Any]]:
        """Those of the method."""
        return {name: method_values(name) for name in PRESETS}

    def image_controls(self) -> list[tuple[str, QWidget]]:
        """A button for a first try, and the method."""
        self.try_button.setToolTip(
            "Run on what the window shows, into a layer of its own; Where stays as it is."
        )
        return [("", self.try_button), ("Method", self.method)]

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

    def _show_method(self) -> None:
        """Disable what does not matter for the method."""
        is_tree = self.method.currentData() == "tree"
        for kind in (SuperpixelParams, CutParams):
            self.parameters.enable(kind, not is_tree)
        for name in ("regions", "threshold"):
            self.parameters.controls[name].enabled = is_tree
        for control in (self.given, self.scribbles, self.preview):
            control.setEnabled(not is_tree)
        for control in (self.show_smoothed, self.show_confidence):
            control.setEnabled(not is_tree)

    def values(self) -> dict[str, Any]:
        """Values of the controls, ready for JSON."""
        return super().values() | {
            "method": self.method.currentData(),
            "preview": self.preview.isChecked(),
        }

    def restore(self, values: dict[str, Any]) -> None:
        """Show values; those that no longer fit are passed over."""
        super().restore(values)
        if values.get("method") in METHODS:
            self.method.setCurrentIndex(self.method.findData(values["method"]))
        if "preview" in values:
            self.preview.setChecked(bool(values["preview"]))

    def request(self, source: Source) -> Request:
        """Copy what a run needs out of the controls."""
        request = super().request(source)
        settings = request.settings.replace(method=self.method.currentData())
        if settings.method == "tree":
            return dataclasses.replace(request, settings=settings)
        given, scribbles = self.given.currentData(), self.scribbles.currentData()
        default = TreeParams()  # the cut of the tree does not concern this run
        tree_params = dataclasses.replace(
            settings.tree_params, regions=default.regions, threshold=default.threshold
        )
        return dataclasses.replace(
            request,
            settings=settings.replace(tree_params=tree_params),
            preview=self.preview.isChecked(),
            has_confidence=self.show_confidence.isChecked(),
            superpixels=None if given is None else source.part_of(given, "superpixels"),
            scribbles=None if scribbles is None else source.part_of(scribbles, "scribbles"),
        )

    # while it runs

    def try_on_view(self) -> None:
        """Segment what the window shows, into a layer of its own."""
        self.run(Where(VIEW), TRY)

    def run(self, where: Where | None = None, suffix: str = RESULT) -> None:
        """Segment in the background; the part chosen under Where, or another one."""
        chosen = where or self.image_panel.where.currentData()
        if self.run_bar.is_running:
            return
        if chosen is not None and chosen.part == TILES:
            self._run_by_tiles()
            return
        self._suffix, self._threads = suffix, preferences().threads
        self._drawn.begin(suffix)
        self.plot.start(self.parameters.controls["n_iterations"].value)
        super().run(where)
        if self.run_bar.is_running:
            self.levels.pause(True)
            self.plot.setVisible(self.method.currentData() == "dsc")

    def _run_by_tiles(self) -> None:
        """Ask for a file, and segment into it."""
        self._drawn.begin(RESULT)
        self.plot.hide()
        try:
            source = self.image_panel.source()
            request = self.request(source)
        except DSCError as error:
            notify_error(str(error), "")
            return
        path = ask_for_pyramid(self, source.name)
        if path is not None:
            self.start(tiles_job, (request, path), 0, source)
            self.levels.pause(True)

    def _show_progress(self, told: Status) -> None:
        if self._is_closed or self._source is None:
            return
        if told.iteration:
            self.plot.add(told)
        self._drawn.preview(told, self._source)

    def show_result(self, result: Result | TiledResult, source: Source) -> None:
        """Finish the labels, and add the intermediate layers that are wanted."""
        if isinstance(result, TiledResult):
            add_pyramid(self.viewer, result, source, f"{source.name} {RESULT}")
            self.run_bar.status.setText(
                f"{result.record['n_classes']} classes in {result.path}"
            )
            return
        layer = self._drawn.finish(result, source)
        if self._suffix == RESULT:  # a try leaves the layers of the whole image alone
            wanted = self.show_smoothed.isChecked(), self.show_superpixels.isChecked()
            show_intermediates(self.viewer, result, source, *wanted)
        n_segments = len(result.features["index"])
        seconds = sum(result.record["seconds"].values())  # type: ignore[attr-defined]
        notes: list[str] = result.record["notes"]  # type: ignore[assignment]
        told = [f"{n_segments} segments in {seconds:.1f} s", *notes]
        self.run_bar.status.setText("; ".join(told))
        self._offer_levels(layer, result, source)

    def _offer_levels(self, layer: Labels, result: Result, source: Source) -> None:
        """Offer the regions of a plane; those of more would stop the window when they move."""
        has_levels = result.levels is not None or result.grower is not None
        if has_levels:
            self.levels.offer(self.viewer, layer, result, source, self._threads)
        else:
            self.levels.let_go()
        self.levels.setVisible(has_levels)

    def take_back(self) -> None:
        """Give the labels of the last run back, or remove the layer of the preview."""
        self._drawn.take_back()
        self.levels.pause(False)

    def let_go(self) -> None:
        """End the run and forget the viewer."""
        super().let_go()
        if hasattr(self, "levels"):
            self.levels.let_go()

    def reset(self) -> None:
        """Show the defaults."""
        super().reset()
        chosen = preferences()
        self.method.setCurrentIndex(0)
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
        self.restore(values_of_record(record))
        self.given.setCurrentIndex(0)
        self.scribbles.setCurrentIndex(0)
