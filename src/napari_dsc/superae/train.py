"""Algorithm 1: train a SuperAE on images and their over-segmentation templates."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from napari_dsc.errors import ComputationError, InvalidImageError
from napari_dsc.labels.means import region_mean
from napari_dsc.machine.device import reproducible, seeded
from napari_dsc.params import TrainParams
from napari_dsc.superae.blocks import LAYERS
from napari_dsc.superae.model import SuperAE

# axes along which crops are flipped: photographs have an orientation, volumes have none
FLIPPED = {2: (-1,), 3: (-3, -2, -1)}
# least side of a crop of stacks: the least `TrainParams.crop_size`
SMALLEST_CROP = 8


class Epoch(NamedTuple):
    """Number, mean unweighted losses and duration of one pass over the images."""

    number: int
    fidelity: float
    smoothness: float
    seconds: float


@dataclass
class TrainingState:
    """The state of a training, which a checkpoint stores.

    Parameters
    ----------
    model : SuperAE
        The network.
    optimizer : torch.optim.Adam
        Optimizer of the network.
    history : list of Epoch
        Completed epochs.
    """

    model: SuperAE
    optimizer: torch.optim.Adam
    history: list[Epoch] = field(default_factory=list)


class _Example(NamedTuple):
    image: Tensor
    template: Tensor
    colors: Tensor


def new_training(n_channels: int, params: TrainParams, device: torch.device) -> TrainingState:
    """State of a new training: a network with random weights, and its optimizer.

    Parameters
    ----------
    n_channels : int
        Number of channels of the images.
    params : TrainParams
        Number of dimensions, seed and learning rate.
    device : torch.device
        Device of the training.

    Returns
    -------
    state : TrainingState
        State before the first epoch.
    """
    with seeded(params.seed):
        model = SuperAE(n_channels, params.ndim)
    model = model.to(device, memory_format=LAYERS[params.ndim].layout)  # type: ignore[call-overload]
    return TrainingState(model, torch.optim.Adam(model.parameters(), lr=params.learning_rate))


def iter_training(
    images: Sequence[np.ndarray],
    templates: Sequence[np.ndarray],
    params: TrainParams,
    state: TrainingState,
) -> Iterator[Epoch]:
    """Train a SuperAE, one epoch a step.

    Parameters
    ----------
    images : sequence of (C, *S) uint8 or float32 array
        Images of any size; S is (Y, X), or (Z, Y, X) for a network of three dimensions. Values
        of uint8 are divided by 255, batch by batch; values of float32 are in [0, 1].
    templates : sequence of S int array
        Over-segmentation of each image, labels ``0 .. M - 1``.
    params : TrainParams
        Settings. The same settings give the same weights on the same device, even if the
        training is interrupted between epochs.
    state : TrainingState
        State from which the training starts; it is updated in place.

    Yields
    ------
    epoch : Epoch
        Each new epoch, until the history has ``n_epochs``.

    Raises
    ------
    InvalidImageError
        If there are no images, one cannot be used, or images and templates do not match.
    ComputationError
        If the loss is no longer finite; the epoch is not added to the history.

    Notes
    -----
    The mean color ``v_j`` of equation 2 is that of the whole template region, even if a crop
    contains only a part of it.
    """
    if not images:
        raise InvalidImageError("images: got none, expected at least one")
    if len(images) != len(templates):
        raise InvalidImageError(
            f"templates: got {len(templates)} for {len(images)} images, expected one each"
        )
    for number, pair in enumerate(zip(images, templates, strict=True)):
        if problem := _problem(number, *pair, state.model):
            raise InvalidImageError(problem)
    examples = [_example(*pair) for pair in zip(images, templates, strict=True)]
    while len(state.history) < params.n_epochs:
        epoch = _epoch(state, examples, params)
        if not math.isfinite(epoch.fidelity + epoch.smoothness):
            raise ComputationError(
                f"learning_rate={params.learning_rate}: the loss of epoch {epoch.number} is "
                "not finite; choose a smaller learning rate"
            )
        state.history.append(epoch)
        yield epoch


def _problem(number: int, image: np.ndarray, labels: np.ndarray, model: SuperAE) -> str:
    """Fault of an image or its template; empty if there is none."""
    of_image, of_template = f"images: number {number}", f"templates: number {number}"
    if image.ndim != model.ndim + 1 or image.size == 0 or len(image) != model.n_channels:
        expected = f"({model.n_channels}, {', '.join('ZYX'[-model.ndim :])})"
        return f"{of_image} has shape {image.shape}, expected {expected}, not empty"
    if image.dtype not in (np.uint8, np.float32):
        return f"{of_image} is {image.dtype}, expected uint8 or float32"
    if image.dtype == np.float32 and not (image.min() >= 0 and image.max() <= 1):
        return f"{of_image} has values from {image.min()} to {image.max()}, expected 0 to 1"
    shape = image.shape[1:]
    if labels.shape != shape:
        return f"{of_template} has shape {labels.shape}, expected {shape}, that of its image"
    if not np.issubdtype(labels.dtype, np.integer):
        return f"{of_template} is {labels.dtype}, expected integers"
    if labels.min() < 0 or labels.max() >= labels.size:
        return (
            f"{of_template} has labels from {labels.min()} to {labels.max()}, "
            "expected labels from 0 to the number of regions minus 1"
        )
    return ""


def _example(image: np.ndarray, template: np.ndarray) -> _Example:
    """Tensors of an image, its template and the mean color of each region (equation 2)."""
    pixels = torch.from_numpy(np.require(image, requirements=("C", "W")))
    regions = torch.from_numpy(template.astype(np.int64))
    values = _as_unit_range(pixels).flatten(1).T
    colors = region_mean(values, regions.flatten(), int(regions.max()) + 1)
    return _Example(pixels, regions.int(), colors)


def _as_unit_range(pixels: Tensor) -> Tensor:
    return pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels


def _epoch(state: TrainingState, examples: Sequence[_Example], params: TrainParams) -> Epoch:
    number = len(state.history) + 1
    # each epoch has its own generator, so that a resumed training has the same random numbers
    rng = np.random.default_rng([params.seed, number])
    start = time.perf_counter()
    losses = [_step(state, batch, params) for batch in _iter_batches(examples, params, rng)]
    fidelity, smoothness = torch.stack(losses).mean(0).tolist()
    return Epoch(number, fidelity, smoothness, time.perf_counter() - start)


def _iter_batches(
    examples: Sequence[_Example], params: TrainParams, rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of random crops, flipped at random: images, and the colors of their templates."""
    sides = _crop_sides(examples, params.crop_size)
    # planes are visited once, stacks as often as crops fill their volume
    sizes = [example.template.numel() / math.prod(sides) for example in examples]
    times = [max(1, round(size)) if len(sides) == 3 else 1 for size in sizes]
    order = rng.permutation(np.repeat(np.arange(len(examples)), times))
    for start in range(0, len(order), params.batch_size):
        batch = order[start : start + params.batch_size]
        crops = (_random_crop(examples[index], sides, rng) for index in batch)
        images, colors = zip(*crops, strict=True)
        yield torch.stack(images), torch.stack(colors)


