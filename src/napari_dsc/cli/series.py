"""Segments of time series, and of planes that are cut apart."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.files import write_image
from napari_dsc.images import draw_boundaries, load_series
from napari_dsc.params import ImageParams
from napari_dsc.series import pieces_to_cut, segment_series

if TYPE_CHECKING:
    from typing import Unpack

    from napari_dsc.cli.jobs import Job
    from napari_dsc.cli.report import Report
    from napari_dsc.images import Image, ImageSeries
    from napari_dsc.pipeline import RunOptions


def read_series(job: Job, **options: Unpack[RunOptions]) -> ImageSeries:
    """Frames of an input, or its only image.

    Parameters
    ----------
    job : Job
        Input.
    **options
        Keyword arguments of `Run`.

    Returns
    -------
    series : ImageSeries
        As it was read.
    """
    params = options.get("image_params", ImageParams())
    spacing, channels = options["spacing"], options["channels"]
    return load_series(job.source, options["axes"], params, spacing=spacing, channels=channels)


def segment_pieces(
    job: Job,
    series: ImageSeries,
    overwrite: bool,
    report: Report,
    **options: Unpack[RunOptions],
) -> None:
    """Segment frames or planes, write their labels as one image, and tell what was done.

    Parameters
    ----------
    job : Job
        Input and output.
    series : ImageSeries
        What `read_series` gave.
    overwrite : bool
        Whether an output that exists is replaced.
    report : Report
        Where progress and results are told.
    **options
        Keyword arguments of `Run`.
    """
    start = time.perf_counter()
    pieces, first = pieces_to_cut(series, options["cut_params"]), series.frames[0]
    how, n_images = options["cut_params"].series, len(pieces.frames)
    report.begin(f"segmenting {n_images} images {how}")
    found = segment_series(pieces, **options)
    axes = series.axes.replace("C", "")
    spacing, unit = first.label_spacing, first.unit
    report.begin("writing")
    write_image(
        job.output,
        found.labels,
        record=found.record,
        axes=axes,
        spacing=spacing,
        unit=unit,
        overwrite=overwrite,
    )
    middle = n_images // 2
    for path in job.overlays:
        report.note(f"the overlay shows {pieces.along} {middle}, counted from 0")
        labels = np.take(found.labels, middle, axes.index(pieces.along))
        picture = picture_of(pieces.frames[middle], labels, report)
        write_image(path, picture, record={}, spacing=(), unit="", overwrite=overwrite)
    for note in (first.describe(), *first.notes):
        report.note(note)
    seconds = round(time.perf_counter() - start, 3)
    names = ("n_images", "n_classes", "n_superpixels")
    counts = {name: int(str(found.record[name])) for name in names}
    told = "".join(f"{count} {name[2:]}, " for name, count in counts.items())
    report.note(f"{told}{seconds:.1f} s -> {job.output}")
    result = {"file": str(job.source), "output": str(job.output), **counts}
    report.result(result | {"seconds": seconds})


def picture_of(image: Image, labels: np.ndarray, report: Report) -> np.ndarray:
    """Boundaries on the image, rows downward; of a stack, on the plane in its middle.

    Parameters
    ----------
    image : Image
        Image.
    labels : array
        Labels in the order of its original's axes.
    report : Report
        Where it is told which plane is shown.

    Returns
    -------
    picture : (Y, X, 3) uint8 array
        For the eye.
    """
    pixels, labels = image.pixels, image.arrange_labels(labels)
    if labels.ndim > 2:
        middle = len(labels) // 2
        report.note(f"the overlay shows plane {middle}, counted from 0")
        pixels, labels = pixels[:, middle], labels[middle]
    return draw_boundaries(pixels, labels)
