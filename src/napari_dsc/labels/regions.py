"""Connected regions of label images, and the numbers that labels get."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage import measure


def connected_regions(labels: np.ndarray) -> np.ndarray:
    """Number the connected pieces of each label.

    Parameters
    ----------
    labels : S int array
        Label image; every value, 0 too, is a label. Values may be far apart.

    Returns
    -------
    regions : S int64 array
        Pieces connected through pixel faces, numbered ``0 .. R - 1`` in the order of
        their first pixel.

    Examples
    --------
    >>> connected_regions(np.array([[5, 5, 2, 5]]))
    array([[0, 0, 1, 2]])
    """
    # without axes of one pixel: scikit-image moves these, and numbers along the moved axes;
    # values of uint64 that wrap around stay distinct
    values = np.atleast_1d(labels.squeeze()).astype(np.int64, copy=False)
    background = int(values.min()) - 1  # a value that no pixel has
    if background < np.iinfo(np.int64).min:
        values, background = compact_labels(values)[1], -1
    if values.ndim > 3:  # more than scikit-image takes
        return np.asarray(_linked_regions(values).reshape(labels.shape))
    pieces = measure.label(values, background=background, connectivity=1)
    pieces -= 1
    return np.asarray(pieces.astype(np.int64, copy=False).reshape(labels.shape))


def _linked_regions(labels: np.ndarray) -> np.ndarray:
    """`connected_regions` along the first axis, of those along all others."""
    pieces = np.stack(numbered_on([connected_regions(part) for part in labels]))
    same = labels[1:] == labels[:-1]
    links = np.stack([pieces[1:][same], pieces[:-1][same]])
    return np.asarray(join_pieces(links, int(pieces.max()) + 1)[pieces])


def join_pieces(links: np.ndarray, n_pieces: int) -> np.ndarray:
    """Region of each piece, where links join pieces to regions.

    Parameters
    ----------
    links : (2, E) int array
        Pairs of pieces that belong to one region.
    n_pieces : int
        Number of pieces ``P``, which are numbered in the order of their first pixel.

    Returns
    -------
    regions : (P,) int64 array
        Numbers ``0 .. R - 1`` in the order of their first pixel.

    Examples
    --------
    >>> join_pieces(np.array([[2], [0]]), 4)
    array([0, 1, 0, 2])
    """
    return relabel_in_order(components(links, n_pieces))


def components(pairs: np.ndarray, n_nodes: int) -> np.ndarray:
    """Connected component of each node of a graph.

    Parameters
    ----------
    pairs : (2, E) int array
        Nodes that each edge joins.
    n_nodes : int
        Number of nodes.

    Returns
    -------
    numbers : (n_nodes,) int64 array
        Number of the component of each node, from 0.
    """
    graph = coo_array((np.ones(pairs.shape[1], bool), tuple(pairs)), shape=(n_nodes, n_nodes))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def relabel_in_order(labels: np.ndarray) -> np.ndarray:
    """Renumber labels ``0 .. M - 1`` in the order of their first pixel.

    Parameters
    ----------
    labels : S int array
        Label image with any values.

    Returns
    -------
    relabeled : S int64 array
        The same partition.

    Examples
    --------
    >>> relabel_in_order(np.array([[7, 7, 3]]))
    array([[0, 0, 1]])
    """
    values, ranks = compact_labels(labels)
    first = np.empty(len(values), np.int64)
    first[ranks.ravel()[::-1]] = np.arange(labels.size)[::-1]  # the last assignment stays
    numbers = np.empty(len(values), np.int64)
    numbers[np.argsort(first)] = np.arange(len(values))
    return np.asarray(numbers[ranks])


def compact_labels(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Renumber labels ``0 .. M - 1`` in the order of their values.

    Whatever is counted or looked up by label goes by these numbers: arrays as long as the
    largest label would not fit into memory where labels are 64-bit identifiers.

    Parameters
    ----------
    labels : S int array
        Label image with any values.

    Returns
    -------
    values : (M,) int64 array
        Values of `labels`, ascending; uint64 where they need it.
    numbers : S int64 array
        Place of each pixel's label among `values`.

    Examples
    --------
    >>> values, numbers = compact_labels(np.array([[7, 7, 2**60]]))
    >>> values.tolist(), numbers.tolist()
    ([7, 1152921504606846976], [[0, 0, 1]])
    """
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    if high > np.iinfo(np.int64).max or high - low >= labels.size:
        values, numbers = np.unique(labels, return_inverse=True)
        fits = high <= np.iinfo(np.int64).max
        return values.astype(np.int64) if fits else values, numbers.reshape(labels.shape)
    # labels close together: counting takes a thirtieth of the time that sorting takes
    places = labels.astype(np.int64) - low
    is_present = np.zeros(high - low + 1, bool)
    is_present[places] = True
    return np.flatnonzero(is_present) + low, (np.cumsum(is_present) - 1)[places]


