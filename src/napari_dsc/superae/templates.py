"""Over-segmentation templates for training images that come without templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dsc.hierarchy.colors import perceptual
from napari_dsc.hierarchy.construction import tree_regions
from napari_dsc.hierarchy.region_trees import (
    horizontal_cut,
    mean_boundary_tree,
    mumford_shah_tree,
)
from napari_dsc.images import color_features

if TYPE_CHECKING:
    import numpy as np

    from napari_dsc.params import TemplateParams

_TREES = {"mumford_shah": mumford_shah_tree, "mean_boundary": mean_boundary_tree}


def make_template(pixels: np.ndarray, params: TemplateParams) -> np.ndarray:
    """Over-segment an image into regions of nearly one color, for equation 2.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image with values in 0 to 1, in two or three dimensions.
    params : TemplateParams
        Hierarchy and number of regions.

    Returns
    -------
    template : S int64 array
        Connected regions, labels ``0 .. M - 1`` in the order of their first pixel. M is
        ``n_template_regions``, or less if the image has fewer regions above a quarter of the
        mean size.

    Notes
    -----
    The paper takes gPb-owt-ucm, whose boundary cues are learned from human labels. The merge
    tree, and Mumford-Shah merging with an area floor, need no labels.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_dsc.params import TemplateParams
    >>> halves = np.repeat(np.float32([0.1, 0.9]), 8).reshape(1, 4, 4)
    >>> make_template(halves, TemplateParams(n_template_regions=2))
    array([[0, 0, 0, 0],
           [0, 0, 0, 0],
           [1, 1, 1, 1],
           [1, 1, 1, 1]])
    """
    if params.template_method == "tree":
        return tree_regions(perceptual(pixels), params.n_template_regions)
    tree = _TREES[params.template_method](color_features(pixels))
    return horizontal_cut(tree, params.n_template_regions)
