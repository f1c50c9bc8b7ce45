"""Connected regions of a label image that is read band by band.

Each band is divided into pieces, its connected regions. A first pass over the bands finds which
pieces belong to one region, a second pass labels them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.labels.regions import connected_regions, join_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def region_numbers(bands: Callable[[], Iterator[np.ndarray]]) -> np.ndarray:
    """Region of each piece of each band.

    Parameters
    ----------
    bands : callable
        Return an iterator of the bands of a label image, (y, X) each, from the top.

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
    n_pieces = 0
    links = [np.zeros((2, 0), np.int64)]
    above = above_pieces = np.zeros((0,), np.int64)
    for band in bands():
        pieces = connected_regions(band) + n_pieces
        if len(above):
            same = above == band[0]
            links.append(np.unique(np.stack([above_pieces[same], pieces[0][same]]), axis=1))
        n_pieces = int(pieces.max()) + 1
        above, above_pieces = band[-1].copy(), pieces[-1].copy()
    return join_pieces(np.concatenate(links, 1), n_pieces)


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

    Yields
    ------
    regions : (y, X) array
        Value of the piece of each pixel, with the type of `numbers`.
    """
    n_pieces = 0
    for band in bands():
        pieces = connected_regions(band) + n_pieces
        n_pieces = int(pieces.max()) + 1
        yield numbers[pieces]
