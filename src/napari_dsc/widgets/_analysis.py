"""The jobs behind layer actions and the Evaluate dock: split, measure, score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_dsc.widgets._job import Control, Progress, ends_in_outcome

if TYPE_CHECKING:
    from collections.abc import Generator


class LayerPart(NamedTuple):
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
        picked = [isinstance(one, int) for one in self.index]
        picked += [False] * (len(self.axes) - len(picked))
        axes = "".join(
            axis for axis, is_one in zip(self.axes, picked, strict=True) if not is_one
        )
        pixels = np.moveaxis(pixels, axes.index("C"), 0) if "C" in axes else pixels[None]
        fits = pixels[0].size == np.prod(shape)
        return pixels.reshape(len(pixels), *shape) if fits else None


class Physical(NamedTuple):
    """Linear map from pixels to the world, (n, n + 1), and name of each axis."""

    to_world: np.ndarray
    axis_names: tuple[str, ...]


@ends_in_outcome
def split_job(
    control: Control, labels: Any, features: dict[str, np.ndarray]
) -> Generator[None, None, tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Connected regions of labels, and the features that they inherit.

    Yields
    ------
    nothing : None
        Once, so that it can be cancelled before it starts.
    """
    yield None
    from napari_dsc.measurement import split_into_regions

    regions, parents = split_into_regions(np.asarray(labels))
    table = {"index": np.arange(1, len(parents) + 1), "label": parents}
    known = features.get("index", np.array([], int))
    rows = np.searchsorted(known, parents)
    if len(known) and np.array_equal(known[rows.clip(max=len(known) - 1)], parents):
        table |= {name: column[rows] for name, column in features.items() if name != "index"}
    return regions, table


@ends_in_outcome
def measure_job(
    control: Control,
    labels: Any,
    part: LayerPart | None,
    physical: Physical,
    features: dict[str, np.ndarray],
) -> Generator[None, None, dict[str, np.ndarray]]:
    """Measurements of segments, beside the features they have.

    Yields
    ------
    nothing : None
        Once, so that it can be cancelled before it starts.
    """
    yield None
    from napari_dsc.measurement import join_tables, measure_segments

    array = np.asarray(labels)
    image = part.channels_first(array.shape) if part else None
    table = measure_segments(array, image, *physical)
    return join_tables(features, table) if features else table


@ends_in_outcome
def score_job(
    control: Control, pair: tuple[Any, Any]
) -> Generator[Progress, None, dict[str, float]]:
    """Scores of a label image against another.

    Yields
    ------
    progress : Progress
        Once.
    """
    yield Progress("Counting pixels")
    from napari_dsc.evaluation.summary import score_segmentation

    result, truth = map(np.asarray, pair)
    scores = score_segmentation(result, [truth])
    return {
        "Segmentation covering": scores.sc,
        "Probabilistic Rand index": scores.pri,
        "Variation of information": scores.vi,
    }
