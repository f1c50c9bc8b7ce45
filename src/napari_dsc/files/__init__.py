"""Reading and writing of image files; every file is written completely or not at all."""

from napari_dsc.files.raw import RawImage
from napari_dsc.files.readers import read_image, read_labels
from napari_dsc.files.writers import (
    SUFFIXES,
    check_output,
    write_atomically,
    write_image,
)

__all__ = [
    "SUFFIXES",
    "RawImage",
    "check_output",
    "read_image",
    "read_labels",
    "write_atomically",
    "write_image",
]
