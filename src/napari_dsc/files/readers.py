"""Readers of images and label images, for any format."""

from __future__ import annotations

import contextlib
import json
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dsc.errors import DSCError, InvalidImageError
from napari_dsc.files.lazy import open_lazily
from napari_dsc.files.ome_zarr import is_zarr
from napari_dsc.files.photos import START_LENGTH, read_photo, refuse_foreign_kind
from napari_dsc.files.raw import RawImage, check_memory, reason_of
from napari_dsc.files.tiff import read_tiff, silent_tifffile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_NUMBERS = {2: "two", 3: "three"}
_NPY_START = b"\x93NUMPY"
_LARGEST_WHOLE = 2**53  # larger floats are not all different whole numbers


def read_image(path: Path) -> RawImage:
    """Read an image: TIFF, OME-TIFF, OME-Zarr, NPY, PNG, JPEG or another format of imageio.

    Parameters
    ----------
    path : Path
        The file, or a folder of zarr. The format of a file is detected from its content, not
        from its suffix.

    Returns
    -------
    image : RawImage
        The first image of the file. The EXIF rotation of photographs is not applied.

    Raises
    ------
    InvalidImageError
        If the file is missing, a folder, damaged, incomplete, or not an image.
    """
    return _read(path, apply_palette=True)


def read_labels(path: Path, ndim: int | None = None) -> np.ndarray:
    """Read a label image.

    Parameters
    ----------
    path : Path
        File of one image of whole numbers, also as floats or as a mask; of an image with a
        palette, the labels are the indices.
    ndim : int, optional
        Number of axes: 2, or 3 for a stack or a time series; default: 2 or 3.

    Returns
    -------
    labels : (Y, X) or (Z, Y, X) int array
        Labels with the values and type of the file.

    Raises
    ------
    InvalidImageError
        If the file cannot be read or is not a label image.
    """
    raw = _read(path, apply_palette=False)
    pixels = raw.pixels
    if "C" in raw.axes and pixels.shape[raw.axes.index("C")] > 1:
        raise InvalidImageError(
            f"{path}: shape {pixels.shape} with axes {raw.axes}, expected a label image, which "
            "has no channels"
        )
    labels = _whole(pixels.squeeze() if pixels.ndim > (ndim or 2) else pixels)
    numbers = (ndim,) if ndim else tuple(_NUMBERS)
    if labels.ndim not in numbers or labels.dtype.kind not in "iu" or labels.size == 0:
        raise InvalidImageError(
            f"{path}: shape {pixels.shape} of {pixels.dtype}, expected a label image: "
            f"{' or '.join(_NUMBERS[number] for number in numbers)} axes of integers"
        )
    return labels


def _whole(labels: np.ndarray) -> np.ndarray:
    """Integers, if all values are: of masks, and of labels that are stored as floats."""
    if labels.dtype.kind == "b":
        return labels.astype(np.uint8)
    if labels.dtype.kind == "f" and (np.abs(labels) < _LARGEST_WHOLE).all():
        whole = labels.astype(np.int64)
        return whole if (whole == labels).all() else labels
    return labels


@contextlib.contextmanager
def open_npz(path: Path, kind: str, suffix: str) -> Iterator[tuple[Any, Any]]:
    """Open a file of `write_npz`.

    Parameters
    ----------
    path : Path
        File to read.
    kind, suffix : str
        What the file holds and how its name ends, for messages.

    Yields
    ------
    arrays : mapping
        Array of each name.
    about : object
        Description.

    Raises
    ------
    InvalidImageError
        If the file cannot be read, or something is wrong with what is taken from it.
    """
    try:
        # opened here, because np.load leaves a damaged file open
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            yield file, json.loads(str(file["about"]))
    except FileNotFoundError as error:
        raise InvalidImageError(f"{path}: no such file; name a {suffix} file") from error
    except InvalidImageError:
        raise
    except Exception as error:  # damaged archives raise errors of many types
        raise InvalidImageError(
            f"{path}: is not {kind}, or damaged; name a {suffix} file"
        ) from error


def _read(path: Path, *, apply_palette: bool) -> RawImage:
    if is_zarr(path):
        return _read_zarr(path)
    start = _first_bytes(path)
    try:
        with silent_tifffile(), warnings.catch_warnings(action="ignore"):
            if start.startswith(_NPY_START):
                return RawImage(np.load(path, allow_pickle=False))
            if start.startswith(_TIFF_STARTS):
                return read_tiff(path)
            return read_photo(path, start, apply_palette=apply_palette)
    except DSCError:
        raise
    except Exception as error:  # decoders raise whatever damaged bytes lead them to
        refuse_foreign_kind(path, error)
        raise InvalidImageError(
            f"{path}: cannot be read as an image, it is damaged, cut short or of an "
            f"unsupported kind ({reason_of(error)})"
        ) from error


def _read_zarr(path: Path) -> RawImage:
    """Whole image of a zarr folder, at its finest level."""
    with open_lazily(path, 0) as raw:
        check_memory(path, raw.pixels.nbytes)
        try:
            return raw._replace(pixels=np.asarray(raw.pixels[...]))
        except Exception as error:  # damaged chunks lead to errors of any type
            raise InvalidImageError(
                f"{path}: its pixels cannot be read ({reason_of(error)})"
            ) from error


def _first_bytes(path: Path) -> bytes:
    """First bytes of a file, which tell its format; a path that is no file is refused."""
    try:
        if path.is_dir():
            raise InvalidImageError(f"{path}: is a folder, expected an image file")
        if path.exists() and not path.is_file():
            raise InvalidImageError(f"{path}: is not a regular file, expected an image file")
        with path.open("rb") as file:
            return file.read(START_LENGTH)
    except FileNotFoundError as error:
        raise InvalidImageError(f"{path}: no such file") from error
    except InvalidImageError:
        raise
    except (OSError, ValueError) as error:
        raise InvalidImageError(f"{path}: cannot be opened ({reason_of(error)})") from error
