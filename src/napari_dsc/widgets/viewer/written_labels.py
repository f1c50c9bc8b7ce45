"""Labels layer that a run wrote and that its dock may update."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.widgets.viewer.output import KEY, show_labels
from napari_dsc.widgets.viewer.run_layer import metadata_of

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer

    from napari_dsc.jobs.result import Result
    from napari_dsc.widgets.viewer.source import Source


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
        is_ours = layer.metadata.get(KEY) is self._record
        if not is_ours or not np.array_equal(layer.data, self._shown):
            return f"{layer.name} was changed since the run, so it is left as it is."
        assert result.labels is not None
        metadata = metadata_of(result, self._source)
        # a copy, so that strokes of the user do not change the labels of the run
        labels = self._source.as_labels(result.labels.copy())
        geometry = self._source.geometry
        show_labels(self._viewer, layer.name, labels, geometry, metadata, layer=layer)
        layer.features = result.features
        self._remember(layer)
        return f"{len(result.features['index'])} segments"

    def _remember(self, layer: Labels) -> None:
        self._shown, self._record = np.array(layer.data), layer.metadata[KEY]
