"""One network for many images, or for the pieces of one too large to be seen at once."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import numpy as np
import torch
from torch import nn

from napari_dsc.cut.objective import Objective, SideInformation
from napari_dsc.cut.optimize import Descent, Network, iter_cut, iter_features
from napari_dsc.cut.resolution import (
    coarse_image,
    coarse_shape,
    coarse_spacing,
    coarse_superpixels,
)
from napari_dsc.cut.sums import frozen_sums
from napari_dsc.machine.device import reproducible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from napari_dsc.cut.objective import CutStep
    from napari_dsc.params import CutParams

# the encoder of stacks has those of three dimensions
Norm = nn.BatchNorm2d | nn.BatchNorm3d
# pieces that the statistics of batch norm are gathered over
N_SAMPLES = 16


class Piece(NamedTuple):
    """An image, or a part of one, with its superpixels.

    Parameters
    ----------
    image : (P, C, Y, X) float tensor
        Image in [0, 1], on the device to work on; the planes of a stack are a batch.
    superpixels : (Y, X) or (P, Y, X) int64 array
        Superpixels ``0 .. M - 1``, each present.
    spacing : tuple of float
        Pixel size of a stack along its axes; empty stands for equal sides.
    """

    image: Tensor
    superpixels: np.ndarray
    spacing: tuple[float, ...] = ()


class PieceClasses(NamedTuple):
    """What a trained network says of the superpixels of a piece; on its device.

    Parameters
    ----------
    classes : (M,) int64 tensor
        Class of each superpixel, in ``0 .. K - 1``; the same class means the same in all
        pieces.
    assignment : (M, K) float tensor
        Probability of each superpixel for each class.
    """

    classes: Tensor
    assignment: Tensor


class WholeNetwork(Network, Protocol):
    """A network of the cut that keeps statistics: a module."""

    def __call__(self, image: Tensor) -> Tensor:
        """Normalized features."""

    def modules(self) -> Iterator[nn.Module]:
        """Its layers, in the order in which an image passes them."""

    def eval(self) -> object:
        """Leave the training mode."""


def iter_joint_cut(
    draw: Callable[[np.random.Generator], Piece],
    embedding: WholeNetwork,
    params: CutParams,
    n_samples: int = N_SAMPLES,
) -> Iterator[CutStep]:
    """Train one network on pieces, one piece a step.

    Parameters
    ----------
    draw : callable
        Gives a piece, chosen by a generator that is seeded by ``params.seed``.
    embedding : Network
        Network from images to features, on the device of the pieces. It is trained in place;
        once the iterator is exhausted its statistics are frozen, and `assign` may be asked.
    params : CutParams
        Settings; `patience` has no meaning, because each step sees other superpixels, and
        `graphs` none, because they differ in number. `megapixels` are those of a piece.
    n_samples : int
        Number of pieces that the statistics are gathered over.

    Yields
    ------
    step : CutStep
        ``n_iterations`` times; its rows are the superpixels of the piece, at the resolution
        of the network.

    Notes
    -----
    A frozen encoder works with the statistics of all pieces from the first step on; in the
    cut of a single image they are those of the image. The head normalizes each piece by
    itself while it learns, as the cut of a single image does.
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
            side_information = SideInformation(spacing=piece.spacing)
            objective = Objective(
                piece.superpixels, free, image.device, params, side_information
            )
            features = next(iter_features(embedding, image, params))
            total, outcome = objective.losses(features, embedding.norm)
            descent.move(total)
        yield objective.seen(iteration, outcome)
    norms = [embedding.norm] if params.encoder == "frozen" else _norms(embedding)
    _gather_statistics(embedding, norms, samples())


def iter_piece_cut(
    piece: Piece, embedding: WholeNetwork, params: CutParams
) -> Iterator[CutStep]:
    """Train a network on one piece, so that it may be asked about others.

    Parameters
    ----------
    piece : Piece
        What is learned from.
    embedding : Network
        As `iter_joint_cut` takes and leaves it.
    params : CutParams
        Settings.

    Yields
    ------
    step : CutStep
        Those of `iter_cut` on the piece at the resolution of the network.
    """
    seen = coarse_piece(piece, params)
    free = np.full(int(seen.superpixels.max()) + 1, -1)
    side_information = SideInformation(spacing=seen.spacing)
    yield from iter_cut(
        seen.image, seen.superpixels, embedding, params, free, side_information=side_information
    )
    _gather_statistics(embedding, _norms(embedding), [seen.image])


