"""All methods that can be scored, DSC and its rivals, with one interface."""

from napari_dsc.methods.options import SCALE_LIMITS, Method, MethodOptions
from napari_dsc.methods.table import METHODS

__all__ = ["METHODS", "SCALE_LIMITS", "Method", "MethodOptions"]
