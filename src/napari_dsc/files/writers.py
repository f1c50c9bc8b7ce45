"""Write results to files, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from napari_dsc.errors import DSCError, OutputError
from napari_dsc.files.ownership import NPY_PADDING, refuse_foreign
from napari_dsc.files.photos import png_content
from napari_dsc.files.tiff import check_tiff_type, write_tiff

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

SUFFIXES = (".tif", ".tiff", ".png", ".npy")


def check_output(path: Path, *, overwrite: bool, suffixes: Collection[str] = SUFFIXES) -> None:
    """Find out before the work whether a result can be written.

    Parameters
    ----------
    path : Path
        The file to be written.
    overwrite : bool
        Whether a file that napari-dsc wrote may be replaced.
    suffixes : collection of str
        The formats that may be written, in lower case with their dot.

    Raises
    ------
    OutputError
        If the file exists and may not be replaced, its folder is missing or read-only, or
        its suffix is unknown.
    """
    if path.suffix.lower() not in suffixes:
        raise OutputError(
            f"{path}: unknown suffix {path.suffix!r}, expected one of {', '.join(suffixes)}"
        )
    _check_target(path)
    if path.exists() and not overwrite:
        raise OutputError(
            f"{path}: already exists; choose another name or pass overwrite=True (--overwrite)"
        )
    refuse_foreign(path)


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file so that its name never shows half of it.

    The bytes go to a temporary name in the same folder, to the disk, and then to the final
    name; whatever happens before that, a file of that name stays as it was.

    Parameters
    ----------
    path : Path
        Final name; a file of that name is replaced.
    write : callable
        Writes the content to a binary file open for writing and reading.

    Raises
    ------
    OutputError
        If the system refuses, for example because the disk is full.
    """
    _check_target(path)
    target = Path(os.path.realpath(path))  # a link stays a link to the new content
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb+") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except DSCError:
        raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_image(  # noqa: PLR0913 - what an image is written with, each by its name
    path: Path,
    pixels: np.ndarray,
    *,
    record: Mapping[str, object],
    spacing: Sequence[float],
    unit: str,
    overwrite: bool,
    axes: str = "",
) -> None:
    """Write an image in its own type.

    Parameters
    ----------
    path : Path
        ``.tif`` or ``.tiff`` (deflate; with record and pixel size), ``.png`` or ``.npy``.
    pixels : array
        With the axes `axes`; for PNG, grey or colors of 8 bits, or grey of 16.
    record : mapping
        How the image was made, for JSON.
    spacing : sequence of float
        Pixel size along each axis of space, in their order, or empty.
    unit : str
        Unit of the spacing, or empty.
    overwrite : bool
        Whether a file that exists may be replaced.
    axes : str
        One letter of ``ZCYX`` for each axis, in any order; empty stands for ``YX``, ``YXC``
        or ``CYX``, whichever the shape allows.

    Raises
    ------
    OutputError
        If the file cannot be written, or its format cannot hold the image.
    """
    check_output(path, overwrite=overwrite)
    axes = axes or _axes_of(pixels.shape)
    pixels = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("="))
    suffix = path.suffix.lower()
    if suffix == ".npy":
        write_atomically(path, lambda file: _write_npy(file, pixels))
    elif suffix == ".png":
        content = png_content(path, pixels, axes)
        write_atomically(path, lambda file: file.write(content))
    else:
        check_tiff_type(path, pixels)
        write_atomically(
            path, lambda file: write_tiff(file, pixels, axes, record, (spacing, unit))
        )


def _write_npy(file: BinaryIO, pixels: np.ndarray) -> None:
    """Write an array with a header that `is_ours` knows: its padding is longer than NumPy's."""
    header = np.lib.format.header_data_from_array_1_0(pixels)
    text = f"{header!r}".encode("latin1") + b" " * NPY_PADDING
    start = np.lib.format.magic(1, 0)
    text += b" " * (-(len(start) + 2 + len(text) + 1) % 64) + b"\n"
    file.write(start + len(text).to_bytes(2, "little") + text)
    file.write(pixels.data)


def _axes_of(shape: tuple[int, ...]) -> str:
    if len(shape) == 2:
        return "YX"
    return "YX"[: shape.index(min(shape))] + "C" + "YX"[shape.index(min(shape)) :]


def _check_target(path: Path) -> None:
    folder = path.parent
    try:
        if not folder.is_dir():
            raise OutputError(f"{path}: its folder does not exist, expected an existing one")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError(f"{path}: its folder is read-only, expected a writable one")
        if path.exists() and not path.is_file():
            raise OutputError(f"{path}: is no regular file, expected the name of a file")
    except OutputError:
        raise
    except OSError as error:  # a name too long, a folder that may not be entered
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
