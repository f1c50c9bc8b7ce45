"""Results against the truth: scores of a label image, and methods side by side on one image."""

import dataclasses
import json
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from napari_dsc.cli.plan import make_folders
from napari_dsc.cli.report import Report
from napari_dsc.cli.scoring_flags import CompareFlags, CompareRunFlags, MethodFlags
from napari_dsc.cli.work.run_evaluation import options_of, run_record, write_text
from napari_dsc.errors import DSCError, InvalidImageError, one_line
from napari_dsc.evaluation import bsds500, contingency, measures
from napari_dsc.evaluation.terms import Zero
from napari_dsc.files import check_output, read_labels, write_image
from napari_dsc.files.ownership import refuse_overlap
from napari_dsc.images import Image, load_image, to_label_image
from napari_dsc.labels.regions import relabel_in_order
from napari_dsc.machine import allocator, device
from napari_dsc.methods import METHODS, MethodOptions
from napari_dsc.records.record import Record, image_record
from napari_dsc.scoring import cases, entries, pictures


def score_labels(
    pair: tuple[Path, Path], zero: Zero, errors: Path | None, report: Report, *, overwrite: bool
) -> None:
    """Score one label image against another, and print the scores.

    Parameters
    ----------
    pair : tuple of Path
        Labels to score, and those to score them against: planes or stacks of one shape; the
        second may be annotations of BSDS500, one from each person.
    zero : str
        What the label 0 of the truth stands for.
    errors : Path or None
        Picture to write: 255 where the two disagree, else 0; of several annotations the
        first is taken.
    report : Report
        Where a line of JSON goes, if it shall; otherwise a table is printed.
    overwrite : bool
        Whether the picture may be replaced.

    Raises
    ------
    DSCError
        If a file cannot be read or written, the shapes differ, or no pixel of the truth is
        labeled.
    """
    result, truth = pair
    if errors is not None:
        refuse_overlap(pair, [errors])
        check_output(errors, overwrite=overwrite)
    labels = read_labels(result)
    truths = cases.read_truth(truth, None, labels.shape, f" as {result}")
    try:
        annotations = [measures.prepare_annotation(one, zero) for one in truths]
    except InvalidImageError as error:
        raise InvalidImageError(f"{truth}: {error}") from error
    scores = measures.measure_segmentation(labels, annotations, zero)
    if report.as_json:
        report.result({"file": str(result), "truth": str(truth), **scores})
    else:
        _print_table(scores)
    if errors is not None:
        pixels = contingency.error_map(labels, truths[0], zero).astype(np.uint8) * np.uint8(255)
        axes = "ZYX"[-pixels.ndim :]
        write_image(
            errors, pixels, record={}, spacing=(), unit="", overwrite=overwrite, axes=axes
        )


def _print_table(scores: Mapping[str, float]) -> None:
    for name, measure in measures.MEASURES.items():
        if name in scores:
            sys.stdout.write(f"{measure.title:<15}{scores[name]:8.4f}  {measure.meaning}\n")


_log = logging.getLogger(__name__)

PICTURE, TABLE = "compare.png", "compare.json"
_IN_TITLE = ("sc", "pri", "vi", "dice", "ap50")


class Choice(NamedTuple):
    """A method and the scale to run it at."""

    method: str
    scale: float

    @property
    def file(self) -> str:
        """Name of its label image."""
        return f"{self.method}_{self.scale:g}.tif"


class Scene(NamedTuple):
    """The image, its annotations if any, and the options of the methods."""

    image: Image
    annotations: Sequence[measures.Annotation]
    options: MethodOptions
    zero: Zero


def run_comparison(
    path: Path, what: CompareFlags, run: CompareRunFlags, flags: MethodFlags, report: Report
) -> int:
    """Run methods on an image, and draw and score their results.

    Parameters
    ----------
    path : Path
        Image file.
    what : CompareFlags
        Methods, truth and outputs.
    run : CompareRunFlags
        The other flags of the command.
    flags : MethodFlags
        Parameters of the methods.
    report : Report
        Where progress and results are told.

    Returns
    -------
    status : int
        0, or 2 if a method failed; the others are drawn.

    Raises
    ------
    DSCError
        Before any computation, if a file, a method or the device cannot be used.
    """
    choices = _choices(what.methods)
    scene = _scene(path, what, run, flags)
    targets = [what.output / name for name in (PICTURE, TABLE, *(one.file for one in choices))]
    refuse_overlap([path, *filter(None, [what.truth])], targets)
    make_folders([what.output])
    for target in targets:
        check_output(target, overwrite=run.overwrite, suffixes=(target.suffix,))
    allocator.keep_freed_memory()
    panels = _first_panels(scene)
    rows = []
    for choice in choices:
        report.begin(choice.method)
        try:
            labels, row = _run(choice, scene)
        except Exception as error:  # the other methods are drawn all the same
            report.error(f"{choice.method}: {_reason(error)}")
            continue
        _write_labels(what.output / choice.file, labels, scene, row)
        panels.append(pictures.Panel(_title(choice, row), labels))
        rows.append(row)
        report.note(panels[-1].title.replace("\n", ": "))
        report.result({"file": str(path), **row})
    if rows:
        pictures.write_panels(scene.image.pixels, panels, what.output / PICTURE)
        _write_table(what.output / TABLE, rows, scene)
        report.note(f"written to {what.output}: {PICTURE}, {TABLE}, {len(rows)} label images")
    return 2 if len(rows) < len(choices) else 0


