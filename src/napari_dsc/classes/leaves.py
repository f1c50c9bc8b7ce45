"""Superpixels of one image, or of several that are grouped together."""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from napari_dsc.classes.features import Pooled, averaged, averaged_nearby
from napari_dsc.classes.material import Material
from napari_dsc.hierarchy.consensus import leaf_altitudes
from napari_dsc.hierarchy.descriptors import Descriptors
from napari_dsc.hierarchy.tree import MergeTree

N_NODES = 500  # 300 score nearly as high, 150 do not
LEAST_NODES = 50  # of each of several images
N_REGIONS = 50  # regions of a merge tree about whose means the scatter is taken
REGION_ALTITUDE = 1.7  # regions of the grain `regions`, as by default in the merge tree


class Leaves:
    """Superpixels of the merge trees of one image or several, numbered on.

    Parameters
    ----------
    materials : sequence of Material
        One for each image; of several, the histograms are of common words.
    """

    def __init__(self, materials: Sequence[Material]) -> None:
        self.trees = [one.tree for one in materials]
        counts = [tree.n_superpixels for tree in self.trees]
        self.starts = np.cumsum([0, *counts])
        self.descriptors = _joined([one.descriptors for one in materials], self.starts)
        self.pooled = Pooled(
            *map(np.concatenate, zip(*(m.pooled for m in materials), strict=True))
        )
        self._spacings = [one.spacing for one in materials]

    @cached_property
    def shares(self) -> np.ndarray:
        """Share of each superpixel in the area of all images, (M,)."""
        sizes = self.descriptors.sizes
        return np.asarray(sizes / sizes.sum())

    @cached_property
    def nodes(self) -> np.ndarray:
        """Region of each superpixel that becomes a node, (M,)."""
        number = max(LEAST_NODES, N_NODES // len(self.trees))
        return self._each(lambda tree: tree.regions_of_superpixels(n_regions=number))

    @cached_property
    def scattered(self) -> np.ndarray:
        """Region of each superpixel within which it should be alike, (M,)."""
        return self._each(lambda tree: tree.regions_of_superpixels(n_regions=N_REGIONS))

    @cached_property
    def regions(self) -> np.ndarray:
        """Region of each superpixel by default, (M,)."""
        return self._each(lambda tree: tree.regions_of_superpixels(threshold=REGION_ALTITUDE))

    def _each(self, divide: Callable[[MergeTree], np.ndarray]) -> np.ndarray:
        found, start = [], 0
        for tree in self.trees:
            found.append(divide(tree) + start)
            start = int(found[-1].max()) + 1
        return np.concatenate(found)

    def meeting(self, chosen: np.ndarray) -> np.ndarray:
        """Altitude at which pairs of superpixels meet; of two images that of the highest root.

        Parameters
        ----------
        chosen : (N,) int array
            Some superpixels.

        Returns
        -------
        altitudes : (N, N) float64 array
            Symmetric, 0 on the diagonal.
        """
        highest = max(float(tree.altitudes[-1]) for tree in self.trees)
        found = np.full((len(chosen),) * 2, highest)
        for tree, start, stop in zip(self.trees, self.starts, self.starts[1:], strict=False):
            here = np.flatnonzero((chosen >= start) & (chosen < stop))
            own = chosen[here] - start
            found[np.ix_(here, here)] = leaf_altitudes(tree)[np.ix_(own, own)]
        return found

    def nearby(self, values: np.ndarray) -> np.ndarray:
        """Values averaged over the neighborhood that makes a texture, by a Gaussian, (M, F)."""
        found = []
        for place, tree in enumerate(self.trees):
            here = slice(self.starts[place], self.starts[place + 1])
            about = (self.shares[here], tree.superpixels, self._spacings[place])
            found.append(averaged_nearby(values[here], *about))
        return np.concatenate(found)

    def seen(self, grain: str) -> Pooled:
        """Channels of the superpixels as a grain sees them.

        With `texture` they are averaged nearby, with `regions` over the regions of the tree.
        """
        if grain == "texture":
            return Pooled(*map(self.nearby, self.pooled))
        if grain == "regions":
            regions = self.regions
            means = (averaged(one, self.shares, regions)[regions] for one in self.pooled)
            return Pooled(*means)
        return self.pooled


def _joined(each: Sequence[Descriptors], starts: np.ndarray) -> Descriptors:
    """Descriptors of several images, whose superpixels are numbered on."""
    pairs = [one.pairs + start for one, start in zip(each, starts, strict=False)]
    turned = [one._replace(pairs=pair.T) for one, pair in zip(each, pairs, strict=True)]
    fields = zip(*turned, strict=True)
    joined = Descriptors(*map(np.concatenate, fields))
    return joined._replace(pairs=joined.pairs.T)
