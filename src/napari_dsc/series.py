"""The cut of several images at once: frames of a time series, or planes one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from napari_dsc.cut.joint import Piece, assign, iter_joint_cut
from napari_dsc.images import to_label_image
from napari_dsc.regions import connected_regions
from napari_dsc.results import Segmentation
from napari_dsc.run import Run
from napari_dsc.superae.embedding import embedding_of
from napari_dsc.superae.planes import as_batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from napari_dsc.images import ImageSeries
    from napari_dsc.params import CutParams
    from napari_dsc.record import Record


class Classes(NamedTuple):
    """What the cut says of the superpixels of one image.

    Parameters
    ----------
    classes : (M,) int64 array
        Class of each superpixel, from 0.
    probabilities : (M, K) float32 array
        Probability of each superpixel for each class.
    """

    classes: np.ndarray
    probabilities: np.ndarray


def pieces_to_cut(series: ImageSeries, params: CutParams) -> ImageSeries:
    """What the cut takes one by one: frames, or planes that are to be cut apart.

    Parameters
    ----------
    series : ImageSeries
        Images as they were read.
    params : CutParams
        Its `series` says whether planes are cut apart.

    Returns
    -------
    pieces : ImageSeries
        The same, or the planes of its only stack.
    """
    image = series.frames[0]
    is_stack = len(series.frames) == 1 and "Z" in image.axes
    return image.planes() if is_stack and params.series == "apart" else series


def segment_series(series: ImageSeries, **options: Any) -> Segmentation:
    """Segment every image of a series.

    Parameters
    ----------
    series : ImageSeries
        As `pieces_to_cut` gives it.
    **options
        Keyword arguments of `Run`; superpixels are as many in each image as asked for.

    Returns
    -------
    segmentation : Segmentation
        In the shape of the original. Superpixels, and labels where regions were asked for,
        are numbered on from image to image.
    """
    runs = runs_of(series, **options)
    return joined(series, runs, classes_of(runs))


def runs_of(series: ImageSeries, **options: Any) -> list[Run]:
    """One run for each image, with one smoothing network for all."""
    runs = [Run(frame, **options) for frame in series.frames]
    for run in runs[1:]:
        run.model = runs[0].model
    return runs


def classes_of(runs: Sequence[Run]) -> list[Classes]:
    """Classes of the superpixels of each run, together or apart as its parameters say.

    Parameters
    ----------
    runs : sequence of Run
        With the same parameters.

    Returns
    -------
    found : list of Classes
        One for each run. Together, a class means the same in all of them.
    """
    if runs[0].cut_params.series == "apart":
        return [_by_itself(run) for run in runs]
    return list(_iter_together(runs))


def _by_itself(run: Run) -> Classes:
    for step in run.iter_steps():
        last = step
    return Classes(last.classes.cpu().numpy(), last.assignment.cpu().numpy())


def _iter_together(runs: Sequence[Run]) -> Iterator[Classes]:
    first = runs[0]
    params, model = first.cut_params, first.model
    pieces = [_piece(run, model.n_channels) for run in runs]
    with torch.inference_mode(False):
        embedding = embedding_of(model, params.n_partitions, params.seed)
        for _ in iter_joint_cut(
            lambda rng: pieces[int(rng.integers(len(pieces)))], embedding, params
        ):
            pass
    for piece in pieces:
        found = assign(embedding, piece, params)
        yield Classes(found.classes.cpu().numpy(), found.assignment.cpu().numpy())


def _piece(run: Run, n_channels: int) -> Piece:
    pixels = torch.from_numpy(run.image.pixels).to(run.device)
    return Piece(as_batch(pixels, n_channels), run.superpixels, run.image.volume_spacing)


def joined(series: ImageSeries, runs: Sequence[Run], found: Sequence[Classes]) -> Segmentation:
    """One segmentation of the segmentations of a series.

    Parameters
    ----------
    series : ImageSeries
        The images.
    runs : sequence of Run
        One for each.
    found : sequence of Classes
        One for each.

    Returns
    -------
    segmentation : Segmentation
        In the shape of the original.
    """
    maps = [one.classes[run.superpixels] for run, one in zip(runs, found, strict=True)]
    if runs[0].cut_params.result == "regions":
        maps = _numbered_on([connected_regions(each) for each in maps])

    def whole(parts: Sequence[np.ndarray]) -> np.ndarray:
        restored = (run.image.restore_labels(p) for run, p in zip(runs, parts, strict=True))
        return to_label_image(series.join(list(restored)))

    classes = np.concatenate([one.classes for one in found])
    return Segmentation(
        labels=whole(maps),
        superpixels=whole(_numbered_on([run.superpixels for run in runs])),
        smoothed=series.join([run.image.restore(run.smoothed) for run in runs]),
        classes_of_superpixels=classes,
        probabilities=np.concatenate([one.probabilities for one in found]),
        record=_record(series, runs, classes),
    )


def _numbered_on(parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Labels from 0 of each image, so that no two images share one."""
    counts = [int(part.max()) + 1 for part in parts]
    starts = np.cumsum([0, *counts[:-1]])
    return [part + start for part, start in zip(parts, starts, strict=True)]


def _record(series: ImageSeries, runs: Sequence[Run], classes: np.ndarray) -> Record:
    """Record of the first run, with the hashes and notes of all."""
    record = runs[0].record()
    image: dict[str, object] = {
        **record["image"],  # type: ignore[dict-item]
        "axes": series.axes,
        "sha256": [run.image.sha256 for run in runs],
    }
    notes = list(dict.fromkeys(note for run in runs for note in run.notes))
    counts = {"n_superpixels": len(classes), "n_classes": len(np.unique(classes))}
    return record | {"image": image, "notes": notes, "n_images": len(runs)} | counts
