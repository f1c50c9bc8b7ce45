"""Choosers of the Labels layers that guide a run: superpixels and scribbles."""

from typing import Any

from napari.layers import Labels
from napari.viewer import Viewer
from qtpy.QtWidgets import QWidget

from napari_dsc.widgets.controls.image_panel import LayerChooser
from napari_dsc.widgets.viewer.source import Source


class Guides:
    """Choosers of superpixels and scribbles; without a choice, a run makes its own."""

    def __init__(self) -> None:
        self.superpixels = LayerChooser(
            "Labels layer of superpixels from any tool to start from; each connected part of a "
            "label is one superpixel."
        )
        self.scribbles = LayerChooser(
            "Labels layer with strokes on some superpixels; a superpixel under label 1 gets "
            "class 1."
        )

    def rows(self) -> list[tuple[str, QWidget]]:
        """Choosers with their labels."""
        return [("Superpixels of", self.superpixels), ("Scribbles", self.scribbles)]

    def refresh(self, viewer: Viewer) -> None:
        """Update the choosers from the layers of a viewer."""
        labels = [layer for layer in viewer.layers if isinstance(layer, Labels)]
        self.superpixels.refresh(labels, None, first="this run")
        self.scribbles.refresh(labels, None, first="none")

    def release(self) -> None:
        """Release all layers."""
        self.superpixels.clear()
        self.scribbles.clear()

    def reset(self) -> None:
        """Choose no layer."""
        self.superpixels.setCurrentIndex(0)
        self.scribbles.setCurrentIndex(0)

    def enable(self, is_enabled: bool) -> None:
        """Enable the choosers, or disable them."""
        self.superpixels.setEnabled(is_enabled)
        self.scribbles.setEnabled(is_enabled)

    def parts(self, source: Source) -> dict[str, Any]:
        """Layers that are chosen, each as an array and the index of the segmented part.

        Parameters
        ----------
        source : Source
            Segmented part of the image.

        Returns
        -------
        parts : dict
            By ``superpixels`` and ``scribbles``.

        Raises
        ------
        InvalidParameterError
            If a layer has another shape than the image.
        """
        boxes = {"superpixels": self.superpixels, "scribbles": self.scribbles}
        chosen = ((name, box.currentData()) for name, box in boxes.items())
        return {name: source.part_of(one, name) for name, one in chosen if one is not None}
