"""What the class tree of an image grows from."""

from typing import NamedTuple

import numpy as np

from napari_dsc.classes.features import Pooled
from napari_dsc.hierarchy.descriptors import Descriptors
from napari_dsc.hierarchy.tree import MergeTree


class Material(NamedTuple):
    """What the class tree of an image grows from.

    Attributes
    ----------
    tree : MergeTree
        Merge tree.
    descriptors : Descriptors
        Statistics of its superpixels.
    pooled : Pooled
        Channels averaged over its superpixels.
    fine : S int array
        Finer superpixels ``0 .. m - 1``.
    fine_pooled : Pooled
        Channels averaged over these.
    valid : S bool array or None
        Pixels that count; None: all count.
    spacing : tuple of float
        Pixel size along each axis; empty: 1.
    is_given : bool
        Whether the finer superpixels are the user's, who wants the classes of these.
    wanted, fine_wanted : (M,) and (m,) int array, or None
        Class that scribbles ask for on each superpixel, from 0; -1 leaves it free.
    """

    tree: MergeTree
    descriptors: Descriptors
    pooled: Pooled
    fine: np.ndarray
    fine_pooled: Pooled
    valid: np.ndarray | None = None
    spacing: tuple[float, ...] = ()
    is_given: bool = False
    wanted: np.ndarray | None = None
    fine_wanted: np.ndarray | None = None
