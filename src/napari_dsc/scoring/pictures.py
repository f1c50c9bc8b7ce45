"""Figure of one image with the segments of several methods, in panels."""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from napari_dsc.files import write_atomically
from napari_dsc.files.ownership import SOFTWARE
from napari_dsc.images import draw_boundaries

PANEL_WIDTH = 3.2  # inches
DOTS_PER_INCH = 150
SIDE = round(PANEL_WIDTH * DOTS_PER_INCH)  # of a panel, in pixels


class Panel(NamedTuple):
    """One panel of a figure.

    Attributes
    ----------
    title : str
        Title of one or two lines.
    labels : S int array
        Segments, whose boundaries are drawn.
    """

    title: str
    labels: np.ndarray


def write_panels(pixels: np.ndarray, panels: Sequence[Panel], path: Path) -> None:
    """Write a figure with panels in a grid that is about square.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image in 0 to 1; of a stack, the middle plane Z // 2 is drawn.
    panels : sequence of Panel
        Panels, at least one.
    path : Path
        PNG file to write; an existing file is replaced in one step.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    if pixels.ndim > 3:
        middle = pixels.shape[1] // 2
        pixels = pixels[:, middle]
        panels = [Panel(panel.title, panel.labels[middle]) for panel in panels]
    n_columns = math.ceil(math.sqrt(len(panels)))
    n_rows = math.ceil(len(panels) / n_columns)
    height, width = pixels.shape[1:]
    panel_height = PANEL_WIDTH * min(3.0, height / width) + 0.45  # two lines of title
    figure = Figure(
        figsize=(PANEL_WIDTH * n_columns, panel_height * n_rows), layout="constrained"
    )
    canvas = FigureCanvasAgg(figure)
    grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, panel in zip(grid, panels, strict=False):  # the last row may have gaps
        axes.imshow(overlay(pixels, panel.labels))
        axes.set_title(panel.title, fontsize=8)
    figure.set_dpi(DOTS_PER_INCH)
    write_atomically(path, partial(canvas.print_png, metadata={"Software": SOFTWARE}))


def overlay(pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Draw thin boundaries onto an image, which is enlarged to the size of a panel first.

    Parameters
    ----------
    pixels : (C, Y, X) float32 array
        Image in 0 to 1.
    labels : (Y, X) int array
        Segments.

    Returns
    -------
    overlay : (n Y, n X, 3) uint8 array
        Each pixel is repeated n times along both axes, with the largest n that fits the panel
        (at least 1); the boundaries are two of the new pixels wide.
    """
    n = max(1, SIDE // max(labels.shape))
    larger = (one.repeat(n, axis=-2).repeat(n, axis=-1) for one in (pixels, labels))
    return draw_boundaries(*larger)