def _reason(error: Exception) -> str:
    if device.is_out_of_memory(error):
        return "out of memory"
    if not isinstance(error, DSCError):
        _log.exception("a method failed")
    return one_line(error)


def _scene(path: Path, what: CompareFlags, run: CompareRunFlags, flags: MethodFlags) -> Scene:
    image = load_image(path, run.axes, flags.image_params)
    n_axes, shape = len(image.label_axes), image.label_shape
    truth = cases.read_truth(what.truth, n_axes, shape, " as the image") if what.truth else []
    options = options_of(run, flags)
    if what.contours is not None:
        options = dataclasses.replace(options, contours=bsds500.read_contours(what.contours))
    annotations = [
        measures.prepare_annotation(image.arrange_labels(labels), what.zero) for labels in truth
    ]
    return Scene(image, annotations, options, what.zero)


def _first_panels(scene: Scene) -> list[pictures.Panel]:
    shape = scene.image.pixels.shape[1:]
    plane = f", plane {shape[0] // 2 + 1} of {shape[0]}" if len(shape) > 2 else ""
    plain = pictures.Panel(f"image{plane}", np.zeros(shape, np.int64))
    n_people = len(scene.annotations)
    title = "truth" if n_people == 1 else f"truth, first of {n_people}"
    return [plain, *(pictures.Panel(title, one.labels) for one in scene.annotations[:1])]


def _run(choice: Choice, scene: Scene) -> tuple[np.ndarray, Record]:
    """Labels of a method, and their figures, ready for JSON."""
    method = METHODS[choice.method]
    cases.check_depth(choice.method, scene.image)
    if method.needs_contours and not scene.options.contours.size:
        raise InvalidImageError("needs --contours, the contour map of the image")
    start = time.perf_counter()
    (labels,) = method.iter_scales(scene.image, (choice.scale,), scene.options)
    seconds = time.perf_counter() - start
    row: Record = {
        "method": choice.method,
        method.scale: choice.scale,
        "n_segments": len(np.unique(labels)),
        "seconds": round(seconds, 3),
    }
    if scene.annotations:
        row |= measures.measure_segmentation(labels, scene.annotations, scene.zero)
    return labels, row


def _title(choice: Choice, row: Record) -> str:
    scale = METHODS[choice.method].scale.removeprefix("n_")
    name = f"{choice.method}, {scale} {choice.scale:g}\n"
    scores = [
        f"{measures.MEASURES[one].title} {row[one]:.2f}" for one in _IN_TITLE if one in row
    ]
    return name + ", ".join([f"{row['n_segments']} segments, {row['seconds']:.1f} s", *scores])


def _write_labels(path: Path, labels: np.ndarray, scene: Scene, row: Record) -> None:
    write_image(
        path,
        scene.image.restore_labels(to_label_image(relabel_in_order(labels), scene.image.valid)),
        record={"comparison": row, "image": image_record(scene.image)},
        axes=scene.image.label_axes,
        spacing=scene.image.label_spacing,
        unit=scene.image.unit,
        translation=scene.image.label_translation,
        overwrite=True,  # checked before the work
    )


def _write_table(path: Path, rows: Sequence[Record], scene: Scene) -> None:
    content = {
        **run_record(scene.options.device),
        "image": image_record(scene.image),
        "parameters": entries.parameters_of(scene.options),
        "rows": list(rows),
    }
    write_text(path, json.dumps(content, indent=1) + "\n")


def _choices(text: str) -> list[Choice]:
    """Methods and scales from ``NAME,NAME:SCALE``."""
    split = [word.partition(":") for word in entries.words(text)]
    entries.check_names("methods", [name for name, _, _ in split], METHODS)
    given = [
        (name, scale if colon else str(METHODS[name].default)) for name, colon, scale in split
    ]
    choices = [
        Choice(name, entries.scale_number(f"methods, {name}:", scale)) for name, scale in given
    ]
    for choice in choices:
        entries.check_scales(f"methods, {choice.method}:", choice.method, [choice.scale])
    return list(dict.fromkeys(choices))
