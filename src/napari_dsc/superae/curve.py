"""The loss curve of a training, as a table and as a figure."""

from __future__ import annotations

import csv
import io
from functools import partial
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from napari_dsc.files import write_atomically
from napari_dsc.files.ownership import SOFTWARE
from napari_dsc.superae.train import Epoch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write_curve_csv(history: Sequence[Epoch], path: Path) -> None:
    """Write a table with a row for each epoch: number, both losses and seconds.

    Parameters
    ----------
    history : sequence of Epoch
        Epochs of `TrainingState.history`.
    path : Path
        File to write; an existing file is replaced in one step.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    table = io.StringIO(newline="")
    csv.writer(table).writerows([Epoch._fields, *history])
    write_atomically(path, lambda file: file.write(table.getvalue().encode()))


def write_curve_png(history: Sequence[Epoch], path: Path) -> None:
    """Write a figure of both losses over the epochs.

    Parameters
    ----------
    history : sequence of Epoch
        Epochs of `TrainingState.history`.
    path : Path
        File to write; an existing file is replaced in one step.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel="epoch", ylabel="squared color distance")
    numbers = [epoch.number for epoch in history]
    for loss, meaning in (("fidelity", "to the image"), ("smoothness", "to the template")):
        values = [getattr(epoch, loss) for epoch in history]
        axes.plot(numbers, values, marker=".", label=f"{loss} ({meaning})")
    axes.set_ylim(bottom=0)
    axes.legend()
    write_atomically(path, partial(canvas.print_png, metadata={"Software": SOFTWARE}))
