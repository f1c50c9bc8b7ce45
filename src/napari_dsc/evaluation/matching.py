"""Deprecated name of a function of `napari_dsc.evaluation.contingency`."""

from napari_dsc.deprecation import moved
from napari_dsc.evaluation import contingency

__getattr__ = moved(
    __name__, "error_map", lambda: contingency.error_map, "contingency.error_map"
)
