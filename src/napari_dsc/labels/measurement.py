"""Tables of segments: class and confidence, size, place and intensity."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from napari_dsc.labels.regions import compact_labels, connected_regions

Table = dict[str, np.ndarray]


def segment_table(
    labels: np.ndarray, superpixels: np.ndarray, classes: np.ndarray, probabilities: np.ndarray
) -> Table:
    """Class and confidence of each segment.

    Parameters
    ----------
    labels : S int array
        Segments; each lies in superpixels of one class. 0 belongs to none.
    superpixels : S int array
        Superpixels, from 1; 0 is none.
    classes : (M,) int array
        Class of each superpixel, from 0.
    probabilities : (M, K) float array
        Probability of each superpixel for each class; K may be 0.

    Returns
    -------
    table : dict of str to array
        ``index`` (the label), ``class`` (from 1) and, where there are probabilities,
        ``confidence``: the mean probability of the class over the segment's pixels, in
        [0, 1].
    """
    index, numbers = compact_labels(labels.ravel())
    members, is_segment = superpixels.ravel(), index > 0
    class_of = np.zeros(len(index), np.int64)
    class_of[numbers] = np.append(0, classes + 1)[members]
    table = {"index": index[is_segment], "class": class_of[is_segment]}
    if not probabilities.shape[1]:
        return table
    own = probabilities[np.arange(len(classes)), classes]
    means = np.bincount(numbers, np.append(0, own)[members]) / np.bincount(numbers)
    return table | {"confidence": means[is_segment]}


def measure_segments(
    labels: np.ndarray,
    image: np.ndarray | None,
    to_world: np.ndarray,
    axis_names: Sequence[str],
) -> Table:
    """Size, center and mean intensities of each segment.

    Parameters
    ----------
    labels : S int array
        Segments; 0 and negative values belong to none.
    image : (C, *S) array or None
        Intensities, in the units of the original.
    to_world : (n, n + 1) float array
        Linear map from pixels to physical coordinates, and the place of the first pixel in
        the last column.
    axis_names : sequence of str
        Name of each axis.

    Returns
    -------
    table : dict of str to array
        ``index``, ``area_px`` (pixels), ``area`` (pixels times the size of one, along the
        axes longer than one),
        ``centroid_<axis>`` in physical units, and ``mean_intensity``, numbered from 0 where
        there are several channels.
    """
    index, numbers = compact_labels(labels)
    places = np.flatnonzero(index > 0)
    sizes = np.bincount(numbers.ravel(), minlength=len(index))[places]
    linear, origin = to_world[:, :-1], to_world[:, -1]
    long = [axis for axis, size in enumerate(labels.shape) if size > 1]
    table = {
        "index": index[places],
        "area_px": sizes,
        "area": sizes * abs(float(np.linalg.det(linear[np.ix_(long, long)]))),
    }
    centers = ndimage.center_of_mass(np.ones(labels.shape), numbers, places)
    worlds = np.reshape(centers, (-1, labels.ndim)) @ linear.T + origin
    for axis, name in enumerate(axis_names):
        table[f"centroid_{name}"] = worlds[:, axis]
    channels = [] if image is None else list(image)
    for number, channel in enumerate(channels):
        name = "mean_intensity" if len(channels) == 1 else f"mean_intensity_{number}"
        table[name] = np.asarray(ndimage.mean(channel, numbers, places))
    return table


def split_into_regions(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the connected pieces of each label; 0 stays 0.

    Parameters
    ----------
    labels : S int array
        Segments; 0 belongs to none.

    Returns
    -------
    regions : S unsigned int array
        Pieces connected through pixel faces, from 1, in the smallest type that holds them.
    parents : (R,) int array
        Label that each piece comes from.
    """
    pieces = connected_regions(labels)
    parents = np.empty(int(pieces.max()) + 1, labels.dtype)
    parents[pieces.ravel()] = labels.ravel()
    number = np.where(parents == 0, 0, np.cumsum(parents != 0))
    regions = number[pieces]
    smallest = np.min_scalar_type(int(number.max(initial=0)))
    return regions.astype(smallest), parents[parents != 0]


def join_tables(table: Table, other: Table) -> Table:
    """Columns of two tables by ``index``; those of the second win.

    Parameters
    ----------
    table, other : dict of str to array
        Tables with a column ``index``.

    Returns
    -------
    joined : dict of str to array
        One row for each index of either, sorted; NaN where a table has no such row.
    """
    index = np.union1d(table["index"], other["index"])
    joined: Table = {"index": index}
    for one in (table, other):
        rows = np.searchsorted(index, one["index"])
        for name, column in one.items():
            if name == "index":
                continue
            if np.array_equal(one["index"], index):
                joined[name] = column
            else:
                is_number = column.dtype.kind in "iufb"
                joined[name] = np.full(len(index), np.nan, float if is_number else object)
                joined[name][rows] = column
    return joined
