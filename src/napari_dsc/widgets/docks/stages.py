"""Docks for one stage of the method: smoothing, superpixels."""

from napari_dsc.jobs.result import Result
from napari_dsc.params import ImageParams, SuperpixelParams
from napari_dsc.widgets.docks.dock import Dock
from napari_dsc.widgets.viewer import output, run_layer
from napari_dsc.widgets.viewer.source import Source


class Smooth(Dock):
    """Dock of *Plugins > Deep Superpixel Cut > Smooth*."""

    stage = "smooth"
    kinds = (ImageParams,)
    basic_fields = ()
    whole_axes = "Z"

    def show_result(self, result: Result, source: Source) -> None:
        """Add the smoothed image, or update that of an earlier run."""
        layer = run_layer.show_smoothed(self.viewer, result, source)
        layer.metadata[output.KEY] = run_layer.record_of(result, source)
        self.run_bar.status.setText(f"Smoothed in {self.run_bar.seconds:.1f} s")


class Superpixels(Dock):
    """Dock of *Plugins > Deep Superpixel Cut > Superpixels*."""

    stage = "superpixels"
    kinds = (ImageParams, SuperpixelParams)
    basic_fields = ("superpixels", "n_superpixels", "source")
    whole_axes = "Z"

    def show_result(self, result: Result, source: Source) -> None:
        """Add the superpixels, or update those of an earlier run."""
        assert result.superpixels is not None
        run_layer.show_superpixels(self.viewer, result, source)
        self.run_bar.status.setText(f"{result.superpixels.max()} superpixels")
