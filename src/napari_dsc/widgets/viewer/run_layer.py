"""The Labels layer that a run draws into, from its first preview to its result."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from napari.layers import Labels

from napari_dsc.layers import PARTS_KEY
from napari_dsc.widgets.viewer.output import (
    KEY,
    RUNNING,
    Snapshot,
    layer_to_update,
    show_labels,
)

if TYPE_CHECKING:
    import numpy as np
    from napari.viewer import Viewer

    from napari_dsc.jobs.job import Status
    from napari_dsc.jobs.result import Result
    from napari_dsc.jobs.runs import TiledResult
    from napari_dsc.widgets.viewer.source import Source


class RunLayer:
    """Layer of one run at a time; what it overwrites can be taken back.

    Parameters
    ----------
    viewer : napari Viewer
        Receives the layer.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer, self._suffix = viewer, ""
        self._labels: Any = None
        self._undo: Any = None

    def begin(self, suffix: str) -> None:
        """Expect a run whose layer is called like the image, and this."""
        self._suffix = suffix
        self._labels = self._undo = None

    def preview(self, told: Status, source: Source) -> None:
        """Show the labels of a running job."""
        if told.preview is not None:
            self._show(told.preview, source, told.step, {KEY: {RUNNING: True}})

    def finish(self, result: Result, source: Source) -> Labels:
        """Show the result; gives its layer, and lets go of it."""
        if self._labels is not None and self._labels not in self._viewer.layers:
            self._labels = None  # the preview was removed, but a result is still wanted
        assert result.labels is not None
        self._show(result.labels, source, 1, metadata_of(result, source))
        layer: Labels = self._labels
        layer.features = result.features
        self._labels = self._undo = None
        return layer

    def take_back(self) -> None:
        """Give the labels of the last run back, or remove the layer of the preview."""
        layer, before = self._labels, self._undo
        self._labels = self._undo = None
        if layer is None or layer not in self._viewer.layers:
            return
        if before is None:
            self._viewer.layers.remove(layer)
        else:
            before.restore(layer)

    def _show(
        self, labels: np.ndarray, source: Source, step: int, metadata: dict[str, Any]
    ) -> None:
        """Put labels into this run's layer."""
        name = f"{source.name} {self._suffix}"
        n_axes = len(source.geometry.scale)
        steps = [1] * (n_axes - 2) + [step, step]
        geometry = source.geometry.part([0] * n_axes, steps)
        if self._labels is None:
            self._labels = layer_to_update(self._viewer, name, Labels)
            if self._labels is not None:
                self._undo = Snapshot.of(self._labels)
                self._labels.features = {}
        elif self._labels not in self._viewer.layers:
            return  # the user removed it: no more previews
        self._labels = show_labels(
            self._viewer,
            name,
            source.as_labels(labels),
            geometry,
            metadata,
            layer=self._labels,
        )


def metadata_of(result: Result, source: Source) -> dict[str, Any]:
    """Record and superpixels of a result, as its layer holds them."""
    assert result.parts is not None
    superpixels = source.as_labels(result.parts.superpixels)
    parts = dataclasses.replace(result.parts, superpixels=superpixels)
    return {KEY: record_of(result, source), PARTS_KEY: parts}


def record_of(result: Result | TiledResult, source: Source) -> dict[str, object]:
    """Record of a run, with the layer it read and the part of it."""
    return {**result.record, "layer": source.record()}