def coarse_piece(piece: Piece, params: CutParams) -> Piece:
    """A piece as the network sees it: with fewer pixels, and without what these do not hit.

    Parameters
    ----------
    piece : Piece
        Any.
    params : CutParams
        Its `resolution` and `megapixels` tell the size.

    Returns
    -------
    seen : Piece
        On the same device.
    """
    return _seen(piece, params)[0]


def assign(embedding: WholeNetwork, piece: Piece, params: CutParams) -> PieceClasses:
    """Classes of the superpixels of a piece, by a network that learned from others.

    Parameters
    ----------
    embedding : Network
        As `iter_joint_cut` leaves it; it stays as it is.
    piece : Piece
        Any piece; what the network makes of a pixel does not depend on pixels farther away
        than 16 pixels of the network's resolution.
    params : CutParams
        Those of the training.

    Returns
    -------
    assigned : PieceClasses
        With rows for all superpixels.
    """
    seen, rows = _seen(piece, params)
    image = seen.image
    with torch.no_grad(), reproducible(image.device):
        features = next(iter_features(embedding, image, params))
        superpixels = torch.from_numpy(seen.superpixels).to(image.device)
        sizes = torch.bincount(superpixels.flatten())
        sums = frozen_sums(features, embedding.norm, superpixels, len(sizes))
        places = torch.from_numpy(rows).to(image.device)
        assignment = sums.probabilities / sizes.unsqueeze(1)
        return PieceClasses(sums.votes.argmax(1)[places], assignment[places])


def _seen(piece: Piece, params: CutParams) -> tuple[Piece, np.ndarray]:
    """A piece at the resolution of the network, and which of its superpixels stand for all."""
    shape = coarse_shape(piece.superpixels.shape, params.resolution, params.megapixels)
    coarse = coarse_superpixels(piece.superpixels, shape)
    spacing = coarse_spacing(piece.spacing, piece.superpixels.shape, shape)
    return Piece(coarse_image(piece.image, shape), coarse.labels, spacing), coarse.rows


def _norms(network: WholeNetwork) -> list[Norm]:
    return [layer for layer in network.modules() if isinstance(layer, Norm)]


class _StopForward(Exception):
    """Ends a pass where it is no longer needed."""


@torch.no_grad()
def _gather_statistics(
    embedding: WholeNetwork, norms: Sequence[Norm], images: Sequence[Tensor]
) -> None:
    """Let each batch norm keep mean and variance of what it sees of all images together.

    One pass over the images for each, because what one sees depends on those before it. The
    average that torch keeps would leave out how the means of the images differ.
    """
    embedding.eval()
    for norm in norms:
        moments: list[tuple[Tensor, Tensor, int]] = []

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
                with contextlib.suppress(_StopForward):  # the layers behind it need not work
                    embedding(image)
        _keep(norm, moments)


def _keep(norm: Norm, moments: Sequence[tuple[Tensor, Tensor, int]]) -> None:
    """Give a batch norm the pooled moments of several images: mean, variance and size."""
    means, variances = (torch.stack(each) for each in list(zip(*moments, strict=True))[:2])
    weights = means.new_tensor([size for *_, size in moments])
    weights = (weights / weights.sum()).unsqueeze(1)
    mean = (weights * means).sum(0)
    variance = (weights * (variances + (means - mean).square())).sum(0)
    cast("Tensor", norm.running_mean).copy_(mean)
    cast("Tensor", norm.running_var).copy_(variance)


def shrink(piece: Piece, params: CutParams) -> Piece:
    """A piece at the resolution of the network, to be kept in its place while it is learned.

    Parameters
    ----------
    piece : Piece
        Any piece.
    params : CutParams
        Its `resolution` and `megapixels`; learn from what was shrunk with 1 and no limit.

    Returns
    -------
    piece : Piece
        Of arrays of its own, without superpixels that are too small to be seen.
    """
    return _seen(piece, params)[0]
