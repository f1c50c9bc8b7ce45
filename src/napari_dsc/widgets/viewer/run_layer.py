"""Labels layers of runs: preview, result, layers made on the way, and labels in a file."""

import dataclasses
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from napari.viewer import Viewer
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_dsc.jobs import job, runs
from napari_dsc.jobs.result import Result
from napari_dsc.layers import PARTS_KEY
from napari_dsc.widgets.viewer import output
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

    def preview(self, status: job.Status, source: Source) -> None:
        """Show the labels of a running job."""
        if status.preview is not None:
            metadata = {output.KEY: {output.RUNNING: True}}
            self._show(status.preview, source, status.step, metadata)

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
            before()

    def _show(
        self, labels: np.ndarray, source: Source, step: int, metadata: dict[str, Any]
    ) -> None:
        """Write labels into the layer of this run."""
        name = f"{source.name} {self._suffix}"
        n_axes = len(source.geometry.scale)
        steps = [1] * (n_axes - 2) + [step, step]
        geometry = source.geometry.part([0] * n_axes, steps)
        if self._labels is None:
            self._labels = output.layer_to_update(self._viewer, name, Labels)
            if self._labels is not None:
                self._undo = output.restorer(self._viewer, self._labels)
                self._labels.features = {}
        elif self._labels not in self._viewer.layers:
            return  # the user removed the layer; no more previews
        self._labels = output.show_labels(
            self._viewer, name, source.as_labels(labels), geometry, metadata, layer=self._labels
        )


def metadata_of(result: Result, source: Source) -> dict[str, Any]:
    """Metadata of the layer of a result: record and superpixels."""
    assert result.parts is not None
    superpixels = source.as_labels(result.parts.superpixels)
    parts = dataclasses.replace(result.parts, superpixels=superpixels)
    return {output.KEY: record_of(result, source), PARTS_KEY: parts}


def record_of(result: Result | runs.TiledResult, source: Source) -> dict[str, object]:
    """Record of a run, with the name and the segmented part of its layer."""
    return {**result.record, "layer": source.record()}


def show_smoothed(viewer: Viewer, result: Result, source: Source) -> Image:
    """Add the smoothed image of a run, or update that of an earlier run."""
    assert result.smoothed is not None
    pixels, is_rgb = source.as_image(result.smoothed), source.axes.endswith("C")
    name = f"{source.name} [smoothed]"
    return output.show_image(viewer, name, pixels, is_rgb, source.image_geometry)


def show_superpixels(viewer: Viewer, result: Result, source: Source) -> None:
    """Add the superpixels of a run, or update those of an earlier run."""
    assert result.superpixels is not None
    name, record = f"{source.name} [superpixels]", {output.KEY: record_of(result, source)}
    layer = output.layer_to_update(viewer, name, Labels)
    labels = source.as_labels(result.superpixels)
    output.show_labels(viewer, name, labels, source.geometry, record, layer=layer)


def show_confidence(viewer: Viewer, result: Result, source: Source) -> None:
    """Add the confidence of a run, or update that of an earlier run."""
    assert result.confidence is not None
    shown = source.as_labels(result.confidence)
    output.show_image(viewer, f"{source.name} [confidence]", shown, False, source.geometry)


class WrittenLabels:
    """Labels layer of a run, updated until the user changes or removes it.

    Parameters
    ----------
    viewer : napari Viewer
        Holds the layer.
    layer : napari Labels layer
        Holds the labels of the run; kept as a weak reference.
    source : Source
        Segmented part of the image; its array is not needed.
    """

    def __init__(self, viewer: Viewer, layer: Labels, source: Source) -> None:
        self._viewer, self._source = viewer, source
        self._layer = weakref.ref(layer)
        self._remember(layer)

    @property
    def is_present(self) -> bool:
        """Whether the layer is still in the viewer."""
        layer = self._layer()
        return layer is not None and layer in self._viewer.layers

    def write(self, result: Result) -> str:
        """Write the labels of a result into the layer, unless the user changed it.

        Parameters
        ----------
        result : Result
            Result of the same part of the image.

        Returns
        -------
        sentence : str
            Sentence for the status line.
        """
        layer = self._layer()
        assert layer is not None
        is_ours = layer.metadata.get(output.KEY) is self._record
        if not is_ours or not np.array_equal(layer.data, self._shown):
            return f"{layer.name} was changed since the run, so it is left as it is."
        assert result.labels is not None
        metadata = metadata_of(result, self._source)
        # a copy, so that strokes of the user do not change the labels of the run
        labels = self._source.as_labels(result.labels.copy())
        geometry = self._source.geometry
        output.show_labels(self._viewer, layer.name, labels, geometry, metadata, layer=layer)
        layer.features = result.features
        self._remember(layer)
        return f"{len(result.features['index'])} segments"

    def _remember(self, layer: Labels) -> None:
        self._shown, self._record = np.array(layer.data), layer.metadata[output.KEY]


SUFFIX = ".ome.zarr"


def ask_for_pyramid(parent: QWidget, name: str) -> Path | None:
    """Ask the user for the path of a new OME-Zarr; None if the user cancels."""
    title = "Labels of the whole image, by tiles"
    chosen, _ = QFileDialog.getSaveFileName(
        parent, title, f"{name}{SUFFIX}", f"OME-Zarr (*{SUFFIX})"
    )
    if not chosen:
        return None
    path = Path(chosen)
    return path if path.suffix == ".zarr" else path.with_name(path.name + SUFFIX)


def add_pyramid(viewer: Viewer, result: runs.TiledResult, source: Source, name: str) -> Labels:
    """Add a lazy layer of labels; the window reads only the visible part.

    Parameters
    ----------
    viewer : napari Viewer
        Receives the layer.
    result : TiledResult
        Labels in a file.
    source : Source
        Segmented part of the image.
    name : str
        Name of the layer.

    Returns
    -------
    layer : napari Labels layer
        Multiscale layer if the file has several levels.
    """
    levels = [source.as_labels(level) for level in result.levels]
    is_pyramid = len(levels) > 1
    layer = Labels(
        levels if is_pyramid else levels[0],
        name=name,
        multiscale=is_pyramid,
        metadata={output.KEY: record_of(result, source), "path": str(result.path)},
        **source.geometry.options(),
    )
    added: Labels = output.add_quietly(viewer, layer)
    return added
