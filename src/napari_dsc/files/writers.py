"""Writers of images, and of any file, which is written completely or not at all."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import secrets
import shutil
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import psutil

from napari_dsc.errors import DSCError, OutputError
from napari_dsc.files.ownership import NPY_PADDING, refuse_foreign
from napari_dsc.files.photos import png_content
from napari_dsc.files.tiff_writers import Place, fits_tiff, is_ome_tiff, write_tiff

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

# start of the names of temporary files, which the number of the process follows
LEFTOVER = f".napari-dsc-{zlib.crc32(platform.node().encode()):08x}-"
SUFFIXES = (".tif", ".tiff", ".png", ".npy")


def check_output(path: Path, *, overwrite: bool, suffixes: Collection[str] = SUFFIXES) -> None:
    """Check, before a computation, that its result can be written.

    Parameters
    ----------
    path : Path
        File to write.
    overwrite : bool
        Whether a file that napari-dsc wrote may be replaced.
    suffixes : collection of str
        Allowed suffixes, in lower case with their dot.

    Raises
    ------
    OutputError
        If the file exists and may not be replaced, its folder is missing or read-only, or
        its suffix is not allowed.
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
    """Write a file completely or not at all.

    The content is written to a temporary file in the same folder and flushed to the disk; then
    the file is renamed. If an error occurs before that, an existing file is not changed.

    Parameters
    ----------
    path : Path
        Name of the file; an existing file is replaced.
    write : callable
        Function that writes the content to a binary file, open for writing and reading.

    Raises
    ------
    OutputError
        If the file cannot be written, for example because the disk is full.
    """
    _check_target(path)
    target = Path(os.path.realpath(path))  # a link is kept, and its target replaced
    temporary = temporary_beside(target)
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


def temporary_beside(target: Path) -> Path:
    """Name for a temporary file or folder in the folder of a target.

    Parameters
    ----------
    target : Path
        What it will replace.

    Returns
    -------
    temporary : Path
        A new name. What killed processes of this machine left in the folder is removed, once
        a process.
    """
    _remove_leftovers(target.parent)
    return target.with_name(f"{LEFTOVER}{os.getpid()}-{secrets.token_hex(4)}.tmp")


@functools.cache
def _remove_leftovers(folder: Path) -> None:
    for path in folder.glob(f"{LEFTOVER}*.tmp"):
        process = path.name.removeprefix(LEFTOVER).partition("-")[0]
        if not process.isdecimal() or psutil.pid_exists(int(process)):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            path.unlink()


def write_image(  # noqa: PLR0913 - all but two are given by name
    path: Path,
    pixels: np.ndarray,
    *,
    record: Mapping[str, object],
    spacing: Sequence[float],
    unit: str,
    overwrite: bool,
    axes: str = "",
    translation: Sequence[float] = (),
) -> None:
    """Write an image without changing its type.

    Parameters
    ----------
    path : Path
        File to write: ``.tif`` or ``.tiff`` (deflate; with record and pixel size; OME-TIFF if
        the type and axes allow it, and always for ``.ome.tif``), ``.png`` or ``.npy``.
    pixels : array
        Pixels; for PNG, gray values or colors of uint8, or gray values of uint16.
    record : mapping
        How the image was made, ready for JSON.
    spacing : sequence of float
        Pixel size along each axis of space, in their order, 0 where unknown; or empty.
    unit : str
        Unit of spacing and translation, or empty.
    overwrite : bool
        Whether an existing file that napari-dsc wrote may be replaced.
    axes : str
        One letter of ``ZCYX`` for each axis of `pixels`, in any order; empty: ``YX``, ``YXC``
        or ``CYX``, by the shape.
    translation : sequence of float
        Position of the first pixel along each axis of space, or empty.

    Raises
    ------
    OutputError
        If the file cannot be written, or its format cannot store the image.
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
        is_ome = is_ome_tiff(path)
        if not fits_tiff(pixels.dtype, is_ome=is_ome):
            kind = "OME-TIFF" if is_ome else "TIFF"
            raise OutputError(
                f"{path}: {kind} does not store values of type {pixels.dtype}; choose .npy"
            )
        place = Place(spacing, unit, translation)
        write_atomically(
            path, lambda file: write_tiff(file, pixels, axes, record, place, is_ome=is_ome)
        )


def write_npz(path: Path, about: object, **arrays: np.ndarray) -> None:
    """Write arrays and a description.

    Parameters
    ----------
    path : Path
        File to write.
    about : object
        Description, which becomes JSON.
    **arrays : array
        Array of each name.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    arrays["about"] = np.array(json.dumps(about, default=str))
    write_atomically(path, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))


def _write_npy(file: BinaryIO, pixels: np.ndarray) -> None:
    """Write an array with the longer padding of its header by which `is_ours` recognizes it."""
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
            raise OutputError(
                f"{path}: its folder does not exist; create it or choose another folder"
            )
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError(f"{path}: its folder is read-only; choose another folder")
        if path.exists() and not path.is_file():
            raise OutputError(f"{path}: is not a regular file; choose another name")
    except OutputError:
        raise
    except OSError as error:  # a name too long, a folder that may not be entered
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
