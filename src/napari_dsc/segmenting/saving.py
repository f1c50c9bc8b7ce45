"""Writing of arrays that were made of an image, where it lies and as large as it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_dsc.files import SUFFIXES, check_output, write_image
from napari_dsc.images.axes import spatial_axes
from napari_dsc.large.writers import Labels, check_large_output, write_labels

_ZARR = ".zarr"


def check_result(path: Path, *, overwrite: bool) -> None:
    """Check, before a computation, that its labels can be written.

    Parameters
    ----------
    path : Path
        File or zarr store to write.
    overwrite : bool
        Whether one that napari-dsc wrote may be replaced.

    Raises
    ------
    OutputError
        If it exists and may not be replaced, its folder is missing or read-only, or its
        suffix is not allowed.
    """
    if path.suffix.lower() == _ZARR:
        check_large_output(path, overwrite=overwrite)
    else:
        check_output(path, overwrite=overwrite, suffixes=(*SUFFIXES, _ZARR))


def write_result(
    path: Path, pixels: np.ndarray, record: Mapping[str, Any], *, overwrite: bool
) -> None:
    """Write an array that was made of an image.

    Parameters
    ----------
    path : Path
        See `napari_dsc.files.write_image`; labels also to ``.zarr``, as OME-Zarr.
    pixels : array
        In the order of the image's axes, with its channels or without them.
    record : dict
        Of the run; it says axes, pixel size and unit of the image.
    overwrite : bool
        Whether a file that napari-dsc wrote is replaced.

    Raises
    ------
    OutputError
        If the file cannot be written, or its format cannot hold the array.
    """
    image = record["image"]
    has_channels = pixels.ndim == len(image["axes"])
    axes = image["axes"] if has_channels else image["axes"].replace("C", "")
    spatial = spatial_axes(axes)
    sizes = dict(zip(spatial, image["spacing"], strict=False))
    starts = dict(zip(spatial, image.get("translation", ()), strict=False))
    spacing = [sizes[axis] for axis in axes if axis in sizes]
    translation = [starts[axis] for axis in axes if axis in starts]
    place = {"spacing": spacing, "unit": image["unit"], "translation": translation}
    check_result(path, overwrite=overwrite)
    if path.suffix.lower() == _ZARR:
        write_labels(path, Labels.of(pixels, axes), record=record, **place)
    else:
        write_image(path, pixels, record=record, axes=axes, overwrite=overwrite, **place)
