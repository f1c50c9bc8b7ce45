"""PNG, JPEG and other formats that imageio reads."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import imageio.v3 as iio
import numpy as np
from PIL.PngImagePlugin import PngInfo

from napari_dsc.errors import InvalidImageError, OutputError
from napari_dsc.files.ownership import SOFTWARE
from napari_dsc.files.raw import RawImage

if TYPE_CHECKING:
    from pathlib import Path

START_LENGTH = 32  # bytes that tell the format to `read_photo`; no image is shorter
_PNG_START, _JPEG_START = b"\x89PNG", b"\xff\xd8"
# formats that are not read, by the bytes at a place in the file
_FOREIGN = (
    (128, b"DICM", "DICOM"),
    (0, b"\x89HDF", "HDF5 (also Imaris and ilastik)"),
    (344, b"n+1\0", "NIfTI"),
    (344, b"ni1\0", "NIfTI"),
    (0, b"\xda\xce\xbe\x0a", "Nikon ND2"),
    (0, b"\x70\0\0\0", "Leica LIF"),
    (0, b"ZISRAWFILE", "Zeiss CZI"),
    (0, b"\xd0\xcf\x11\xe0", "a Microsoft compound file (as Olympus OIB)"),
    (0, b"NRRD", "NRRD"),
    (0, b"ObjectType", "MetaImage"),
    (208, b"MAP ", "MRC"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"MATLAB", "MATLAB"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"%PDF", "PDF"),
)
_OTHER_COLORS = ("CMYK", "YCbCr", "LAB", "HSV")  # Pillow modes that are not gray or RGB


def read_photo(path: Path, start: bytes, *, apply_palette: bool) -> RawImage:
    """Read a file by Pillow, or by another reader of imageio if Pillow cannot read it.

    Parameters
    ----------
    path : Path
        An existing file. A damaged file may raise any exception of the decoders.
    start : bytes
        The first `START_LENGTH` bytes of the file.
    apply_palette : bool
        Whether pixels with a palette become colors, or stay the indices of the palette.

    Returns
    -------
    image : RawImage
        A single image, or all frames of an animation, with axes that start with T.

    Raises
    ------
    InvalidImageError
        If no reader can read the file.
    """
    try:
        # imageio documents the ellipsis, but its annotation lacks it
        found = iio.improps(path, plugin="pillow", index=...)  # type: ignore[arg-type]
    except OSError as error:
        return RawImage(_read_unusual(path, start, error))
    is_jpeg = start.startswith(_JPEG_START)  # cameras add previews, which are not frames
    if (found.n_images or 1) > 1 and not is_jpeg:
        frames = np.stack(list(iio.imiter(path, plugin="pillow")))
        has_alpha = frames.ndim == 4 and frames.shape[3] in (2, 4)
        return RawImage(frames, "TYXC"[: frames.ndim], has_alpha=has_alpha)
    mode = str(iio.immeta(path, plugin="pillow", index=0)["mode"])
    is_converted = mode in _OTHER_COLORS
    target = "RGB" if is_converted else "P" if mode == "P" and not apply_palette else None
    pixels = iio.imread(path, plugin="pillow", index=0, mode=target)
    notes: tuple[str, ...] = ()
    if is_converted:
        notes += (f"{mode} colors converted to RGB",)
    if start.startswith(_PNG_START) and start[24] == 16 and pixels.dtype == np.uint8:
        notes += ("16-bit colors read with 8 bits",)
    has_alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    return RawImage(pixels, "YXC"[: pixels.ndim], has_alpha=has_alpha, notes=notes)


def png_content(path: Path, pixels: np.ndarray, axes: str) -> bytes:
    """Encode an image as PNG.

    Parameters
    ----------
    path : Path
        Path of the file, for error messages.
    pixels : array
        Gray values or colors of uint8, or gray values of uint16.
    axes : str
        One letter of ``TZCYX`` for each axis.

    Returns
    -------
    content : bytes
        Content of the file.

    Raises
    ------
    OutputError
        If PNG cannot store values of this type, or this number of axes or channels.
    """
    n_channels = pixels.shape[axes.index("C")] if "C" in axes else 1
    if set(axes) & set("TZ") or n_channels not in (1, 3):
        raise OutputError(
            f"{path}: PNG stores one plane of 1 or 3 channels, got axes {axes} of shape "
            f"{pixels.shape}; choose .tif or .npy"
        )
    if pixels.ndim == 3:
        pixels = np.moveaxis(pixels, axes.index("C"), 2)
        pixels = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    is_color = pixels.ndim == 3
    if pixels.dtype != np.uint8 and (is_color or pixels.dtype != np.uint16):
        kind = "colors" if is_color else "values"
        raise OutputError(
            f"{path}: PNG does not store {kind} of type {pixels.dtype}; choose .tif or .npy"
        )
    about = PngInfo()
    about.add_text("Software", SOFTWARE)
    return iio.imwrite("<bytes>", pixels, plugin="pillow", extension=".png", pnginfo=about)


def _read_unusual(path: Path, start: bytes, refusal: OSError) -> np.ndarray:
    """Pixels by any reader that imageio finds, after Pillow refused with an error."""
    if refusal.__cause__ is not None and "exceeds limit" in str(refusal.__cause__):
        raise InvalidImageError(f"{path}: too many pixels for this format; convert it to TIFF")
    if len(start) == START_LENGTH:  # shorter files make some readers fail badly
        # readers raise errors of many types, and some do not close the file
        with contextlib.suppress(Exception), path.open("rb") as file:
            return np.asarray(iio.imread(file, extension=path.suffix))
    refuse_foreign_kind(path, refusal)
    raise InvalidImageError(
        f"{path}: not an image of a known format, expected TIFF, PNG, JPEG, NPY or another "
        "format that imageio reads"
    ) from refusal


def refuse_foreign_kind(path: Path, refusal: Exception) -> None:
    """Name the format of a file that nothing reads, if it is known.

    Raises
    ------
    InvalidImageError
        From the error of the readers.
    """
    with path.open("rb") as file:
        start = file.read(512)
    for place, mark, kind in _FOREIGN:
        if start.startswith(mark, place):
            raise InvalidImageError(
                f"{path}: {kind} is not supported; save it as OME-TIFF, for example with Fiji"
            ) from refusal
