"""Images: axes, normalization, loading, and conversion of results."""

from napari_dsc.images.drawing import color_features as color_features
from napari_dsc.images.drawing import draw_boundaries as draw_boundaries
from napari_dsc.images.image import Image as Image
from napari_dsc.images.image import ImageSeries as ImageSeries
from napari_dsc.images.image import array_sha256 as array_sha256
from napari_dsc.images.loading import load_image as load_image
from napari_dsc.images.loading import load_series as load_series
from napari_dsc.images.masks import to_label_image as to_label_image
from napari_dsc.images.normalization import Normalization as Normalization
from napari_dsc.images.normalization import Pool as Pool
from napari_dsc.images.normalization import always as always
from napari_dsc.images.normalization import choose_normalization as choose_normalization
