"""Distance of two superpixels in a merge tree: the altitude at which they merge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_dsc.hierarchy.tree import MergeTree


def leaf_altitudes(tree: MergeTree) -> np.ndarray:
    """Altitude at which each pair of superpixels merges.

    Parameters
    ----------
    tree : MergeTree
        Tree of M superpixels.

    Returns
    -------
    altitudes : (M, M) float32 array
        An ultrametric: symmetric, 0 on the diagonal.
    """
    n = tree.n_superpixels
    altitudes = np.zeros((n, n), np.float32)
    # superpixels of each node: a merge sets the altitude of all pairs across its children
    members = [np.array([leaf]) for leaf in range(n)]
    for altitude, (one, other) in zip(tree.altitudes[n:], tree.children(), strict=True):
        altitudes[np.ix_(members[one], members[other])] = altitude
        members.append(np.concatenate([members[one], members[other]]))
    return np.maximum(altitudes, altitudes.T)
