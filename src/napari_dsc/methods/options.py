"""What a method is, and what it can be told."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_dsc.params import (
    BackpropParams,
    CaeTvlParams,
    ClusterParams,
    CutParams,
    ImageParams,
    MumfordShahParams,
    SuperpixelParams,
    TreeParams,
    WNetParams,
)
from napari_dsc.params.checks import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from napari_dsc.images import Image


SCALE_LIMITS: dict[str, tuple[float, float]] = {
    "n_superpixels": limits(SuperpixelParams, "n_superpixels"),
    "n_partitions": limits(CutParams, "n_partitions"),
    "n_regions": (1, 1_000_000),
    "min_size": (1, 1_000_000),
    "k": (1, 1_000_000),
    "gradient": (0, 100),
    "strength": (0, 1),
    "cut_cost": (0, 2),
    "altitude": limits(TreeParams, "threshold"),
}
"""Least and largest scale, by what a method varies; what lies beyond has no meaning."""


def _no_contours() -> np.ndarray:
    return np.zeros((0, 0), np.uint8)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class MethodOptions:
    """Settings of all methods; each method reads those that concern it.

    Parameters
    ----------
    superpixel_params : SuperpixelParams
        Superpixels that every method starts from which merges superpixels.
    cut_params : CutParams
        The cut of DSC. Its ``result`` holds for all methods: ``regions`` gives every
        connected piece of a class its own label.
    tree_params : TreeParams
        The merge tree.
    image_params : ImageParams
        How the image was normalized when it was read.
    weights : str
        Name or file of the weights of SuperAE; empty: those inside the package.
    device : str
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    contours : (2Y + 1, 2X + 1) uint8 array
        Contour map of the image for ``gpb_owt_ucm``; empty where there is none.
    cluster_params : ClusterParams
        K-means and normalized cuts of superpixels.
    backprop_params : BackpropParams
        Backprop.
    mumford_shah_params : MumfordShahParams
        Mumford-Shah loss.
    cae_tvl_params : CaeTvlParams
        CAE-TVL.
    wnet_params : WNetParams
        W-Net.
    """

    superpixel_params: SuperpixelParams = SuperpixelParams()
    cut_params: CutParams = CutParams()
    tree_params: TreeParams = TreeParams()
    image_params: ImageParams = ImageParams()
    weights: str = ""
    device: str = "auto"
    contours: np.ndarray = dataclasses.field(default_factory=_no_contours, repr=False)
    cluster_params: ClusterParams = ClusterParams()
    backprop_params: BackpropParams = BackpropParams()
    mumford_shah_params: MumfordShahParams = MumfordShahParams()
    cae_tvl_params: CaeTvlParams = CaeTvlParams()
    wnet_params: WNetParams = WNetParams()


EVERYTHING = tuple(
    one.name for one in dataclasses.fields(MethodOptions) if one.name != "contours"
)
"""Options of all methods; contours come with each image."""


class Method(NamedTuple):
    """A way to segment an image at several scales.

    Attributes
    ----------
    summary : str
        One line.
    source : str
        Who published it, where and when.
    scale : str
        What changes from scale to scale, a name in `SCALE_LIMITS`: ``n_superpixels``,
        ``n_partitions`` and ``n_regions`` are numbers of superpixels, classes and regions,
        ``min_size`` the pixels of the smallest region, ``k`` the constant of
        Felzenszwalb and Huttenlocher, ``gradient`` and ``strength`` those of contours,
        ``cut_cost`` that of a normalized cut, ``altitude`` the level of a merge tree.
    scales : tuple of float
        Scales to try where none are given.
    default : float
        Scale to take where one is enough.
    iter_scales : function
        Takes an `Image`, scales and `MethodOptions`; yields one label image a scale, S
        int64 with labels of 0 or more, perhaps with gaps, in the order of the scales. What
        the scales share is computed once.
    merges_superpixels : bool
        It starts from superpixels of any kind; the others make their own regions.
    needs_contours : bool
        It cuts the contour map that comes with an image.
    takes_stacks : bool
        It divides a stack in three dimensions; the others take planes.
    reads : tuple of str
        What of `MethodOptions` can change its labels: fields, or FIELD.PARAMETER for a
        single parameter. The weights and the device are among them where the image is
        smoothed, whatever stands here.
    """

    summary: str
    source: str
    scale: str
    scales: tuple[float, ...]
    default: float
    iter_scales: Callable[[Image, Sequence[float], MethodOptions], Iterator[np.ndarray]]
    merges_superpixels: bool = False
    needs_contours: bool = False
    takes_stacks: bool = False
    reads: tuple[str, ...] = EVERYTHING
