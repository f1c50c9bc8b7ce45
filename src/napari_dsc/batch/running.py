"""Deprecated name of a function of `napari_dsc.batch.folder`."""

from napari_dsc.batch import folder
from napari_dsc.deprecation import moved

__getattr__ = moved(
    __name__, "iter_logged", lambda: folder.iter_logged, "napari_dsc.batch.folder.iter_logged"
)
