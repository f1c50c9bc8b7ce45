"""All parameters, each defined once: name, default, bounds and help text.

Python, the command line, recipe files and the widgets read these classes. No module here may
import postponed annotations, because magicgui would lose the bounds.
"""

from napari_dsc.params.checks import Params as Params
from napari_dsc.params.method import ClassParams as ClassParams
from napari_dsc.params.method import CutParams as CutParams
from napari_dsc.params.method import ImageParams as ImageParams
from napari_dsc.params.method import SuperpixelParams as SuperpixelParams
from napari_dsc.params.method import TemplateParams as TemplateParams
from napari_dsc.params.method import TrainParams as TrainParams
from napari_dsc.params.method import TreeParams as TreeParams
from napari_dsc.params.presets import DEFAULT_WEIGHTS as DEFAULT_WEIGHTS
from napari_dsc.params.presets import PRESETS as PRESETS
from napari_dsc.params.presets import default_weights as default_weights
from napari_dsc.params.presets import preset as preset
from napari_dsc.params.presets import preset_values as preset_values
from napari_dsc.params.rivals import BackpropParams as BackpropParams
from napari_dsc.params.rivals import CaeTvlParams as CaeTvlParams
from napari_dsc.params.rivals import ClusterParams as ClusterParams
from napari_dsc.params.rivals import MumfordShahParams as MumfordShahParams
from napari_dsc.params.rivals import WNetParams as WNetParams
