"""The interface of a method, and the options of all methods."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from napari_dsc import params
from napari_dsc.images import Image
from napari_dsc.params.checks import limits

SCALE_LIMITS: dict[str, tuple[float, float]] = {
    "n_superpixels": limits(params.SuperpixelParams, "n_superpixels"),
    "n_partitions": limits(params.CutParams, "n_partitions"),
    "n_regions": (1, 1_000_000),
    "min_size": (1, 1_000_000),
    "k": (1, 1_000_000),
    "gradient": (0, 100),
    "strength": (0, 1),
    "cut_cost": (0, 2),
    "n_classes": limits(params.ClassParams, "classes"),
    "altitude": limits(params.TreeParams, "threshold"),
}
"""Bounds of the scales, by the quantity that a method varies."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class MethodOptions:
    """Options of all methods; each method reads some of them, see `Method.reads`.

    Parameters
    ----------
    superpixel_params : SuperpixelParams
        Superpixels, for methods that merge superpixels.
    cut_params : CutParams
        The cut of DSC. Its ``result`` applies to all methods: with ``regions``, each connected
        region of a class has its own label.
    tree_params : TreeParams
        The merge tree.
    class_params : ClassParams
        The class tree.
    image_params : ImageParams
        Normalization with which the image was read.
    weights : str
        Name or file of the weights of SuperAE; empty: the weights of the package.
    device : str
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    contours : (2Y + 1, 2X + 1) uint8 array
        Contour map of the image for ``gpb_owt_ucm``; may be empty.
    cluster_params : ClusterParams
        Clustering of superpixels by k-means and normalized cuts.
    backprop_params : BackpropParams
        Backprop.
    mumford_shah_params : MumfordShahParams
        Mumford-Shah loss.
    cae_tvl_params : CaeTvlParams
        CAE-TVL.
    wnet_params : WNetParams
        W-Net.
    """

    superpixel_params: params.SuperpixelParams = params.SuperpixelParams()
    cut_params: params.CutParams = params.CutParams()
    tree_params: params.TreeParams = params.TreeParams()
    class_params: params.ClassParams = params.ClassParams()
    image_params: params.ImageParams = params.ImageParams()
    weights: str = ""
    device: str = "auto"
    contours: np.ndarray = dataclasses.field(
        default_factory=lambda: np.zeros((0, 0), np.uint8), repr=False
    )
    cluster_params: params.ClusterParams = params.ClusterParams()
    backprop_params: params.BackpropParams = params.BackpropParams()
    mumford_shah_params: params.MumfordShahParams = params.MumfordShahParams()
    cae_tvl_params: params.CaeTvlParams = params.CaeTvlParams()
    wnet_params: params.WNetParams = params.WNetParams()


EVERYTHING = tuple(
    one.name for one in dataclasses.fields(MethodOptions) if one.name != "contours"
)
"""All options but the contours, which come with each image."""


def with_superpixels(options: MethodOptions, algorithm: str) -> MethodOptions:
    """Options with superpixels of another algorithm.

    Parameters
    ----------
    options : MethodOptions
        Options.
    algorithm : str
        Name of the algorithm.

    Returns
    -------
    options : MethodOptions
        The changed options.
    """
    changed = dataclasses.replace(options.superpixel_params, superpixels=algorithm)  # type: ignore[arg-type]
    return dataclasses.replace(options, superpixel_params=changed)


class Method(NamedTuple):
    """A method that segments an image at several scales.

    Attributes
    ----------
    summary : str
        Description in one line.
    source : str
        Authors, journal and year of its publication.
    scale : str
        Quantity that varies from scale to scale, a name in `SCALE_LIMITS`:
        ``n_superpixels``, ``n_partitions`` and ``n_regions`` are numbers of superpixels,
        classes and regions, ``n_classes`` a number of classes, 0 for as many as stand out,
        ``min_size`` the least size of a region in pixels, ``k`` the
        constant of Felzenszwalb and Huttenlocher, ``gradient`` and ``strength`` those of
        contours, ``cut_cost`` that of a normalized cut, ``altitude`` the level of a merge
        tree.
    scales : tuple of float
        Default scales of an evaluation.
    default : float
        Default of a single scale.
    iter_scales : function
        Takes an `Image`, scales and `MethodOptions`; yields one label image a scale, in the
        order of the scales: S int64 with labels of 0 or more, which may have gaps. Results
        that the scales share are computed once.
    merges_superpixels : bool
        Whether it starts from superpixels of any kind; other methods make their own regions.
    needs_contours : bool
        Whether it cuts the contour map that comes with an image.
    takes_stacks : bool
        Whether it segments stacks in three dimensions; other methods take planes only.
    reads : tuple of str
        The options that can change its labels: fields of `MethodOptions`, or FIELD.PARAMETER
        for a single parameter. Weights and device need not be named for a method that reads
        superpixels of the smoothed image.
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
