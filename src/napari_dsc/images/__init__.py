"""Images: axes, normalization, loading, and conversion of results."""

from napari_dsc.images.drawing import color_features, draw_boundaries
from napari_dsc.images.image import (
    Image,
    ImageSeries,
    array_sha256,
    to_label_image,
)
from napari_dsc.images.loading import load_image, load_series
from napari_dsc.images.normalization import Normalization, choose_normalization
from napari_dsc.images.pooling import Pool, always

__all__ = [
    "Image",
    "ImageSeries",
    "Normalization",
    "Pool",
    "always",
    "array_sha256",
    "choose_normalization",
    "color_features",
    "draw_boundaries",
    "load_image",
    "load_series",
    "to_label_image",
]
