"""Deprecated name of `napari_dsc.make_template`, as an earlier how-to showed it."""

from napari_dsc.deprecation import moved
from napari_dsc.hierarchy import construction

__getattr__ = moved(
    __name__, "make_template", lambda: construction.make_template, "napari_dsc.make_template"
)
