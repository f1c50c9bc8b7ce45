"""The method on the image inside the package, and one picture of all its stages."""

from functools import partial
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from skimage.color import label2rgb
from skimage.transform import downscale_local_mean

from napari_dsc.files import write_atomically, write_image
from napari_dsc.files.ownership import SOFTWARE
from napari_dsc.images import Image, draw_boundaries
from napari_dsc.sample_data import sample_path
from napari_dsc.segmenting.results import Segmentation

DOWNSCALING = 2


NAMES = ("smoothed.tif", "superpixels.tif", "segments.tif", "overview.png")
"""Files of a demo."""


def demo_image() -> np.ndarray:
    """Sample image at the size the demo works on, for a minute of two cores at most.

    Returns
    -------
    image : (128, 160, 3) uint8 array
        Stained tissue, RGB.
    """
    pixels = iio.imread(sample_path())
    means = downscale_local_mean(pixels, (DOWNSCALING, DOWNSCALING, 1))
    return np.asarray(np.rint(means).astype(np.uint8))


def write_demo(folder: Path, image: Image, result: Segmentation, *, overwrite: bool) -> None:
    """Write the results of a demo.

    Parameters
    ----------
    folder : Path
        Where to write the files of `NAMES`.
    image : Image
        Image the run worked on.
    result : Segmentation
        Its result.
    overwrite : bool
        Whether files that exist may be replaced.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    *pictures, overview = (folder / name for name in NAMES)
    parts = (result.smoothed, result.superpixels, result.labels)
    for path, pixels in zip(pictures, parts, strict=True):
        write_image(
            path, pixels, record=result.record, spacing=(), unit="", overwrite=overwrite
        )
    draw = FigureCanvasAgg(draw_overview(image, result)).print_png
    write_atomically(overview, partial(draw, metadata={"Software": SOFTWARE}))


def draw_overview(image: Image, result: Segmentation) -> Figure:
    """Draw image, smoothed image, superpixels and segments side by side.

    Parameters
    ----------
    image : Image
        RGB image the run worked on.
    result : Segmentation
        Its result.

    Returns
    -------
    overview : Figure
        Four panels with titles.
    """
    original, smoothed = (
        pixels / np.float32(255) for pixels in (image.restore(image.pixels), result.smoothed)
    )
    n_superpixels, n_segments = (
        len(np.unique(labels)) for labels in (result.superpixels, result.labels)
    )
    large = _enlarged(original)
    superpixels = draw_boundaries(np.moveaxis(large, -1, 0), _enlarged(result.superpixels))
    colors = label2rgb(_enlarged(result.labels), large, alpha=0.45, saturation=0.6)
    panels = {
        "image": original,
        "smoothed": smoothed,
        f"{n_superpixels} superpixels": superpixels,
        f"{n_segments} segments": colors,
    }
    height, width = original.shape[:2]
    figure = Figure(figsize=(13, 13 / 4 * height / width + 0.35), dpi=120, layout="constrained")
    for axes, (title, pixels) in zip(figure.subplots(1, 4), panels.items(), strict=True):
        axes.imshow(pixels, interpolation="nearest")
        axes.set_title(title, fontsize=15)
        axes.set_axis_off()
    return figure


def _enlarged(pixels: np.ndarray) -> np.ndarray:
    return pixels.repeat(4, axis=0).repeat(4, axis=1)
