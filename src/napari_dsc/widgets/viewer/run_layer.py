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
    """Layer of the labels of one run at a time; its previews can be undone.

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
        """Begin a run; the name of its layer is that of the image with this suffix."""
        self._suffix = suffix
        self._labels = self._undo = None

    def preview(self, status: Status, source: Source) -> None:
        """Show the labels of a running job."""
        if status.preview is not None:
            self._show(status.preview, source, status.step, {KEY: {RUNNING: True}})

    def finish(self, result: Result, source: Source) -> Labels:
        """Show the result, and return its layer."""
        if self._labels is not None and self._labels not in self._viewer.layers:
            self._labels = None  # the user removed the preview; the result gets a new layer
        assert result.labels is not None
        self._show(result.labels, source, 1, metadata_of(result, source))
        layer: Labels = self._labels
        layer.features = result.features
        self._labels = self._undo = None
        return layer

    def undo_preview(self) -> None:
        """Restore the labels of the last run, or remove the layer of the preview."""
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
        """Write labels into the layer of this run."""
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
            return  # the user removed the layer; no more previews
        self._labels = show_labels(
            self._viewer, name, source.as_labels(labels), geometry, metadata, layer=self._labels
        )


def metadata_of(result: Result, source: Source) -> dict[str, Any]:
    """Metadata of the layer of a result: record and superpixels."""
    assert result.parts is not None
    superpixels = source.as_labels(result.parts.superpixels)
    parts = dataclasses.replace(result.parts, superpixels=superpixels)
    return {KEY: record_of(result, source), PARTS_KEY: parts}


def record_of(result: Result | TiledResult, source: Source) -> dict[str, object]:
    """Record of a run, with the name and the segmented part of its layer."""
    return {**result.record, "layer": source.record()}
