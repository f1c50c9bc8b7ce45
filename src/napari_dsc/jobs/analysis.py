"""The jobs behind layer actions and the Evaluate dock: split, measure, score."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_dsc.jobs.job import Control, Status, check_canceled, ends_in_outcome, in_one_step
from napari_dsc.machine.side_process import side_process

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_dsc.correction.granularity import Granularity
    from napari_dsc.correction.parts import Parts
    from napari_dsc.correction.sessions import Session
    from napari_dsc.evaluation.terms import Zero


@dataclass(frozen=True, eq=False)
class LayerPart:
    """Part of a layer's array, not yet computed."""

    name: str
    array: Any
    index: tuple[int | slice, ...]
    axes: str

    def channels_first(self, shape: tuple[int, ...]) -> np.ndarray | None:
        """Pixels as (C, *S); None if they do not fit labels of shape S."""
        try:
            pixels = np.asarray(self.array[self.index])
        except IndexError:  # another image has that name now
            return None
        each = itertools.zip_longest(self.axes, self.index)
        axes = "".join(axis for axis, one in each if not isinstance(one, int))
        pixels = np.moveaxis(pixels, axes.index("C"), 0) if "C" in axes else pixels[None]
        fits = pixels[0].size == np.prod(shape)
        return pixels.reshape(len(pixels), *shape) if fits else None


class Scored(NamedTuple):
    """Scores by measure, the errors as labels, and their share of the pixels that count."""

    scores: dict[str, float]
    errors: np.ndarray
    share: float


class Physical(NamedTuple):
    """Linear map from pixels to the world, (n, n + 1), and name of each axis."""

    to_world: np.ndarray
    axis_names: tuple[str, ...]


@in_one_step
def split_job(
    labels: Any, features: dict[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Connected regions of labels, and the features that they inherit."""
    from napari_dsc.labels.measurement import split_into_regions

    regions, parents = split_into_regions(np.asarray(labels))
    table = {"index": np.arange(1, len(parents) + 1), "label": parents}
    known = features.get("index", np.array([], int))
    rows = np.searchsorted(known, parents)
    if len(known) and np.array_equal(known[rows.clip(max=len(known) - 1)], parents):
        table |= {name: column[rows] for name, column in features.items() if name != "index"}
    return regions, table


@in_one_step
def measure_job(
    labels: Any, part: LayerPart | None, physical: Physical, features: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Measurements of segments, beside the features they have."""
    from napari_dsc.labels.measurement import join_tables, measure_segments

    array = np.asarray(labels)
    image = part.channels_first(array.shape) if part else None
    table = measure_segments(array, image, *physical)
    return join_tables(features, table) if features else table


@in_one_step
def parts_job(labels: np.ndarray, given: Any, part: LayerPart | None) -> Parts:
    """Superpixels made ready: those of a run, or of a label image and the image under it."""
    from napari_dsc.correction.parts import Parts, parts_of
    from napari_dsc.labels.regions import connected_regions

    if isinstance(given, Parts):
        parts = given
    else:
        array = np.asarray(given)
        superpixels = np.where(array > 0, connected_regions(array) + 1, 0)
        image = part.channels_first(array.shape) if part else None
        pixels = labels[None] if image is None else image
        parts = parts_of(superpixels, pixels, np.zeros((int(superpixels.max()), 0)))
    _ = parts.pairs, parts.margins, parts.labels_of(labels)  # what is computed once
    return parts


@ends_in_outcome
def granularity_job(
    control: Control, labels: np.ndarray, parts: Parts
) -> Generator[None, None, Granularity]:
    """Tree that merges and divides the segments of superpixels.

    Yields
    ------
    None
        Once, before the work.
    """
    from napari_dsc.correction.granularity import Granularity

    yield None
    with side_process(functools.partial(check_canceled, control), n_threads=1):
        return Granularity.of(labels, parts)


@in_one_step
def split_by_seeds_job(labels: np.ndarray, scribbles: Any, parts: Parts) -> np.ndarray:
    """Labels of superpixels after a split by scribbles."""
    from napari_dsc.correction.edits import seeds_of, split

    seeds = seeds_of(np.asarray(scribbles), parts.superpixels, len(labels))
    return split(labels, seeds, parts)


@in_one_step
def save_job(path: Path, session: Session) -> None:
    """Write a session."""
    from napari_dsc.correction.sessions import save_session

    save_session(path, session)


@ends_in_outcome
def score_job(
    control: Control, asked: tuple[Any, Any, Zero]
) -> Generator[Status, None, Scored]:
    """Scores of a label image against another, and where the two disagree.

    Yields
    ------
    progress : Status
        For each of the two.
    """
    yield Status("Scoring")
    from napari_dsc.evaluation.matching import error_map
    from napari_dsc.evaluation.measures import measure_segmentation, prepare_annotation

    result, truth = np.array(asked[0]), np.array(asked[1])  # painting may go on
    zero = asked[2]
    scores = measure_segmentation(result, [prepare_annotation(truth, zero)], zero)
    yield Status("Looking for errors")
    errors = error_map(result, truth, zero)
    return Scored(scores, errors.astype(np.uint8), errors.sum() / scores["area"])