def _crop_sides(examples: Sequence[_Example], size: int) -> tuple[int, ...]:
    """Sides of all crops: squares, or cubes cut off at the sides of the smallest stack."""
    shapes = [example.template.shape for example in examples]
    if len(shapes[0]) == 2:
        return size, size
    return tuple(np.min(shapes, axis=0).clip(SMALLEST_CROP, size).tolist())


def _random_crop(
    example: _Example, sides: tuple[int, ...], rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Random crop of an image, flipped at random, and the template colors of its pixels."""
    image, template = example.image, example.template
    while any(have < side for have, side in zip(template.shape, sides, strict=True)):
        image, template = _grow(image, sides), _grow(template, sides)
    gaps = (have - side for have, side in zip(template.shape, sides, strict=True))
    starts = [int(rng.integers(gap + 1)) for gap in gaps]
    window = [slice(start, start + side) for start, side in zip(starts, sides, strict=True)]
    crop = _as_unit_range(image[:, *window])
    colors = example.colors[template[*window]].movedim(-1, 0)
    flipped = [axis for axis in FLIPPED[len(sides)] if rng.random() < 0.5]
    return crop.flip(flipped), colors.flip(flipped)


def _grow(pixels: Tensor, sides: tuple[int, ...]) -> Tensor:
    """Append the mirror image along each axis of `pixels` that is shorter than its side."""
    for axis, side in enumerate(sides, -len(sides)):
        if pixels.shape[axis] < side:
            pixels = torch.cat([pixels, pixels.flip(axis)], axis)
    return pixels


def _step(state: TrainingState, batch: tuple[Tensor, Tensor], params: TrainParams) -> Tensor:
    """Losses of a batch, (2,), after one step of the optimizer."""
    device = next(state.model.parameters()).device
    layout = LAYERS[state.model.ndim].layout
    image, template_colors = (part.to(device, memory_format=layout) for part in batch)
    state.model.train()
    is_half = params.precision == "bfloat16"
    with reproducible(device):
        with torch.autocast(device.type, torch.bfloat16, enabled=is_half):
            smoothed = state.model(image)
        fidelity, smoothness = reconstruction_loss(smoothed, image, template_colors)
        state.optimizer.zero_grad()
        torch.autograd.backward(fidelity + params.smoothness_weight * smoothness)
        state.optimizer.step()
    return torch.stack([fidelity, smoothness]).detach()


def reconstruction_loss(
    smoothed: Tensor, image: Tensor, template_colors: Tensor
) -> tuple[Tensor, Tensor]:
    """Equation 1: distance to the image, and to the mean colors of the template regions.

    Parameters
    ----------
    smoothed : (B, C, Y, X) float tensor
        Reconstruction ``x^R`` in [0, 1].
    image : (B, C, Y, X) float tensor
        Image ``x`` in [0, 1].
    template_colors : (B, C, Y, X) float tensor
        Mean color ``v_j`` (equation 2) of the template region of each pixel.

    Returns
    -------
    fidelity, smoothness : 0-d float tensor
        The two terms, unweighted: means over pixels of squared color distances, so that the
        meaning of ``lambda`` does not depend on the size of the image.

    Examples
    --------
    >>> black, white = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    >>> reconstruction_loss(black, white, black)
    (tensor(3.), tensor(0.))
    """
    fidelity, smoothness = (
        (smoothed - target).square().sum(1).mean() for target in (image, template_colors)
    )
    return fidelity, smoothness
