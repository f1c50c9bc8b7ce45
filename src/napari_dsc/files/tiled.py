"""TIFF files that are written tile by tile."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import tifffile

from napari_dsc.files.tiff import tiff_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np


def write_tiled_tiff(
    file: BinaryIO,
    tiles: Iterable[np.ndarray],
    layout: tuple[tuple[int, int], np.dtype, int],
    record: Mapping[str, object],
    pixel_size: tuple[Sequence[float], str],
) -> None:
    """Write a grey image tile by tile, as BigTIFF, with what `write_tiff` writes besides.

    Parameters
    ----------
    file : binary file
        Open for writing and reading, at its start.
    tiles : iterable of array
        Square tiles row by row, those at the rim filled up.
    layout : ((int, int), np.dtype, int)
        Height and width of the image, its type, and the side of the tiles, a multiple of 16.
    record, pixel_size
        As `write_tiff` takes them.
    """
    shape, dtype, side = layout
    tifffile.imwrite(
        file,
        iter(tiles),
        shape=shape,
        dtype=dtype,
        tile=(side, side),
        bigtiff=True,
        photometric="minisblack",
        **tiff_options((shape, "YX"), record, pixel_size),
    )
