"""Reading and writing of image files; every file is written completely or not at all."""

from napari_dsc.files.raw import RawImage as RawImage
from napari_dsc.files.readers import open_npz as open_npz
from napari_dsc.files.readers import read_image as read_image
from napari_dsc.files.readers import read_labels as read_labels
from napari_dsc.files.writers import SUFFIXES as SUFFIXES
from napari_dsc.files.writers import check_output as check_output
from napari_dsc.files.writers import write_atomically as write_atomically
from napari_dsc.files.writers import write_image as write_image
from napari_dsc.files.writers import write_npz as write_npz
