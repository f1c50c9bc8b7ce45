"""What one network learns from many images, and what it says of each of them."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, NamedTuple

import torch

from napari_dsc.cut.joint import Piece, assign, coarse_piece, iter_joint_cut
from napari_dsc.errors import InvalidParameterError
from napari_dsc.params import CutParams
from napari_dsc.params.presets import NO_LIMIT
from napari_dsc.segmenting.clock import Stages
from napari_dsc.segmenting.guidance import refuse_tree_affinity
from napari_dsc.superae.embedding import embedding_of
from napari_dsc.superae.planes import as_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from typing import Any

    import numpy as np

    from napari_dsc.cut.objective import CutStep
    from napari_dsc.records.record import Record
    from napari_dsc.segmenting.results import Step
    from napari_dsc.segmenting.run import Run
    from napari_dsc.superae.model import Embedding, SuperAE

# images to keep while a network learns, at the resolution at which it sees them
N_KEPT = 64


class Classes(NamedTuple):
    """What the cut says of the superpixels of one image.

    Parameters
    ----------
    classes : (M,) int64 array
        Class of each superpixel, from 0.
    probabilities : (M, K) float32 array
        Probability of each superpixel for each class.
    """

    classes: np.ndarray
    probabilities: np.ndarray


class Learned(NamedTuple):
    """A network that learned, and how.

    Parameters
    ----------
    embedding : Embedding
        The network, its statistics frozen.
    params : CutParams
        How it learned.
    figures : dict
        ``iterations``, and ``label_loss`` and ``cut_loss`` of the last, for the record.
    seconds : float
        Duration of the learning, with the loading of what it learned from.
    """

    embedding: Embedding
    params: CutParams
    figures: Record
    seconds: float = 0.0

    def classes(self, piece: Piece) -> Classes:
        """Classes of the superpixels of an image, whether or not it was learned from."""
        found = assign(self.embedding, piece, self.params)
        return Classes(found.classes.cpu().numpy(), found.assignment.cpu().numpy())


def piece_of(run: Run) -> Piece:
    """Make an image and its superpixels ready for a network.

    Parameters
    ----------
    run : Run
        Its superpixels are made if they are not yet.

    Returns
    -------
    piece : Piece
        On the device of the run.
    """
    pixels = torch.from_numpy(run.image.pixels).to(run.device)
    batch = as_batch(pixels, run.model.n_channels)
    return Piece(batch, run.superpixels, run.image.volume_spacing)


def kept_small(load: Callable[..., Piece], params: CutParams) -> Callable[..., Piece]:
    """Load pieces as the network sees them, and keep those that were loaded last.

    Parameters
    ----------
    load : callable
        Gives a piece for numbers.
    params : CutParams
        Resolution and megapixels of the network.

    Returns
    -------
    load : callable
        Takes the same numbers.
    """
    return functools.lru_cache(N_KEPT)(lambda *which: coarse_piece(load(*which), params))


def iter_learning(
    draw: Callable[[np.random.Generator], Piece], model: SuperAE, params: CutParams
) -> Generator[CutStep, None, Learned]:
    """Let one network learn from images, one a step.

    Parameters
    ----------
    draw : callable
        Gives an image as `kept_small` does, chosen by a generator.
    model : SuperAE
        Network whose encoder is copied.
    params : CutParams
        Settings of the cut.

    Yields
    ------
    step : CutStep
        ``n_iterations`` times.

    Returns
    -------
    learned : Learned
        The network.

    Raises
    ------
    InvalidParameterError
        If the affinity is that of a tree, which each image has its own.
    ComputationError
        If memory ran out.
    """
    refuse_tree_affinity(params)
    with torch.inference_mode(False):
        embedding = embedding_of(model, params.n_partitions, params.seed)
        as_they_are = dataclasses.replace(params, resolution=1.0, megapixels=NO_LIMIT)
        steps = iter_joint_cut(draw, embedding, as_they_are)
    last: CutStep | None = None
    stages = Stages(next(model.parameters()).device)
    while True:
        with stages.stage("cut"), torch.inference_mode(False):
            step = next(steps, None)
        if step is None:
            return Learned(embedding, params, figures_of(last), stages.seconds["cut"])
        last = step
        yield step


def refuse_alone(options: Mapping[str, Any]) -> None:
    """Refuse parameters that only images that are cut one by one can have.

    Parameters
    ----------
    options : mapping
        Keyword arguments of `napari_dsc.Run`.

    Raises
    ------
    InvalidParameterError
        If they are among the options.
    """
    if options.get("method", "dsc") != "dsc":
        raise InvalidParameterError(
            f"joint: images are cut by one network, expected method dsc, got "
            f"{options['method']!r}"
        )
    params = options.get("cut_params", CutParams())
    refuse_tree_affinity(params)
    if params.series == "apart":
        raise InvalidParameterError(
            "joint: images are cut by one network, expected series 'together', got 'apart'"
        )


def figures_of(last: CutStep | Step | None) -> Record:
    """What the record says of how the cut ended.

    Parameters
    ----------
    last : CutStep or Step
        Its last step, or None if there was none.

    Returns
    -------
    figures : dict
        Number of iterations, and both losses in the last; ready for JSON.
    """
    if last is None:
        return {}
    return {
        "iterations": last.iteration,
        "label_loss": float(last.label_loss),
        "cut_loss": float(last.cut_loss),
    }
