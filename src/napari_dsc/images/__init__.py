"""Images as the method takes them, and what it gives as images."""

from napari_dsc.images.drawing import color_features, draw_boundaries
from napari_dsc.images.image import Image, array_sha256, load_image, to_label_image
from napari_dsc.images.normalization import Normalization

__all__ = [
    "Image",
    "Normalization",
    "array_sha256",
    "color_features",
    "draw_boundaries",
    "load_image",
    "to_label_image",
]
