"""Superpixels of chosen layers, made ready in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_dsc.jobs.analysis import parts_job
from napari_dsc.layers import PARTS_KEY
from napari_dsc.widgets.tasks import in_background
from napari_dsc.widgets.viewer.measured import measured_image
from napari_dsc.widgets.viewer.output import KEY, RUNNING

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer

    from napari_dsc.correction.parts import Parts


class Preparation(QObject):
    """Prepares the superpixels of two chosen layers whenever their arrays change.

    Parameters
    ----------
    viewer : napari Viewer
        Holds the layers.

    Attributes
    ----------
    ready : Signal of (layer, parts)
        The labels can be edited.
    blocked : Signal of str
        The labels cannot be edited; carries the reason.
    """

    ready = Signal(object, object)
    blocked = Signal(str)

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._chosen: tuple[Labels | None, Labels | None] = (None, None)
        self._prepared: tuple[object, ...] | None = None
        self._task: Any = None

    def choose(self, labels: Labels | None, superpixels: Labels | None) -> None:
        """Prepare two layers; without a layer of superpixels, those of the run are taken."""
        for layer in filter(None, self._chosen):
            layer.events.data.disconnect(self._look)
        self._chosen = (labels, superpixels)
        for layer in filter(None, self._chosen):
            layer.events.data.connect(self._look)
        self._look()

    def _look(self, event: object = None) -> None:
        """Prepare the chosen layers unless they are prepared."""
        problem = self._problem()
        wanted = None if problem else (*self._chosen, self._superpixels())
        if wanted is not None and self._is_prepared(wanted):
            return
        if self._task is not None:
            self._task.cancel()
        self._prepared, self._task = wanted, None
        self.blocked.emit(problem or "Preparing the superpixels...")
        if wanted is not None:
            self._start(wanted)

    def _is_prepared(self, wanted: tuple[object, ...]) -> bool:
        before = self._prepared
        return before is not None and before[:2] == wanted[:2] and before[2] is wanted[2]

    def _superpixels(self) -> Parts | np.ndarray:
        labels, other = self._chosen
        assert labels is not None
        found: Parts | np.ndarray = labels.metadata[PARTS_KEY] if other is None else other.data
        return found

    def _start(self, wanted: tuple[Any, ...]) -> None:
        layer, _, superpixels = wanted

        def show(parts: Parts) -> None:
            if self._prepared is wanted and layer in self._viewer.layers:
                self.ready.emit(layer, parts)

        def fail(message: str) -> None:
            if self._prepared is wanted:
                self._prepared = None
                self.blocked.emit(message)

        image = measured_image(self._viewer, layer)
        self._task = in_background(parts_job, (layer.data, superpixels, image), show, fail)

    def _problem(self) -> str:
        """Reason why the chosen layers cannot be edited; empty if they can."""
        labels, other = self._chosen
        if labels is None:
            return "Segment an image first, or open labels and superpixels."
        for layer in filter(None, self._chosen):
            if layer.multiscale or not isinstance(layer.data, np.ndarray):
                return f"{layer.name} is lazy or multiscale; choose a layer with a NumPy array."
        if labels.metadata.get(KEY, {}).get(RUNNING):
            return f"{labels.name} is not finished; wait for the end of its run."
        if other is None and PARTS_KEY not in labels.metadata:
            return f"{labels.name} has no run; choose a Labels layer with its superpixels."
        found = self._superpixels()
        shape = found.shape if isinstance(found, np.ndarray) else found.superpixels.shape
        if shape != labels.data.shape:
            return (
                f"The superpixels have shape {shape}, the labels {labels.data.shape}; choose "
                "layers of equal shape."
            )
        return ""
