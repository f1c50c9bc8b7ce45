"""Dock that divides an image into superpixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels

from napari_dsc.params import ImageParams, SuperpixelParams
from napari_dsc.widgets.docks.dock import Dock
from napari_dsc.widgets.viewer.output import KEY, layer_to_update, show_labels
from napari_dsc.widgets.viewer.run_layer import record_of

if TYPE_CHECKING:
    from napari_dsc.jobs.result import Result
    from napari_dsc.widgets.viewer.source import Source


class Superpixels(Dock):
    """Dock of *Plugins > Deep Superpixel Cut > Superpixels*."""

    stage = "superpixels"
    kinds = (ImageParams, SuperpixelParams)
    basic_fields = ("superpixels", "n_superpixels", "source")
    whole_axes = "Z"

    def show_result(self, result: Result, source: Source) -> None:
        """Add the superpixels, or update those of an earlier run."""
        assert result.superpixels is not None
        name = f"{source.name} [superpixels]"
        layer = layer_to_update(self.viewer, name, Labels)
        record = {KEY: record_of(result, source)}
        labels = source.as_labels(result.superpixels)
        show_labels(self.viewer, name, labels, source.geometry, record, layer=layer)
        self.run_bar.status.setText(f"{result.superpixels.max()} superpixels")