def number_from_one(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Renumber labels ``1 .. M`` in the order of their values; 0 stays 0.

    Parameters
    ----------
    labels : S unsigned int array
        Label image.

    Returns
    -------
    values : (M,) int64 array
        Labels that occur, but 0.
    numbers : S unsigned int array
        Label image in the smallest type that holds M.

    Examples
    --------
    >>> number_from_one(np.uint8([[0, 7, 3]]))
    (array([3, 7]), array([[0, 2, 1]], dtype=uint8))
    """
    values, ranks = compact_labels(labels)
    used = values[values > 0].astype(np.int64)
    return used, (ranks + (len(used) == len(values))).astype(np.min_scalar_type(len(used)))


def numbered_on(parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Number the labels of several images on, so that no two images share one.

    Parameters
    ----------
    parts : sequence of int array
        Labels from 0 of each image.

    Returns
    -------
    numbered : list of unsigned int array
        Labels of each, above those of all before, in the smallest type that holds all.
    """
    counts = [int(part.max()) + 1 for part in parts]
    starts = np.cumsum([0, *counts])
    kind = np.min_scalar_type(int(starts[-1]))
    pairs = zip(parts, starts[:-1], strict=True)
    return [part.astype(kind) + kind.type(start) for part, start in pairs]


def region_numbers(bands: Callable[[], Iterator[np.ndarray]]) -> np.ndarray:
    """Region of each piece of each band.

    Parameters
    ----------
    bands : callable
        Return an iterator of the bands of a label image, (y, X) each, from the top; a label
        image that is read band by band takes two passes: this one, and `iter_regions`.

    Returns
    -------
    numbers : (P,) int64 array
        Number of the region of each piece, in the order of `iter_regions`; regions are
        numbered from 0 in the order of their first pixel.

    Examples
    --------
    >>> rows = np.array([[1, 2, 1]]), np.array([[1, 1, 1]])
    >>> region_numbers(lambda: iter(rows))
    array([0, 1, 0, 0])
    """
    links = [np.zeros((2, 0), np.int64)]
    above = above_pieces = np.zeros((0,), np.int64)
    for band, pieces in _iter_pieces(bands):
        if len(above):
            same = above == band[0]
            links.append(np.unique(np.stack([above_pieces[same], pieces[0][same]]), axis=1))
        above, above_pieces = band[-1].copy(), pieces[-1].copy()
    return join_pieces(np.concatenate(links, 1), int(pieces.max()) + 1)


def iter_regions(
    bands: Callable[[], Iterator[np.ndarray]], numbers: np.ndarray
) -> Iterator[np.ndarray]:
    """Regions of each band, or other values of its pieces.

    Parameters
    ----------
    bands : callable
        The argument of `region_numbers`.
    numbers : (P,) array
        Result of `region_numbers`, or another value for each piece.

    Returns
    -------
    regions : iterator of (y, X) array
        Value of the piece of each pixel, with the type of `numbers`.
    """
    return (numbers[pieces] for _, pieces in _iter_pieces(bands))


def _iter_pieces(
    bands: Callable[[], Iterator[np.ndarray]],
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Bands, and their connected regions, numbered on from band to band."""
    n_pieces = 0
    for band in bands():
        pieces = connected_regions(band) + n_pieces
        n_pieces = int(pieces.max()) + 1
        yield band, pieces
