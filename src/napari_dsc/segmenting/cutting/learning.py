"""One network that learns the cut from many images."""

import dataclasses
import functools
from collections.abc import Callable, Generator
from typing import NamedTuple

import numpy as np
import torch

from napari_dsc.cut.joint import Piece, assign, coarse_piece, iter_joint_cut
from napari_dsc.cut.objective import CutStep
from napari_dsc.labels.numbering import Classes
from napari_dsc.machine.clock import Clock
from napari_dsc.machine.progress import Progress
from napari_dsc.params import CutParams
from napari_dsc.params.presets import NO_LIMIT
from napari_dsc.records.record import Record
from napari_dsc.segmenting.stages import Stages, timed_cut
from napari_dsc.segmenting.steps import Step
from napari_dsc.superae.applied import embedding_of
from napari_dsc.superae.model import Embedding

# images that are kept while a network learns, at the resolution at which it sees them
N_KEPT = 64


class Learned(NamedTuple):
    """A trained network, and how it was trained.

    Parameters
    ----------
    embedding : Embedding
        The network, its statistics frozen.
    params : CutParams
        Parameters of the training.
    figures : dict
        ``iterations``, and ``label_loss`` and ``cut_loss`` of the last, for the record.
    seconds : float
        Duration of the training, with the loading of its images.
    """

    embedding: Embedding
    params: CutParams
    figures: Record
    seconds: float = 0.0

    @staticmethod
    def figures_of(last: CutStep | Step) -> Record:
        """Number of iterations and both losses of the last step of a cut, ready for JSON."""
        losses = {"label_loss": float(last.label_loss), "cut_loss": float(last.cut_loss)}
        return {"iterations": last.iteration, **losses}

    def classes(self, piece: Piece) -> Classes:
        """Classes of the superpixels of an image, whether or not it was learned from."""
        return Classes.of(assign(self.embedding, piece, self.params))


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
    draw: Callable[[np.random.Generator], Piece], stages: Stages, stage: str
) -> Generator[Progress, None, Learned]:
    """Train one network on images, one a step.

    Parameters
    ----------
    draw : callable
        Gives an image as `kept_small` does, chosen by a generator.
    stages : Stages
        Their network's encoder is copied; their settings are those of the training.
    stage : str
        Name of the stage in the progress.

    Yields
    ------
    progress : Progress
        After each of the ``n_iterations`` steps, with the `CutStep`.

    Returns
    -------
    learned : Learned
        The network.

    Raises
    ------
    ComputationError
        If memory ran out.
    """
    params, clock = stages.settings.cut_params, Clock(stages.device)
    with torch.inference_mode(False):
        embedding = embedding_of(stages.model, params.n_partitions, params.seed)
        # pieces are small already
        unchanged = dataclasses.replace(params, resolution=1.0, megapixels=NO_LIMIT)
        steps = iter_joint_cut(draw, embedding, unchanged)
    yield Progress(stage, 0, params.n_iterations)
    for step in timed_cut(steps, clock):
        yield Progress(stage, step.iteration, params.n_iterations, step)
    return Learned(embedding, params, Learned.figures_of(step), clock.seconds["cut"])
