"""Parameters of the methods that DSC is compared with; see ``docs/explanation/rivals.md``."""

import dataclasses
from typing import Annotated, Literal

from napari_dsc.params.checks import Params


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class BackpropParams(Params):
    """How a network is trained on one image by backpropagation (Kanezaki 2018).

    Parameters
    ----------
    n_iterations : int
        Largest number of training steps; fewer classes than asked for end it earlier.
    n_features : int
        Channels of each layer, and the largest possible number of classes.
    learning_rate : float
        Step size of stochastic gradient descent.
    momentum : float
        Momentum of stochastic gradient descent.
    precision : str
        Number format of the convolutions: ``float32`` or ``bfloat16`` (about twice as fast
        where the processor supports it; weights and loss stay in float32).
    seed : int
        Seed of the first weights.
    """

    n_iterations: Annotated[int, {"min": 1, "max": 10_000}] = 128
    n_features: Annotated[int, {"min": 2, "max": 1024}] = 100
    learning_rate: Annotated[float, {"min": 0.0001, "max": 1.0, "step": 0.0001}] = 0.1
    momentum: Annotated[float, {"min": 0.0, "max": 0.999, "step": 0.001}] = 0.9
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MumfordShahParams(Params):
    """How a network minimizes the Mumford-Shah loss on one image (Kim and Ye 2019).

    Parameters
    ----------
    n_iterations : int
        Training steps.
    learning_rate : float
        Step size of Adam.
    smoothness_weight : float
        Weight of the total variation of the class probabilities, ``lambda``, where colors
        lie in 0 to 1 and both terms are means over pixels.
    precision : str
        Number format of the convolutions: ``float32`` or ``bfloat16`` (about twice as fast
        where the processor supports it; weights and loss stay in float32).
    seed : int
        Seed of the first weights.
    """

    n_iterations: Annotated[int, {"min": 1, "max": 10_000}] = 200
    learning_rate: Annotated[float, {"min": 0.0001, "max": 1.0, "step": 0.0001}] = 0.001
    smoothness_weight: Annotated[float, {"min": 0.0, "max": 100.0, "step": 0.0001}] = 0.01
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CaeTvlParams(Params):
    """How an autoencoder with a total variation loss smooths an image (Wang et al. 2017).

    Parameters
    ----------
    n_iterations : int
        Training steps.
    learning_rate : float
        Step size of Adam.
    variation_weight : float
        Weight of the total variation of the smoothed image, where colors lie in 0 to 1 and
        both terms are means over pixels.
    seed : int
        Seed of the first weights.
    """

    n_iterations: Annotated[int, {"min": 1, "max": 10_000}] = 200
    learning_rate: Annotated[float, {"min": 0.0001, "max": 1.0, "step": 0.0001}] = 0.001
    variation_weight: Annotated[float, {"min": 0.0, "max": 100.0, "step": 0.0001}] = 0.05
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class WNetParams(Params):
    """How a W-Net is trained with the soft normalized cut (Xia and Kulis 2017).

    Parameters
    ----------
    n_partitions : int
        Largest possible number of classes, ``K``.
    n_iterations : int
        Training steps, each on one image.
    learning_rate : float
        Step size of Adam.
    longest_side : int
        Larger images are shrunk to this many pixels for the network, and its probabilities
        enlarged again.
    radius : int
        Pixels farther apart than this many pixels have no affinity.
    color_scale : float
        Color distance at which the affinity of two pixels is 1/e, in gray levels of 256.
    place_scale : float
        Distance at which the affinity of two pixels is 1/e, in pixels.
    seed : int
        Seed of the first weights.
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
    """How superpixels are clustered by their mean color or mean features.

    Parameters
    ----------
    radius_factor : float
        For the normalized cut, superpixels whose centers are closer than this many mean
        superpixel widths are neighbors.
    affinity_factor : float
        The affinity of two neighbors is 1/e at this many times the root mean square
        distance of neighbors.
    n_starts : int
        Runs of k-means from different centers, of which the best is taken.
    seed : int
        Seed of the first centers and of iterative solvers.
    """

    radius_factor: Annotated[float, {"min": 0.5, "max": 100.0, "step": 0.5}] = 2.0
    affinity_factor: Annotated[float, {"min": 0.01, "max": 100.0, "step": 0.01}] = 0.25
    n_starts: Annotated[int, {"min": 1, "max": 1000}] = 10
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0
