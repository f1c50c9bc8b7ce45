"""Parameters of the methods to which DSC is compared; see ``docs/explanation/rivals.md``."""

import dataclasses
from typing import Annotated, Literal

from napari_dsc.params.checks import Params


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class BackpropParams(Params):
    """Segmentation by backpropagation: a network trained on one image (Kanezaki 2018).

    Parameters
    ----------
    n_iterations : int
        Largest number of training steps; training ends early when as few classes are left as
        requested.
    n_features : int
        Number of channels of each layer, and largest number of classes.
    learning_rate : float
        Step size of stochastic gradient descent.
    momentum : float
        Momentum of stochastic gradient descent.
    precision : str
        Number format of the convolutions: ``float32``, or ``bfloat16``, which is about twice
        as fast on devices that support it. Weights and loss are float32 in both.
    seed : int
        Seed of the initial weights.
    """

    n_iterations: Annotated[int, {"min": 1, "max": 10_000}] = 128
    n_features: Annotated[int, {"min": 2, "max": 1024}] = 100
    learning_rate: Annotated[float, {"min": 0.0001, "max": 1.0, "step": 0.0001}] = 0.1
    momentum: Annotated[float, {"min": 0.0, "max": 0.999, "step": 0.001}] = 0.9
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MumfordShahParams(Params):
    """Mumford-Shah loss: a network trained on one image (Kim and Ye 2020).

    Parameters
    ----------
    n_iterations : int
        Number of training steps.
    learning_rate : float
        Step size of Adam.
    smoothness_weight : float
        Weight of the total variation of the class probabilities, ``lambda``, for colors in 0
        to 1 and with both terms as means over pixels.
    precision : str
        Number format of the convolutions: ``float32``, or ``bfloat16``, which is about twice
        as fast on devices that support it. Weights and loss are float32 in both.
    seed : int
        Seed of the initial weights.
    """

    n_iterations: Annotated[int, {"min": 1, "max": 10_000}] = 200
    learning_rate: Annotated[float, {"min": 0.0001, "max": 1.0, "step": 0.0001}] = 0.001
    smoothness_weight: Annotated[float, {"min": 0.0, "max": 100.0, "step": 0.0001}] = 0.01
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CaeTvlParams(Params):
    """CAE-TVL: smoothing by an autoencoder with a total variation loss (Wang et al. 2017).

    Parameters
    ----------
    n_iterations : int
        Number of training steps.
    learning_rate : float
        Step size of Adam.
    variation_weight : float
        Weight of the total variation of the smoothed image, for colors in 0 to 1 and with
        both terms as means over pixels.
    seed : int
        Seed of the initial weights.
    """

    n_iterations: Annotated[int, {"min": 1, "max": 10_000}] = 200
    learning_rate: Annotated[float, {"min": 0.0001, "max": 1.0, "step": 0.0001}] = 0.001
    variation_weight: Annotated[float, {"min": 0.0, "max": 100.0, "step": 0.0001}] = 0.05
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class WNetParams(Params):
    """W-Net: two U-Nets trained with the soft normalized cut (Xia and Kulis 2017).

    Parameters
    ----------
    n_partitions : int
        Largest number of classes, ``K``.
    n_iterations : int
        Number of training steps, each on one image.
    learning_rate : float
        Step size of Adam.
    longest_side : int
        Longest side of the network's input in pixels; larger images are downsampled, and the
        probabilities upsampled to the image.
    radius : int
        Largest distance of two pixels with an affinity, in pixels.
    color_scale : float
        Color distance at which the affinity of two pixels is 1/e, in gray levels of 256.
    place_scale : float
        Distance in space at which the affinity of two pixels is 1/e, in pixels.
    seed : int
        Seed of the initial weights.
    """

    n_partitions: Annotated[int, {"min": 2, "max": 256}] = 16
    n_iterations: Annotated[int, {"min": 1, "max": 100_000}] = 100
    learning_rate: Annotated[float, {"min": 0.0001, "max": 1.0, "step": 0.0001}] = 0.003
    longest_side: Annotated[int, {"min": 16, "max": 4096}] = 224
    radius: Annotated[int, {"min": 1, "max": 20}] = 5
    color_scale: Annotated[float, {"min": 0.1, "max": 1000.0, "step": 0.1}] = 10.0
    place_scale: Annotated[float, {"min": 0.1, "max": 1000.0, "step": 0.1}] = 4.0
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ClusterParams(Params):
    """Clustering of superpixels by their mean color or mean features.

    Parameters
    ----------
    radius_factor : float
        In the normalized cut, superpixels are neighbors if their centers are closer than this
        many mean superpixel widths.
    affinity_factor : float
        Distance at which the affinity of two neighbors is 1/e, relative to the root mean
        square distance of neighbors.
    n_starts : int
        Number of runs of k-means from different centers; the best run counts.
    seed : int
        Seed of the initial centers and of iterative solvers.
    """

    radius_factor: Annotated[float, {"min": 0.5, "max": 100.0, "step": 0.5}] = 2.0
    affinity_factor: Annotated[float, {"min": 0.01, "max": 100.0, "step": 0.01}] = 0.25
    n_starts: Annotated[int, {"min": 1, "max": 1000}] = 10
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0
