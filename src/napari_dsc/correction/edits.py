"""Edits of a segmentation: functions from the labels of superpixels to new labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import higra as hg
import numpy as np
from scipy.sparse import coo_array

from napari_dsc.errors import InvalidParameterError
from napari_dsc.labels.regions import components

if TYPE_CHECKING:
    from napari_dsc.correction.parts import Parts

Table = dict[str, np.ndarray]


def move(labels: np.ndarray, chosen: np.ndarray, label: int) -> np.ndarray:
    """Move superpixels to a segment.

    Parameters
    ----------
    labels : (M,) int array
        Label of each superpixel.
    chosen : (P,) int array
        Superpixels to move, counted from 0.
    label : int
        Label of the segment; 0 removes the superpixels from every segment.

    Returns
    -------
    labels : (M,) int array
        New labels; the argument is not changed.
    """
    moved = labels.copy()
    moved[chosen] = label
    return moved


def merge(labels: np.ndarray, chosen: np.ndarray, parts: Parts) -> np.ndarray:
    """Merge the segments of the chosen superpixels into the largest of them.

    Parameters
    ----------
    labels : (M,) int array
        Label of each superpixel.
    chosen : (P,) int array
        Superpixels whose segments are merged, counted from 0.
    parts : Parts
        The superpixels, for their sizes.

    Returns
    -------
    labels : (M,) int array
        New labels; superpixels without a segment stay without one.
    """
    segments = np.unique(labels[chosen])
    segments = segments[segments > 0]
    if not len(segments):
        return labels.copy()
    areas = [int(parts.sizes[labels == segment].sum()) for segment in segments]
    return np.where(np.isin(labels, segments), segments[int(np.argmax(areas))], labels)


def detach(labels: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Move superpixels to a new segment.

    Parameters
    ----------
    labels : (M,) int array
        Label of each superpixel.
    chosen : (P,) int array
        Superpixels of the new segment, counted from 0.

    Returns
    -------
    labels : (M,) int array
        New labels; the label of the new segment is the highest label plus one.
    """
    return move(labels, chosen, int(labels.max(initial=0)) + 1)


def seeds_of(scribbles: np.ndarray, superpixels: np.ndarray, n_superpixels: int) -> np.ndarray:
    """Label of the scribble that covers most of each superpixel.

    Parameters
    ----------
    scribbles : S int array
        Labels of scribbles; 0 and negative values are no scribble.
    superpixels : S int array
        Superpixels, from 1; 0 is no superpixel.
    n_superpixels : int
        Number of superpixels ``M``.

    Returns
    -------
    seeds : (M,) int64 array
        Label of a scribble; 0 if no scribble touches the superpixel.

    Examples
    --------
    >>> seeds_of(np.array([[0, 7, 7, 3]]), np.array([[1, 2, 2, 2]]), 2)
    array([0, 7])
    """
    seeds = np.zeros(n_superpixels, np.int64)
    drawn = (scribbles > 0) & (superpixels > 0)
    if not drawn.any():
        return seeds
    values, ranks = np.unique(scribbles[drawn], return_inverse=True)
    keys = (superpixels[drawn].astype(np.int64) - 1) * len(values) + ranks.ravel()
    found, counts = np.unique(keys, return_counts=True)
    # within a superpixel by rising count; of repeated indices NumPy assigns the last value
    order = np.lexsort((counts, found // len(values)))
    seeds[found[order] // len(values)] = values[found[order] % len(values)]
    return seeds


def split(labels: np.ndarray, seeds: np.ndarray, parts: Parts) -> np.ndarray:
    """Divide segments that hold several seeds, by a watershed over their superpixels.

    Parameters
    ----------
    labels : (M,) int array
        Label of each superpixel.
    seeds : (M,) int array
        Seed of each superpixel; 0 is no seed.
    parts : Parts
        The superpixels, for their neighbors, colors and sizes.

    Returns
    -------
    labels : (M,) int array
        New labels. In each connected piece of a segment with two seeds or more, a superpixel
        joins the seed to which a path of neighbors has the smallest largest step in color.
        The largest share keeps the label, the others take free numbers.

    References
    ----------
    Cousty, Bertrand, Najman, Couprie: Watershed Cuts, IEEE PAMI 31 (2009).
    """
    n = len(labels)
    inside = parts.pairs[:, labels[parts.pairs[0]] == labels[parts.pairs[1]]]
    pieces = components(inside, n)
    graph = hg.UndirectedGraph(n)
    graph.add_edges(*parts.pairs)
    steps = np.linalg.norm(np.subtract(*(parts.colors[side] for side in parts.pairs)), axis=1)
    # between segments a step higher than any other, so that seeds stay within their segment
    differ = labels[parts.pairs[0]] != labels[parts.pairs[1]]
    steps = np.where(differ, steps.max(initial=0.0) + 1, steps)
    grown = hg.labelisation_seeded_watershed(graph, steps, seeds)
    divided = labels.copy()
    for piece in np.unique(pieces[(seeds > 0) & (labels > 0)]):
        members = np.flatnonzero(pieces == piece)
        if len(np.unique(seeds[members][seeds[members] > 0])) > 1:
            _divide(divided, members, grown[members], parts.sizes[members])
    return divided


def _divide(
    labels: np.ndarray, members: np.ndarray, seeds: np.ndarray, sizes: np.ndarray
) -> None:
    """Give new labels, in place, to all shares of a piece but the largest."""
    _, shares = np.unique(seeds, return_inverse=True)
    areas = np.bincount(shares, sizes)
    for share in range(len(areas)):
        if share != areas.argmax():
            labels[members[shares == share]] = labels.max() + 1


def table_of(labels: np.ndarray, parts: Parts) -> Table:
    """Class and confidence of each segment.

    Parameters
    ----------
    labels : (M,) int array
        Label of each superpixel.
    parts : Parts
        The superpixels, for their sizes and probabilities.

    Returns
    -------
    table : dict of str to array
        Columns with a row for each segment: ``index`` (the label) and, if probabilities are
        known, ``class`` (from 1), the most probable class over the pixels of the segment, and
        ``confidence``, its mean probability.
    """
    index, rows = np.unique(labels, return_inverse=True)
    table = {"index": index[index > 0]}
    if parts.probabilities.shape[1]:
        weights = coo_array((parts.sizes, (rows, np.arange(len(rows))))).tocsr()
        means = (weights @ parts.probabilities)[index > 0]
        areas = np.asarray(weights.sum(axis=1)).ravel()[index > 0]
        table["class"] = means.argmax(1) + 1
        table["confidence"] = means.max(1) / np.maximum(areas, 1)
    return table


def classes_of_scribbles(
    scribbles: np.ndarray, superpixels: np.ndarray, most: int, name: str = "n_partitions"
) -> np.ndarray:
    """Class from 0 that most scribbles on each superpixel ask for, -1 without, (M,)."""
    highest = int(scribbles.max(initial=0))
    if highest > most:
        raise InvalidParameterError(
            f"scribbles: got label {highest}, expected 1 to {most}, the number of classes "
            f"({name})"
        )
    return seeds_of(scribbles, superpixels + 1, int(superpixels.max()) + 1) - 1
