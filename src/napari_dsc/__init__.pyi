from .errors import ComputationError as ComputationError
from .errors import DeviceUnavailableError as DeviceUnavailableError
from .errors import DSCError as DSCError
from .errors import InvalidImageError as InvalidImageError
from .errors import InvalidParameterError as InvalidParameterError
from .errors import OutputError as OutputError
from .errors import WeightsError as WeightsError
from .hierarchy.tree import MergeTree as MergeTree
from .large.segmenting import segment_large as segment_large
from .params import CutParams as CutParams
from .params import ImageParams as ImageParams
from .params import SuperpixelParams as SuperpixelParams
from .params import TemplateParams as TemplateParams
from .params import TrainParams as TrainParams
from .params import TreeParams as TreeParams
from .params import preset as preset
from .segmenting.joint import iter_joint as iter_joint
from .segmenting.pipeline import iter_segment as iter_segment
from .segmenting.pipeline import merge_tree as merge_tree
from .segmenting.pipeline import over_segment as over_segment
from .segmenting.pipeline import segment as segment
from .segmenting.pipeline import smooth as smooth
from .segmenting.results import Segmentation as Segmentation
from .segmenting.results import Step as Step
from .segmenting.run import Run as Run

__version__: str
