"""All parameters, each defined once: name, default, bounds and help text.

Python, the command line, recipe files and the widgets read these classes. No module here may
import postponed annotations, because magicgui would lose the bounds.
"""

from napari_dsc.params.checks import Params
from napari_dsc.params.method import (
    CutParams,
    ImageParams,
    SuperpixelParams,
    TemplateParams,
    TrainParams,
    TreeParams,
)
from napari_dsc.params.presets import DEFAULT_WEIGHTS, PRESETS, preset, preset_values
from napari_dsc.params.rivals import (
    BackpropParams,
    CaeTvlParams,
    ClusterParams,
    MumfordShahParams,
    WNetParams,
)

__all__ = [
    "DEFAULT_WEIGHTS",
    "PRESETS",
    "BackpropParams",
    "CaeTvlParams",
    "ClusterParams",
    "CutParams",
    "ImageParams",
    "MumfordShahParams",
    "Params",
    "SuperpixelParams",
    "TemplateParams",
    "TrainParams",
    "TreeParams",
    "WNetParams",
    "preset",
    "preset_values",
]
