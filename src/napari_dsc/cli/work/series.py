"""Results of time series, of planes that are cut apart, and of images cut together."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from napari_dsc.files import write_image
from napari_dsc.images import draw_boundaries
from napari_dsc.records.record import params_record
from napari_dsc.segmenting.frames import Frames

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Unpack

    from napari_dsc.cli.plan import Job
    from napari_dsc.cli.report import Report
    from napari_dsc.images import Image, ImageSeries
    from napari_dsc.params import Params
    from napari_dsc.records.record import Record
    from napari_dsc.segmenting.learned import Classes
    from napari_dsc.segmenting.pipeline import RunOptions

T = TypeVar("T")

_COUNTED = ("n_images", "n_classes", "n_superpixels")


class Made(NamedTuple):
    """What was made of the images of an input.

    Parameters
    ----------
    series : ImageSeries
        The input as it was read.
    frames : Frames
        What was computed one by one: frames, or planes.
    pixels : array
        What is written.
    record : dict
        How it was made.
    """

    series: ImageSeries
    frames: Frames
    pixels: np.ndarray
    record: Record


def do_pieces(
    kind: str,
    series: ImageSeries,
    pieces: ImageSeries,
    report: Report,
    **options: Unpack[RunOptions],
) -> Made:
    """Compute frames or planes of an input.

    Parameters
    ----------
    kind : str
        ``smoothed``, ``superpixels`` or ``segments``.
    series : ImageSeries
        The input.
    pieces : ImageSeries
        Its frames, or what `pieces_to_cut` makes of it.
    report : Report
        Where progress is told.
    **options
        Keyword arguments of `Run`.

    Returns
    -------
    made : Made
        Ready for `write_made`.
    """
    frames = Frames(pieces, **options)
    report.begin(f"{_DOING[kind]} {len(frames)} images")
    pixels, record = _COMPUTE[kind](frames, report)
    return Made(series, frames, pixels, record | {"parameters": parameters_record(options)})


def write_made(job: Job, made: Made, overwrite: bool, start: float, report: Report) -> None:
    """Write what was made, and tell it.

    Parameters
    ----------
    job : Job
        Input and output.
    made : Made
        Images and record.
    overwrite : bool
        Whether an output that exists is replaced.
    start : float
        When the work began, by ``time.perf_counter``.
    report : Report
        Where results are told.
    """
    first, axes = made.series.frames[0], made.series.axes
    report.begin("writing")
    write_image(
        job.output,
        made.pixels,
        record=made.record,
        axes=axes if made.pixels.ndim == len(axes) else axes.replace("C", ""),
        spacing=first.label_spacing,
        unit=first.unit,
        overwrite=overwrite,
    )
    for path in job.overlays:
        picture = _middle_picture(made, report)
        write_image(path, picture, record={}, spacing=(), unit="", overwrite=overwrite)
    notes = made.record["notes"]
    for note in (made.series.describe(), *first.notes, *notes):  # type: ignore[misc]
        report.note(note)
    seconds = round(time.perf_counter() - start, 3)
    names = _COUNTED if len(made.frames) > 1 else _COUNTED[1:]
    counts = {name: made.record[name] for name in names if name in made.record}
    told = "".join(f"{count} {name[2:]}, " for name, count in counts.items())
    device = made.frames.runs[0].device
    report.note(f"{told}{seconds:.1f} s on {device} -> {job.output}")
    result = {"file": str(job.source), "output": str(job.output), **counts}
    report.result(result | {"seconds": seconds, "device": str(device)})


def parameters_record(options: RunOptions) -> Record:
    """Parameters of the stages that a command has, as in the record of a run.

    Parameters
    ----------
    options : dict
        Keyword arguments of `Run`, as far as the command has them.

    Returns
    -------
    record : dict
        Stage to parameters.
    """
    stages: dict[str, Params | None] = {"image": options.get("image_params")}
    if options.get("method") == "tree":
        stages["tree"] = options.get("tree_params")
    else:
        stages["superpixels"] = options.get("superpixel_params")
        stages["cut"] = options.get("cut_params")
    return params_record({name: params for name, params in stages.items() if params})


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


def _middle_picture(made: Made, report: Report) -> np.ndarray:
    """Boundaries on the image in the middle."""
    pieces, labels = made.frames.series, made.pixels
    middle = len(pieces.frames) // 2
    if len(pieces.frames) > 1:
        report.note(f"the overlay shows {pieces.along} {middle}, counted from 0")
        place = pieces.axes.replace("C", "").index(pieces.along)
        labels = np.take(labels, middle, place)
    return picture_of(pieces.frames[middle], labels, report)


def _smooth(frames: Frames, report: Report) -> tuple[np.ndarray, Record]:
    return frames.smoothed(), frames.record()


def _over_segment(frames: Frames, report: Report) -> tuple[np.ndarray, Record]:
    labels = frames.superpixels()
    return labels, frames.record() | {"n_superpixels": int(labels.max())}


def _segment(frames: Frames, report: Report) -> tuple[np.ndarray, Record]:
    params = frames.runs[0].cut_params
    how = f"cutting {len(frames)} images {params.series}"
    found = _followed_stages(frames, how, report)
    return frames.labels(found), frames.record(found)


def _followed_stages(frames: Frames, how: str, report: Report) -> list[Classes]:
    stages = {"superpixels": "superpixels", "cut": how, "labels": "classes"}
    steps, stage = frames.iter_classes(), ""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            found: list[Classes] = end.value
            return found
        if step.stage != stage:
            stage = step.stage
            report.begin(stages[stage], step.total)
        report.advance()


def followed(steps: Generator[object, None, T], stage: str, total: int, report: Report) -> T:
    """Run a cut to its end and show how far it is.

    Parameters
    ----------
    steps : generator
        Yields each step.
    stage : str
        What is done from the first step on.
    total : int
        Most steps there may be.
    report : Report
        Where progress is told.

    Returns
    -------
    value : object
        What the generator returns.
    """
    has_begun = False
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: T = end.value
            return value
        if not has_begun:
            report.begin(stage, total)
            has_begun = True
        report.advance()


_DOING = {"smoothed": "smoothing", "superpixels": "superpixels of", "segments": "segmenting"}
_COMPUTE: dict[str, Callable[[Frames, Report], tuple[np.ndarray, Record]]] = {
    "smoothed": _smooth,
    "superpixels": _over_segment,
    "segments": _segment,
}
