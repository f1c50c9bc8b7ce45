"""Writing of TIFF files tile by tile."""

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
    """Write a gray image as BigTIFF, tile by tile, with record and pixel size.

    Parameters
    ----------
    file : binary file
        File open for writing and reading, at its start.
    tiles : iterable of array
        Square tiles in rows from the top left; tiles at the rim are padded.
    layout : ((int, int), np.dtype, int)
        Height and width of the image, its type, and the side of the tiles, a multiple of 16.
    record, pixel_size
        As in `write_tiff`.
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
