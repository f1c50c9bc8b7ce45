"""Layers of what a run made on the way to its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels

from napari_dsc.widgets.viewer.output import KEY, layer_to_update, show_image, show_labels
from napari_dsc.widgets.viewer.run_layer import record_of

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_dsc.jobs.result import Result
    from napari_dsc.widgets.viewer.source import Source


def show_intermediates(
    viewer: Viewer, result: Result, source: Source, has_smoothed: bool, has_superpixels: bool
) -> None:
    """Add smoothed image, superpixels and confidence, or update those of an earlier run.

    Parameters
    ----------
    viewer : napari Viewer
        Receives the layers.
    result : Result
        Result of the run; its confidence is shown if it has one.
    source : Source
        Segmented part of the image.
    has_smoothed, has_superpixels : bool
        Whether to show the smoothed image and the superpixels.
    """
    name = source.name
    if has_smoothed and result.smoothed is not None:
        rgb, pixels = source.axes.endswith("C"), source.as_image(result.smoothed)
        show_image(viewer, f"{name} [smoothed]", pixels, rgb, source.image_geometry)
    if has_superpixels and result.superpixels is not None:
        title = f"{name} [superpixels]"
        layer = layer_to_update(viewer, title, Labels)
        labels, metadata = (
            source.as_labels(result.superpixels),
            {KEY: record_of(result, source)},
        )
        show_labels(viewer, title, labels, source.geometry, metadata, layer=layer)
    if result.confidence is not None:
        shown = source.as_labels(result.confidence)
        show_image(viewer, f"{name} [confidence]", shown, False, source.geometry)
