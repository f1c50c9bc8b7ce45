"""The scores of an evaluation as a table of images, a summary, and a page to read."""

import csv
import functools
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from napari_dsc.evaluation.measures import MEASURES
from napari_dsc.evaluation.summary import Best, mean_over_images, summarize
from napari_dsc.records.record import Record
from napari_dsc.scoring.cases import ScaleScores
from napari_dsc.scoring.entries import Entry

_DIGITS = 5


class Column(NamedTuple):
    """All scores of one entry.

    Attributes
    ----------
    entry : Entry
        Method and scales.
    scores : dict of str to list of dict
        Scores of each scale, by the name of the image.
    failures : dict of str to str
        Reasons of failures, by the name of the image.
    """

    entry: Entry
    scores: Mapping[str, list[ScaleScores]]
    failures: Mapping[str, str]


def scores_csv(columns: Sequence[Column]) -> str:
    """Table with a line for each entry, image and scale.

    Parameters
    ----------
    columns : sequence of Column
        Scores of each entry.

    Returns
    -------
    table : str
        Comma-separated values with a header line.
    """
    records: list[dict[str, object]] = [
        {**column.entry.cells(), "image": name, **one}
        for column in columns
        for name, scores in column.scores.items()
        for one in scores
    ]
    head = list(records[0]) if records else ["method", "superpixels", "image"]
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, head)
    writer.writeheader()
    writer.writerows(records)
    return table.getvalue()


class Figures(NamedTuple):
    """Figures of one entry over all its images.

    Attributes
    ----------
    entry : Entry
        Method and scales.
    n_images : int
        Number of scored images.
    n_failed : int
        Number of images on which the method failed.
    best : dict of str to Best
        ODS and OIS of each measure.
    means : list of dict of str to float
        Means over images at each scale.
    """

    entry: Entry
    n_images: int
    n_failed: int
    best: Mapping[str, Best]
    means: Sequence[ScaleScores]

    @property
    def seconds(self) -> float:
        """Mean time of the method for all scales of an image, in seconds."""
        return sum(one["seconds"] for one in self.means)

    def record(self) -> Record:
        """The figures, ready for JSON.

        Returns
        -------
        record : dict
            Figures with scales by their value, and the settings of the entry.
        """
        scales, rounded = self.entry.scales, functools.partial(round, ndigits=_DIGITS)
        return {
            **self.entry.cells(),
            "images": self.n_images,
            "failed": self.n_failed,
            "seconds_an_image": round(self.seconds, 3),
            "best": {
                name: {"ods": rounded(ods), "ois": rounded(ois), "scale": scales[index]}
                for name, (ods, ois, index) in self.best.items()
            },
            "scales": [
                {name: rounded(value) for name, value in one.items()} for one in self.means
            ],
            "settings": self.entry.settings(),
        }


def figures_of(column: Column) -> Figures:
    """Aggregate the scores of an entry over its images.

    Parameters
    ----------
    column : Column
        Scores of at least one image.

    Returns
    -------
    figures : Figures
        Figures, aggregated as in the Berkeley benchmark.
    """
    scores = list(column.scores.values())
    counts = len(scores), len(column.failures)
    return Figures(column.entry, *counts, summarize(scores), mean_over_images(scores))


def summary_page(figures: Sequence[Figures], left_out: Sequence[str]) -> str:
    """Page of Markdown tables.

    Parameters
    ----------
    figures : sequence of Figures
        Figures of each entry with a score.
    left_out : sequence of str
        A line for each file or image without a score.

    Returns
    -------
    page : str
        ODS and OIS of each entry, means at each scale, and the files left out.
    """
    parts = ["# Scores", ""]
    if figures:
        parts += ["Best scale of the set (ODS) / of each image (OIS):", ""]
        parts += markdown_table([_best_cells(one) for one in figures])
        parts += ["", "Means over images at each scale:", ""]
        parts += markdown_table([cells for one in figures for cells in _scale_cells(one)])
    if left_out:
        parts += ["", f"Left out ({len(left_out)}):", "", *(f"- {line}" for line in left_out)]
    return "\n".join(parts) + "\n"


def markdown_table(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Lines of a Markdown table.

    Parameters
    ----------
    rows : sequence of dict
        Cells by the header of their column; all rows have the same columns.

    Returns
    -------
    lines : list of str
        Header, rule and one line for each row.

    Examples
    --------
    >>> markdown_table([{"a": 1, "b": "x"}])
    ['| a | b |', '|---|---|', '| 1 | x |']
    """
    head = list(rows[0])
    lines = [head, *([str(row[key]) for key in head] for row in rows)]
    first, *others = ("| " + " | ".join(cells) + " |" for cells in lines)
    return [first, "|" + "---|" * len(head), *others]


def _best_cells(figures: Figures) -> dict[str, str]:
    return {
        **figures.entry.cells(),
        "images": str(figures.n_images),
        **{
            MEASURES[name].title: f"{one.ods:.3f} / {one.ois:.3f}"
            for name, one in figures.best.items()
        },
        "s / image": f"{figures.seconds:.2f}",
    }


def _scale_cells(figures: Figures) -> list[dict[str, str]]:
    return [
        {
            **figures.entry.cells(),
            "scale": f"{means['scale']:g}",
            "segments": f"{means['n_segments']:.1f}",
            **{
                MEASURES[name].title: f"{value:.3f}"
                for name, value in means.items()
                if name in MEASURES
            },
            "s": f"{means['seconds']:.2f}",
        }
        for means in figures.means
    ]
