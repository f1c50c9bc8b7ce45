"""One network trained on many images, or on many pieces of one large image."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from napari_dsc.cut.coarse import coarse_image, coarse_shape, coarse_spacing, coarse_superpixels
from napari_dsc.cut.objective import CutStep, Objective, SideInformation
from napari_dsc.cut.optimize import Descent, Network, iter_cut, iter_features
from napari_dsc.cut.sums import frozen_sums
from napari_dsc.machine.device import reproducible
from napari_dsc.params import CutParams

# the encoder of stacks has batch norms of three dimensions
Norm = nn.BatchNorm2d | nn.BatchNorm3d
# pieces over which the statistics of batch norm are averaged; chosen, not tuned
N_SAMPLES = 16


class Piece(NamedTuple):
    """An image, or a part of one, with its superpixels.

    Parameters
    ----------
    image : (P, C, Y, X) float tensor
        Image in [0, 1], on the device of the network; the P planes of a stack are a batch.
    superpixels : (Y, X) or (P, Y, X) int64 array
        Superpixels ``0 .. M - 1``, each with at least one pixel.
    spacing : tuple of float
        Pixel size of a stack along its axes; empty for isotropic pixels.
    """

    image: Tensor
    superpixels: np.ndarray
    spacing: tuple[float, ...] = ()


class PieceClasses(NamedTuple):
    """Classes of the superpixels of a piece, on the device of the network.

    Parameters
    ----------
    classes : (M,) int64 tensor
        Class of each superpixel, in ``0 .. K - 1``; a class has the same meaning in all
        pieces.
    assignment : (M, K) float tensor
        Probability of each superpixel for each class.
    """

    classes: Tensor
    assignment: Tensor


def iter_joint_cut(
    draw: Callable[[np.random.Generator], Piece],
    embedding: Network,
    params: CutParams,
    n_samples: int = N_SAMPLES,
) -> Iterator[CutStep]:
    """Train one network on many pieces, one piece a step.

    Parameters
    ----------
    draw : callable
        Return a random piece; its argument is a generator seeded by ``params.seed``.
    embedding : Network
        Network from images to features, on the device of the pieces. It is trained in place.
        Once the iterator is exhausted, its batch norms hold the statistics of the pieces, and
        `assign` can classify other pieces with it.
    params : CutParams
        Settings. `megapixels` limits each piece. `patience` is ignored, because each step sees
        other superpixels, and so is `graphs`, because their number changes.
    n_samples : int
        Number of pieces over which the statistics of batch norm are averaged.

    Yields
    ------
    step : CutStep
        ``n_iterations`` times; its rows are the superpixels of the piece, at the resolution
        of the network.

    Notes
    -----
    The batch norms of a frozen encoder use the statistics of all pieces from the first step
    on; in the cut of a single image they use the statistics of the image. The batch norm of
    the head uses the statistics of each piece during training, as in the cut of a single
    image.
    """
    rng = np.random.default_rng(params.seed)
    descent = Descent(embedding, params)

    def samples() -> list[Tensor]:
        return [coarse_piece(draw(rng), params).image for _ in range(n_samples)]

    if params.encoder == "frozen":
        _gather_statistics(embedding, _norms(embedding)[:-1], samples())
    for iteration in range(1, params.n_iterations + 1):
        piece = coarse_piece(draw(rng), params)
        image = piece.image
        with torch.enable_grad(), reproducible(image.device):
            free = np.full(int(piece.superpixels.max()) + 1, -1)
            known = SideInformation(spacing=piece.spacing)
            objective = Objective(piece.superpixels, free, image.device, params, known)
            features = next(iter_features(embedding, image, params))
            total, outcome = objective.losses(features, embedding.norm)
            descent.update(total)
        yield objective.cut_step(iteration, outcome)
    norms = [embedding.norm] if params.encoder == "frozen" else _norms(embedding)
    _gather_statistics(embedding, norms, samples())


def iter_piece_cut(piece: Piece, embedding: Network, params: CutParams) -> Iterator[CutStep]:
    """Train a network on one piece, to classify others with it.

    Parameters
    ----------
    piece : Piece
        The piece to train on.
    embedding : Network
        Network from images to features. It is trained in place; afterwards its batch norms
        hold the statistics of the piece, and `assign` can classify other pieces with it.
    params : CutParams
        Settings.

    Yields
    ------
    step : CutStep
        The steps of `iter_cut` on the piece at the resolution of the network.
    """
    coarse = coarse_piece(piece, params)
    free = np.full(int(coarse.superpixels.max()) + 1, -1)
    yield from iter_cut(
        coarse.image,
        coarse.superpixels,
        embedding,
        params,
        free,
        side_information=SideInformation(spacing=coarse.spacing),
    )
    _gather_statistics(embedding, _norms(embedding), [coarse.image])


def coarse_piece(piece: Piece, params: CutParams) -> Piece:
    """Downsampled piece, without superpixels that no longer own a pixel.

    Parameters
    ----------
    piece : Piece
        Piece at full resolution.
    params : CutParams
        Its `resolution` and `megapixels` set the size. A piece that is downsampled already
        stays as it is with a resolution of 1 and enough megapixels.

    Returns
    -------
    coarse : Piece
        On the same device; it shares no memory with a larger piece.
    """
    return _coarse(piece, params)[0]


def assign(embedding: Network, piece: Piece, params: CutParams) -> PieceClasses:
    """Classify the superpixels of a piece by a trained network.

    Parameters
    ----------
    embedding : Network
        Network trained by `iter_joint_cut` or `iter_piece_cut`; it is not changed.
    piece : Piece
        Any piece. Each feature depends on pixels within 16 pixels only, counted at the
        resolution of the network.
    params : CutParams
        Settings of the training.

    Returns
    -------
    found : PieceClasses
        One row for each superpixel of `piece`.
    """
    coarse, rows = _coarse(piece, params)
    image = coarse.image
    with torch.no_grad(), reproducible(image.device):
        features = next(iter_features(embedding, image, params))
        superpixels = torch.from_numpy(coarse.superpixels).to(image.device)
        sizes = torch.bincount(superpixels.flatten())
        sums = frozen_sums(features, embedding.norm, superpixels, len(sizes))
        places = torch.from_numpy(rows).to(image.device)
        assignment = sums.probabilities / sizes.unsqueeze(1)
        return PieceClasses(sums.votes.argmax(1)[places], assignment[places])


def _coarse(piece: Piece, params: CutParams) -> tuple[Piece, np.ndarray]:
    """Downsampled piece, and the row of its superpixels for each superpixel of `piece`."""
    shape = coarse_shape(piece.superpixels.shape, params.resolution, params.megapixels)
    coarse = coarse_superpixels(piece.superpixels, shape)
    spacing = coarse_spacing(piece.spacing, piece.superpixels.shape, shape)
    return Piece(coarse_image(piece.image, shape), coarse.labels, spacing), coarse.rows


def _norms(network: Network) -> list[Norm]:
    return [layer for layer in network.modules() if isinstance(layer, Norm)]


class _StopForward(Exception):
    """Stops the forward pass after the hooked layer."""


@torch.no_grad()
def _gather_statistics(
    embedding: Network, norms: Sequence[Norm], images: Sequence[Tensor]
) -> None:
    """Set the running statistics of each batch norm to its inputs on all images together.

    One pass over the images for each batch norm, in their order, because its inputs depend on
    the statistics of the batch norms before it. The running average of torch would omit the
    variance between the means of the images.
    """
    embedding.eval()
    for norm in norms:
        moments: list[tuple[Tensor, Tensor, int]] = []

        # a default binds this round's list; a closure would see the list of the last round
        def note(
            _: nn.Module, inputs: tuple[Tensor], to: list[tuple[Tensor, Tensor, int]] = moments
        ) -> None:
            maps = inputs[0]
            pixels = (0, *range(2, maps.ndim))
            variance, mean = torch.var_mean(maps.float(), pixels, correction=0)
            to.append((mean, variance, maps[:, 0].numel()))
            raise _StopForward

        with norm.register_forward_pre_hook(note):
            for image in images:
                with contextlib.suppress(_StopForward):
                    embedding(image)
        _keep(norm, moments)


def _keep(norm: Norm, moments: Sequence[tuple[Tensor, Tensor, int]]) -> None:
    """Set the statistics of a batch norm to the pooled mean and variance of several images.

    `moments` holds the mean, the variance and the number of pixels of each image. By the law
    of total variance, the pooled variance is the mean of the variances plus the variance of
    the means.
    """
    means, variances = (torch.stack(each) for each in list(zip(*moments, strict=True))[:2])
    weights = means.new_tensor([size for *_, size in moments])
    weights = (weights / weights.sum()).unsqueeze(1)
    mean = (weights * means).sum(0)
    variance = (weights * (variances + (means - mean).square())).sum(0)
    cast("Tensor", norm.running_mean).copy_(mean)
    cast("Tensor", norm.running_var).copy_(variance)
