"""What the class tree of an image grows from."""

from typing import NamedTuple

import numpy as np

from napari_dsc.classes.features import Pooled, averaged, averaged_nearby
from napari_dsc.hierarchy.descriptors import Descriptors
from napari_dsc.hierarchy.tree import MergeTree

NOTHING = Pooled(*[np.zeros((0, 0))] * 3)


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
    spacing : tuple of float
        Pixel size along each axis; empty: 1.
    fine : S int array
        Finer superpixels ``0 .. m - 1``; empty where other images are learned from too.
    fine_pooled : Pooled
        Channels averaged over these.
    valid : S bool array or None
        Pixels that count; None: all count.
    is_given : bool
        Whether the finer superpixels are the user's, who wants the classes of these.
    wanted, fine_wanted : (M,) and (m,) int array, or None
        Class that scribbles ask for on each superpixel, from 0; -1 leaves it free.
    """

    tree: MergeTree
    descriptors: Descriptors
    pooled: Pooled
    spacing: tuple[float, ...] = ()
    fine: np.ndarray = np.zeros(0, np.int64)
    fine_pooled: Pooled = NOTHING
    valid: np.ndarray | None = None
    is_given: bool = False
    wanted: np.ndarray | None = None
    fine_wanted: np.ndarray | None = None


class Divided(NamedTuple):
    """Superpixels of an image that gets the classes of others.

    Attributes
    ----------
    superpixels : S int array
        Superpixels ``0 .. M - 1``, as those of a merge tree.
    pooled : Pooled
        Channels averaged over these.
    fine : S int array
        Finer superpixels ``0 .. m - 1``.
    fine_pooled : Pooled
        Channels averaged over these.
    valid : S bool array or None
        Pixels that count; None: all count.
    spacing : tuple of float
        Pixel size along each axis; empty: 1.
    regions : (M,) int array or None
        Region of each superpixel in the merge tree, for the grain `regions`.
    """

    superpixels: np.ndarray
    pooled: Pooled
    fine: np.ndarray
    fine_pooled: Pooled
    valid: np.ndarray | None = None
    spacing: tuple[float, ...] = ()
    regions: np.ndarray | None = None

    def seen(self, grain: str) -> Pooled:
        """Channels of the superpixels as a grain sees them, as `Leaves.seen`."""
        counted = self.superpixels if self.valid is None else self.superpixels[self.valid]
        sizes = np.bincount(counted.ravel(), minlength=len(self.pooled.colors))
        shares = sizes / max(1, sizes.sum())
        if grain == "texture":
            about = (shares, self.superpixels, self.spacing)
            return Pooled(*(averaged_nearby(one, *about) for one in self.pooled))
        if grain == "regions" and self.regions is not None:
            means = (averaged(one, shares, self.regions)[self.regions] for one in self.pooled)
            return Pooled(*means)
        return self.pooled
