"""Label images that are stored, what has changed since, and pictures of that."""

from pathlib import Path
from typing import NamedTuple

import imageio.v3 as iio
import numpy as np
from matplotlib.colors import hsv_to_rgb
from scipy.sparse import coo_array

LABELS = Path(__file__).with_name("labels")
GOLDEN_RATIO = (5**0.5 - 1) / 2  # its multiples modulo 1 lie far apart: hues of neighbors
GAP = 4  # pixels between pictures
ZOOM = 2


class Change(NamedTuple):
    """How a label image, or the most changed one of several, differs from the stored one.

    Attributes
    ----------
    bits : float
        Variation of information (Meila, 2005), in bits.
    n_found, n_stored : int
        Segments.
    renumbered : float
        Share of pixels whose segment has another number, where all segments are the same;
        0 where they are not.
    """

    bits: float
    n_found: int
    n_stored: int
    renumbered: float


def flat_parts(labels):
    """Label images as a list of matrices: planes and frames of one image below each other."""
    parts = labels if isinstance(labels, list) else [labels]
    return [part.reshape(-1, part.shape[-1]) for part in parts]


def read_labels(path):
    return iio.imread(path)


def write_labels(path, labels):
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = np.concatenate(flat_parts(labels))
    kind = np.uint8 if whole.max() < 256 else np.uint16
    iio.imwrite(path, whole.astype(kind), optimize=True)


def largest_change(labels, stored):
    """The change of the part that has changed most, with the segments of all parts.

    Labels of another shape than the stored ones have changed by infinitely many bits.
    """
    parts = flat_parts(labels)
    if np.concatenate(parts).shape != stored.shape:
        n_found = sum(len(np.unique(part)) for part in parts)
        return Change(np.inf, n_found, len(np.unique(stored)), 0.0)
    expected = np.split(stored, np.cumsum([len(part) for part in parts])[:-1])
    found = [change(*pair) for pair in zip(parts, expected, strict=True)]
    worst = max(found, key=lambda one: (one.bits, one.renumbered))
    return worst._replace(
        n_found=sum(one.n_found for one in found), n_stored=sum(one.n_stored for one in found)
    )


def change(found, stored):
    """What differs between two label images of one shape."""
    pairs = contingency(found, stored)
    in_found, in_stored = (
        np.bincount(place, pairs.data)[place] for place in (pairs.row, pairs.col)
    )
    # quotients of equal counts are exactly 1, so that equal partitions give exactly 0
    bits = pairs.data @ (np.log2(in_found / pairs.data) + np.log2(in_stored / pairs.data))
    is_other = found != stored
    return Change(
        float(bits / found.size),
        len(np.unique(found)),
        len(np.unique(stored)),
        float(is_other.mean()) if bits == 0 else 0.0,
    )


def contingency(found, stored):
    """Pixels that each segment of one shares with each of the other."""
    table = coo_array((np.ones(found.size), (found.ravel(), stored.ravel())))
    table.sum_duplicates()
    return table


def draw(labels, stored):
    """Stored labels, found labels and what differs, side by side, (Y, X, 3) uint8."""
    found = np.concatenate(flat_parts(labels)).astype(np.int64)
    if largest_change(labels, stored).renumbered:
        differs, matched = found != stored, found
    else:  # a segment has the color of the stored one that it shares most pixels with
        best = contingency(found, stored).toarray().argmax(axis=1)
        differs = best[found] != stored
        matched = np.where(differs, found + int(stored.max()) + 1, best[found])
    gray = colored(stored) // 4 + 160
    gray[differs] = (200, 0, 0)
    gap = np.full((len(found), GAP, 3), 255, np.uint8)
    row = np.concatenate([colored(stored), gap, colored(matched), gap, gray], axis=1)
    return row.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)


def colored(labels):
    """A color for each label, the same for the same label, (Y, X, 3) uint8."""
    hue = labels * GOLDEN_RATIO % 1
    value = 0.55 + 0.45 * (labels * GOLDEN_RATIO**2 * 7 % 1)
    hsv = np.stack([hue, np.full(labels.shape, 0.65), value], axis=-1)
    return np.rint(hsv_to_rgb(hsv) * 255).astype(np.uint8)
