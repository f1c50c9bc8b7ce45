"""Picture of the three grains of the class tree, each on a sample that it suits.

    python docs/scripts/grains.py docs/images

writes grains.png.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data
from skimage.color import label2rgb
from skimage.segmentation import find_boundaries

import napari_dsc
from napari_dsc import ClassParams
from napari_dsc.files import read_image
from napari_dsc.sample_data import sample_path

SHOWN = (("tissue", "fine"), ("neuropil", "texture"), ("photo", "regions"))
HEIGHT, GAP = 256, 6


def panel(sample: str, grain: str) -> np.ndarray:
    """Image above its classes."""
    image = data.astronaut() if sample == "photo" else read_image(sample_path(sample)).pixels
    labels = napari_dsc.segment(
        image, method="classes", class_params=ClassParams(grain=grain), device="cpu"
    ).labels
    gray = image.mean(axis=2) if image.ndim == 3 else image.astype(float)
    gray /= gray.max()
    colored = label2rgb(labels, gray, alpha=0.45, bg_label=0)
    colored[find_boundaries(labels, mode="inner")] = 1
    plain = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    both = [plain.astype(np.uint8), (255 * colored).astype(np.uint8)]
    scale = HEIGHT / len(image)
    size = (round(image.shape[1] * scale), HEIGHT)
    shown = [np.asarray(Image.fromarray(one).resize(size)) for one in both]
    gap = np.full((GAP, size[0], 3), 255, np.uint8)
    return np.concatenate([shown[0], gap, shown[1]])


def main() -> None:
    """Draw all panels side by side."""
    panels = [panel(*one) for one in SHOWN]
    gap = np.full((len(panels[0]), GAP, 3), 255, np.uint8)
    row = np.concatenate([part for one in panels for part in (one, gap)][:-1], axis=1)
    picture = Image.fromarray(row).quantize(128, dither=Image.Dither.NONE)
    picture.save(Path(sys.argv[1]) / "grains.png", optimize=True)


if __name__ == "__main__":
    main()
