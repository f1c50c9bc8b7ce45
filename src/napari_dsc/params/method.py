"""Every parameter of the method, once: name, default, bounds and help text."""

import dataclasses
from typing import Annotated, Literal

from napari_dsc.params.checks import Params


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ImageParams(Params):
    """How the intensities of an image are brought to the range 0 to 1.

    Parameters
    ----------
    normalization : str
        ``range`` divides by the largest value of the integer type (floats must lie in 0 to 1),
        ``percentile`` stretches between two percentiles, ``auto`` takes ``range`` for 8-bit
        RGB and ``percentile`` for everything else.
    low_percentile : float
        Percentile of the intensities that becomes 0.
    high_percentile : float
        Percentile of the intensities that becomes 1.
    """

    normalization: Literal["auto", "range", "percentile"] = "auto"
    low_percentile: Annotated[float, {"min": 0.0, "max": 49.0, "step": 0.1}] = 0.1
    high_percentile: Annotated[float, {"min": 51.0, "max": 100.0, "step": 0.1}] = 99.9


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SuperpixelParams(Params):
    """How an image is divided into superpixels.

    Parameters
    ----------
    superpixels : str
        Algorithm: ``slic`` (compact cells), ``egb`` (Felzenszwalb-Huttenlocher graph),
        ``mean_shift`` (Comaniciu-Meer), ``watershed`` (compact watershed) or ``ucm``
        (the merge tree, cut). The paper takes ``slic``.
    n_superpixels : int
        Number of superpixels ``M``, met within 15 %.
    source : str
        Image the superpixels are made from: the ``original`` one or, as in the paper, the
        ``smoothed`` one.
    """

    superpixels: Literal["slic", "egb", "mean_shift", "watershed", "ucm"] = "ucm"
    n_superpixels: Annotated[int, {"min": 2, "max": 1_000_000}] = 100
    source: Literal["original", "smoothed"] = "original"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CutParams(Params):
    """How superpixels are merged into segments; the defaults are fast, see `preset`.

    Parameters
    ----------
    n_partitions : int
        Largest possible number of classes, ``K``; the cut usually ends with fewer.
    n_iterations : int
        Training steps on the image, ``T``; more steps merge more. The paper takes 128.
    patience : int
        The cut ends early when nearly no superpixel has changed its class for this many
        steps; 0 goes on to the last step, as in the paper.
    affinity : str
        What tells how alike two superpixels are, ``W``: their ``features``, anew in each step,
        as in the paper, or the altitude at which they merge in a ``tree`` of these superpixels.
    affinity_scale : float
        Feature distance at which the affinity of two superpixels is 1/e, ``sigma``.
    altitude_scale : float
        Altitude in the merge tree at which the affinity of two superpixels is 1/e; regions of
        a photograph merge between 0.5 and 2.
    radius_factor : float
        Superpixels whose centers are closer than this many mean superpixel widths are
        neighbors, ``d / (N/M)^(1/2)``.
    label_weight : float
        Weight of the pseudo-label loss, ``alpha``.
    cut_weight : float
        Weight of the cut loss, ``beta`` times the square of the number of superpixels.
    cut_normalization : str
        What ``cut_weight`` is divided by: ``superpixels`` takes their number squared, as in
        the paper; ``pairs`` the number of neighbor pairs, so that the cut does not fade
        when superpixels are many (equal at about 100 superpixels).
    learning_rate : float
        Step size of stochastic gradient descent.
    momentum : float
        Momentum of stochastic gradient descent.
    resolution : float
        Size at which the cut's network sees the image, relative to the image; 0.7 takes half
        of the time. Superpixels and labels keep the full size. The paper takes 1.
    megapixels : float
        Most pixels that the cut's network sees, in millions; of a larger image it sees a
        smaller version. Superpixels and labels keep the full size.
    encoder : str
        What the cut trains: ``frozen`` only the layer behind the encoder, ``trained`` the
        encoder as well, as in the paper, in about five times the time.
    precision : str
        Number format of the convolutions: ``float32`` or ``bfloat16`` (faster where the
        processor supports it; losses and weights stay in float32).
    graphs : str
        ``on`` records the step as a CUDA graph and replays it, which saves the time of launches
        on small images; ``off`` and other devices take each step anew.
    seed : int
        Seed of the embedding's random weights; the same seed gives the same labels on the
        same device.
    result : str
        ``classes`` gives far-apart segments of one class the same label, as in the paper;
        ``regions`` gives every connected piece its own label.
    series : str
        ``together`` cuts all planes of a stack, or all frames of a time series, at once: a
        class means the same in each; ``apart`` cuts each as an image of its own.
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
    """How the tree of regions is made, and where it is cut.

    Parameters
    ----------
    regions : int
        Number of regions; 0 cuts the tree at `threshold` instead.
    threshold : float
        Altitude up to which regions are merged where no number is asked for; the default is
        best for covering and variation of information on the 100 validation images of BSDS500.
    n_leaves : int
        Number of superpixels the tree starts from, ``M``; memory grows with its square.
    n_agglomerations : int
        Agglomerations with different weights, of which the tree is the consensus.
    tree_seed : int
        Seed of codebooks and weights; the same seed gives the same tree.
    """

    regions: Annotated[int, {"min": 0, "max": 5000}] = 0
    threshold: Annotated[float, {"min": 0.0, "max": 100.0, "step": 0.05}] = 1.7
    n_leaves: Annotated[int, {"min": 2, "max": 5000}] = 700
    n_agglomerations: Annotated[int, {"min": 1, "max": 256}] = 16
    tree_seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TemplateParams(Params):
    """How training templates are made for images that bring none.

    Parameters
    ----------
    template_method : str
        ``tree`` cuts the merge tree (about a second an image); ``mumford_shah`` merges pixels
        by the Mumford-Shah energy (seconds, and minutes where large areas are flat);
        ``mean_boundary`` merges by the mean gradient along boundaries (fast, coarser).
    n_template_regions : int
        Number of regions of a template.
    """

    template_method: Literal["tree", "mumford_shah", "mean_boundary"] = "tree"
    n_template_regions: Annotated[int, {"min": 2, "max": 100_000}] = 100


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TrainParams(Params):
    """How a SuperAE is trained; the defaults are the paper's.

    Parameters
    ----------
    ndim : int
        Dimensions of images and convolutions: 2 for planes, 3 for stacks.
    n_epochs : int
        Passes over all images; each draws one crop of a picture, and of a stack as many as make
        up its volume.
    batch_size : int
        Crops in one step.
    crop_size : int
        Side of the random square crops in pixels; smaller images are used whole, padded by
        reflection. Of stacks the crops are cubes, along each axis no longer than the smallest
        stack.
    learning_rate : float
        Step size of Adam.
    smoothness_weight : float
        Weight of the template term of the loss, ``lambda``; 0 trains a plain autoencoder.
    precision : str
        Number format of the convolutions: ``float32`` or ``bfloat16`` (about twice as fast
        where the processor supports it; weights stay in float32).
    seed : int
        Seed of the first weights, the order of images, the crops and the flips.
    """

    ndim: Annotated[int, {"min": 2, "max": 3}] = 2
    n_epochs: Annotated[int, {"min": 1, "max": 100_000}] = 100
    batch_size: Annotated[int, {"min": 1, "max": 1024}] = 10
    crop_size: Annotated[int, {"min": 8, "max": 4096}] = 300
    learning_rate: Annotated[float, {"min": 0.000001, "max": 1.0, "step": 0.000001}] = 0.001
    smoothness_weight: Annotated[float, {"min": 0.0, "max": 1000.0, "step": 0.1}] = 1.0
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0
