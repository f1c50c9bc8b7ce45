"""Dock that divides an image into superpixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dsc.params import ImageParams, SuperpixelParams
from napari_dsc.widgets.docks.dock import Dock
from napari_dsc.widgets.viewer.run_layer import show_superpixels

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
        show_superpixels(self.viewer, result, source)
        self.run_bar.status.setText(f"{result.superpixels.max()} superpixels")
