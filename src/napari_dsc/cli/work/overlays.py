"""Boundaries of labels, drawn on the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.images import draw_boundaries

if TYPE_CHECKING:
    from napari_dsc.cli.report import Report
    from napari_dsc.segmenting.pieces import OneImage


def overlay_of(pieces: OneImage, labels: np.ndarray, report: Report) -> np.ndarray:
    """Boundaries on the image; of a series and of a stack, on the middle plane.

    Parameters
    ----------
    pieces : OneImage, Frames or Planes
        The image.
    labels : array
        Labels in the order of its original's axes.
    report : Report
        Receives a note on which plane is shown.

    Returns
    -------
    overlay : (Y, X, 3) uint8 array
        Rows downward.
    """
    series, middle = pieces.series, len(pieces) // 2
    if len(pieces) > 1:
        report.note(f"the overlay shows {series.along} {middle}, counted from 0")
        labels = np.take(labels, middle, series.axes.replace("C", "").index(series.along))
    image = pieces.piece(middle)
    pixels, labels = image.pixels, image.arrange_labels(labels)
    if labels.ndim > 2:
        middle = len(labels) // 2
        report.note(f"the overlay shows plane {middle}, counted from 0")
        pixels, labels = pixels[:, middle], labels[middle]
    return draw_boundaries(pixels, labels)
