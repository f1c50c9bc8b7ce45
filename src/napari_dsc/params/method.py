"""Parameters of the method: images, superpixels, cut, merge tree, templates, training."""

import dataclasses
from typing import Annotated, Literal

from napari_dsc.params.checks import Params


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ImageParams(Params):
    """Normalization of the intensities of an image to 0 to 1.

    Parameters
    ----------
    normalization : str
        ``range``: divide by the largest value of the integer type; floats must be in 0 to 1.
        ``percentile``: stretch linearly between two percentiles. ``auto``: ``range`` for
        8-bit RGB images unless they use less than a quarter of it, ``percentile`` for all
        others.
    low_percentile : float
        Percentile of the intensities that becomes 0; lower intensities are clipped.
    high_percentile : float
        Percentile of the intensities that becomes 1; higher intensities are clipped.
    """

    normalization: Literal["auto", "range", "percentile"] = "auto"
    low_percentile: Annotated[float, {"min": 0.0, "max": 49.0, "step": 0.1}] = 0.1
    high_percentile: Annotated[float, {"min": 51.0, "max": 100.0, "step": 0.1}] = 99.9


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SuperpixelParams(Params):
    """Over-segmentation of an image into superpixels.

    Parameters
    ----------
    superpixels : str
        Algorithm: ``slic`` (compact cells; used in the paper), ``egb`` (graph of
        Felzenszwalb and Huttenlocher), ``mean_shift`` (Comaniciu and Meer), ``watershed``
        (compact watershed) or ``ucm`` (regions of the merge tree).
    n_superpixels : int
        Number of superpixels, ``M``; the result is within 15 % of it if the image has that
        many regions.
    source : str
        Image to divide: the ``original`` image or, as in the paper, the image ``smoothed`` by
        the autoencoder.
    """

    superpixels: Literal["slic", "egb", "mean_shift", "watershed", "ucm"] = "ucm"
    n_superpixels: Annotated[int, {"min": 2, "max": 1_000_000}] = 100
    source: Literal["original", "smoothed"] = "original"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CutParams(Params):
    """The cut, which merges superpixels into classes; `preset` has the values of the paper.

    Parameters
    ----------
    n_partitions : int
        Largest number of classes, ``K``; the cut usually ends with fewer.
    n_iterations : int
        Largest number of training steps on the image, ``T``; more steps merge more. Paper:
        128.
    patience : int
        End the cut early when nearly no superpixel has changed its class for this many
        steps. 0: always take all steps, as in the paper.
    affinity : str
        Similarity of two superpixels, ``W``: from their ``features``, recomputed each step
        (paper), or from the altitude at which they merge in a ``tree``.
    affinity_scale : float
        Feature distance at which the affinity of two superpixels is 1/e, ``sigma``; used
        with affinity ``features``.
    altitude_scale : float
        Altitude in the merge tree at which the affinity of two superpixels is 1/e; used with
        affinity ``tree``. Regions of a photograph merge between 0.5 and 2.
    radius_factor : float
        Superpixels are neighbors if their centers are closer than this many mean superpixel
        widths, ``d / (N/M)^(1/2)``.
    label_weight : float
        Weight of the pseudo-label loss, ``alpha``.
    cut_weight : float
        Weight of the cut loss; ``beta`` is this weight over the divisor that
        ``cut_normalization`` chooses.
    cut_normalization : str
        Divisor of the cut weight: the square of the number of ``superpixels`` (paper), or the
        number of neighbor ``pairs``, so that the cut loss does not fade with more superpixels.
        Both agree at about 100 superpixels.
    learning_rate : float
        Step size of stochastic gradient descent.
    momentum : float
        Momentum of stochastic gradient descent.
    resolution : float
        Side of the image that the cut's network sees, relative to the image; 0.7 takes half
        of the time of 1 (paper). Superpixels and labels keep the full size.
    megapixels : float
        Largest input of the cut's network in megapixels; larger images are downsampled.
        Superpixels and labels keep the full size.
    encoder : str
        Weights that the cut trains: only those of the head, with the encoder ``frozen``, or
        those of the encoder too, ``trained`` (paper; takes about five times as long).
    precision : str
        Number format of the convolutions: ``float32``, or ``bfloat16``, which is faster on
        devices that support it. Losses and weights are float32 in both.
    graphs : str
        ``on``: record a training step as a CUDA graph and replay it, which is faster for small
        images. ``off``, and other devices than CUDA: launch each operation.
    seed : int
        Seed of the random weights of the head. The same seed gives the same labels on the
        same device.
    result : str
        ``classes``: segments of one class share a label, however far apart they are (paper).
        ``regions``: each connected region has its own label.
    series : str
        ``together``: cut all planes of a stack, or all frames of a time series, at once, so
        that a class means the same in each. ``apart``: cut each as a separate image.
    """

    n_partitions: Annotated[int, {"min": 2, "max": 256}] = 32
    n_iterations: Annotated[int, {"min": 1, "max": 10_000}] = 64
    patience: Annotated[int, {"min": 0, "max": 10_000}] = 12
    affinity: Literal["features", "tree"] = "features"
    affinity_scale: Annotated[float, {"min": 0.1, "max": 1000.0, "step": 0.1}] = 10.0
    altitude_scale: Annotated[float, {"min": 0.05, "max": 100.0, "step": 0.05}] = 1.0
    radius_factor: Annotated[float, {"min": 0.5, "max": 100.0, "step": 0.5}] = 2.0
    label_weight: Annotated[float, {"min": 0.0, "max": 1000.0, "step": 0.1}] = 1.0
    cut_weight: Annotated[float, {"min": 0.0, "max": 100_000.0, "step": 0.1}] = 5.0
    cut_normalization: Literal["superpixels", "pairs"] = "superpixels"
    learning_rate: Annotated[float, {"min": 0.0001, "max": 1.0, "step": 0.0001}] = 0.05
    momentum: Annotated[float, {"min": 0.0, "max": 0.999, "step": 0.001}] = 0.9
    resolution: Annotated[float, {"min": 0.05, "max": 1.0, "step": 0.05}] = 0.7
    megapixels: Annotated[float, {"min": 0.01, "max": 10_000.0, "step": 0.01}] = 1.0
    encoder: Literal["frozen", "trained"] = "frozen"
    precision: Literal["float32", "bfloat16"] = "float32"
    graphs: Literal["off", "on"] = "off"
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0
    result: Literal["classes", "regions"] = "classes"
    series: Literal["together", "apart"] = "together"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TreeParams(Params):
    """The merge tree of regions, and the level at which it is cut.

    Parameters
    ----------
    regions : int
        Number of regions. 0: cut the tree at ``threshold`` instead.
    threshold : float
        Altitude up to which regions are merged if ``regions`` is 0; a higher one gives fewer
        regions. The default scores best in covering and in variation of information on the
        validation images of BSDS500.
    n_leaves : int
        Number of superpixels from which the tree starts, ``M``; memory grows with its square.
    n_agglomerations : int
        Number of agglomerations with different weights; the tree is their consensus.
    tree_seed : int
        Seed of codebooks and weights. The same seed gives the same tree.
    """

    regions: Annotated[int, {"min": 0, "max": 5000}] = 0
    threshold: Annotated[float, {"min": 0.0, "max": 100.0, "step": 0.05}] = 1.7
    n_leaves: Annotated[int, {"min": 2, "max": 5000}] = 700
    n_agglomerations: Annotated[int, {"min": 1, "max": 256}] = 16
    tree_seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ClassParams(Params):
    """The class tree, and the number of classes that is shown of it.

    Parameters
    ----------
    classes : int
        Number of classes. 0: as many as stand out in the image.
    grain : str
        What is one class. ``fine``: what looks alike, such as a phase or a stained
        compartment, down to thin structures. ``texture``: areas of one texture, whose parts
        look different. ``regions``: what the merge tree joins, and regions like it elsewhere;
        for photographs.
    """

    classes: Annotated[int, {"min": 0, "max": 500}] = 0
    grain: Literal["fine", "texture", "regions"] = "fine"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TemplateParams(Params):
    """Templates of training images that come without templates.

    Parameters
    ----------
    template_method : str
        Algorithm: ``tree`` (regions of the merge tree; about a second an image),
        ``mumford_shah`` (pixels merged by the Mumford-Shah energy; seconds, or minutes for
        large flat areas) or ``mean_boundary`` (regions merged by the mean gradient along their
        boundary; fast, less accurate).
    n_template_regions : int
        Number of regions of a template.
    """

    template_method: Literal["tree", "mumford_shah", "mean_boundary"] = "tree"
    n_template_regions: Annotated[int, {"min": 2, "max": 100_000}] = 100


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TrainParams(Params):
    """Training of a SuperAE; the defaults are those of the paper.

    Parameters
    ----------
    ndim : int
        Dimensions of images and convolutions: 2 for planes, 3 for stacks.
    n_epochs : int
        Passes over the training set; one random crop per image, and as many per stack as fill
        its volume.
    batch_size : int
        Number of crops in one training step.
    crop_size : int
        Side of the random square crops in pixels; smaller images are padded by reflection.
        Crops of stacks are cubes, cut off along each axis at the length of the smallest stack.
    learning_rate : float
        Step size of Adam.
    smoothness_weight : float
        Weight of the template term of the loss, ``lambda``. 0: train a plain autoencoder.
    precision : str
        Number format of the convolutions: ``float32``, or ``bfloat16``, which is about twice
        as fast on devices that support it. Weights are float32 in both.
    seed : int
        Seed of the initial weights, the order of the images, the crops and the flips.
    """

    ndim: Annotated[int, {"min": 2, "max": 3}] = 2
    n_epochs: Annotated[int, {"min": 1, "max": 100_000}] = 100
    batch_size: Annotated[int, {"min": 1, "max": 1024}] = 10
    crop_size: Annotated[int, {"min": 8, "max": 4096}] = 300
    learning_rate: Annotated[float, {"min": 0.000001, "max": 1.0, "step": 0.000001}] = 0.001
    smoothness_weight: Annotated[float, {"min": 0.0, "max": 1000.0, "step": 0.1}] = 1.0
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0
