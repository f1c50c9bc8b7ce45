"""The class tree beside its rivals on image sets whose labels are classes.

    python -m benchmarks.sets.class_sets micro scores-classes

`micro` holds a folder for each set with ``images`` and ``labels``. The first, third, ... image
of a set is for tuning, the others are for reporting; a set of one image is reported. The script
runs ``napari-dsc evaluate folder`` once for each set and row of methods, into a folder of its
own inside the second; a run that was stopped goes on where it was. What is known so far goes
into results/sets/class_sets.json, or class_sets_tuning.json with ``--half tuning``.
"""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.sets.micro import FEW

NAMES = (
    "axon_sem",
    "ebc_layers_sem",
    "s2_ndvi_landcover",
    "sandstone_ct",
    "superalloy_sem",
    "texture_collage",
)
MEASURES = ("sc", "pri", "vi", "ari")


class Row(NamedTuple):
    """Flags of ``napari-dsc evaluate``, and the scale that the method has by default."""

    flags: tuple[str, ...]
    default: float


KMEANS = ("--method", "kmeans_rgb", "--scales", FEW, "--superpixel.n-superpixels")
ROWS = {
    "k-means, 100 superpixels": Row((*KMEANS, "100"), 8),
    "k-means, 2500 superpixels": Row((*KMEANS, "2500"), 8),
    "multi-Otsu": Row(("--method", "multi_otsu"), 3),
    "Felzenszwalb": Row(("--method", "felzenszwalb"), 400),
    "tree, altitude": Row(("--method", "tree_altitude"), 1.7),
    "tree, number": Row(("--method", "tree", "--scales", COUNTS), 20),
    "cut": Row(("--method", "dsc", "--scales", "100,50,20,10"), 100),
}
