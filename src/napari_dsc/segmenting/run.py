"""One run of the method on one image, stage by stage."""

from __future__ import annotations

import dataclasses
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_dsc.correction.edits import classes_of_scribbles
from napari_dsc.cut import coarse, guide, objective
from napari_dsc.errors import InvalidParameterError
from napari_dsc.images import Image, array_sha256, to_label_image
from napari_dsc.images.masks import spread
from napari_dsc.labels.numbering import Classes, without_gaps
from napari_dsc.labels.regions import connected_regions
from napari_dsc.machine.progress import Progress
from napari_dsc.segmenting.cutting.learning import Learned
from napari_dsc.segmenting.pieces import OneImage, one_image
from napari_dsc.segmenting.results import Segmentation
from napari_dsc.segmenting.settings import Settings, changed
from napari_dsc.segmenting.stages import Stages, timed_cut
from napari_dsc.segmenting.steps import Step
from napari_dsc.superae import applied

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from napari.layers import Image as ImageLayer
    from numpy.typing import ArrayLike

    from napari_dsc.files import RawImage
    from napari_dsc.hierarchy.tree import MergeTree
    from napari_dsc.records.record import Record


class Run:
    """The method on one image, stage by stage; each stage is computed when first asked for.

    Parameters
    ----------
    image : array, path or napari Image layer
        Image as a NumPy or dask array, a file, or a layer of a viewer, of the finest level if
        there are several, in two or three dimensions. What `load_image` gives passes as it is.
    settings : Settings
        Settings of all stages.
    superpixels : S int array, optional
        Superpixels made elsewhere, any labels; each connected piece of a label counts as
        one. Left out, they are made by the settings.
    scribbles : S int array, optional
        Label ``k`` on a superpixel asks for class ``k`` there: the cut learns it, and the
        superpixel has it in the end. 0 leaves the superpixel free.
    **changes
        Fields of `Settings` that replace those of `settings`.

    Attributes
    ----------
    image : Image
        Normalized image.
    settings : Settings
        Settings of the run.
    device : torch.device
        Where the networks run.
    seconds : dict of str to float
        Duration of each stage done so far.
    notes : list of str
        Sentences for the user on what was done otherwise than asked for.

    Raises
    ------
    InvalidImageError
        If the image cannot be used; so for a missing or damaged file.
    InvalidParameterError
        If the settings do not fit the image.
    WeightsError
        If the weights cannot be found, or do not fit the network or the image.
    DeviceUnavailableError
        If the device does not exist.
    """

    def __init__(
        self,
        image: ArrayLike | RawImage | Image | str | Path | ImageLayer,
        settings: Settings = Settings(),
        *,
        superpixels: ArrayLike | None = None,
        scribbles: ArrayLike | None = None,
        **changes: Any,
    ) -> None:
        stages = Stages(changed(settings, changes))
        pieces = one_image(image, stages.settings)
        self._begin(pieces.given(superpixels, scribbles), stages)

    @classmethod
    def on(cls, pieces: OneImage, stages: Stages, superpixels: np.ndarray | None = None) -> Run:
        """Run with a network that is loaded already.

        Parameters
        ----------
        pieces : OneImage
            Image, and what the user gives with it.
        stages : Stages
            Their clock and notes become those of the run.
        superpixels : S int64 array, optional
            Superpixels ``0 .. M - 1`` that are made already.

        Returns
        -------
        run : Run
            Nothing is computed yet.
        """
        run = cls.__new__(cls)
        run._begin(pieces, stages)  # noqa: SLF001 - its own class
        if superpixels is not None:
            run.superpixels = superpixels
        return run

    def _begin(self, pieces: OneImage, stages: Stages) -> None:
        self.image, self.geometry = pieces.piece(0), pieces.geometry
        stages.check(self.image)
        self.stages, self.settings, self.device = stages, stages.settings, stages.device
        self.seconds, self.notes = stages.clock.seconds, stages.notes
        self._given: dict[str, object] = {}
        self._scribbles: np.ndarray | None = None
        if pieces.superpixels is not None:
            regions = connected_regions(self._give("superpixels", pieces.superpixels))
            self.superpixels = spread(regions, self.image.valid)
        given = pieces.scribbles
        if given is not None and (drawn := self._give("scribbles", given)).any():
            self._scribbles = drawn

    @cached_property
    def smoothed(self) -> np.ndarray:
        """Smoothed image ``x^R``, (C, *S) float32 in [0, 1]."""
        return self.stages.smoothed(self.image)

    @cached_property
    def superpixels(self) -> np.ndarray:
        """Superpixels ``0 .. M - 1``, S int64."""
        is_smoothed = self.settings.superpixel_params.source == "smoothed"
        return self.stages.superpixels(self.image, self.smoothed if is_smoothed else None)

    @cached_property
    def tree(self) -> MergeTree:
        """Merge tree of the image, without a record; see `segment_by_tree`."""
        return self.stages.tree(self.image)

    def iter_steps(self) -> Iterator[Step]:
        """Run the cut, whatever the method of the settings is.

        Yields
        ------
        step : Step
            At most ``n_iterations`` times; closing the generator ends the run.
        """
        params = self.settings.cut_params
        if params.series == "apart" and "Z" in self.image.axes:
            raise InvalidParameterError(
                "series='apart': not available step by step, because each plane is cut by "
                "itself; call segment()"
            )
        superpixels, clock = self.superpixels, self.stages.clock
        with clock.stage("cut"), torch.inference_mode(False):
            model = self.stages.model
            pixels = torch.from_numpy(self.image.pixels).to(self.device)
            fresh = partial(applied.embedding_of, model, params.n_partitions, params.seed)
            image = applied.as_batch(pixels, model.n_channels)
            fixed = self.wanted_classes(superpixels, params.n_partitions)
            if fixed is None:
                fixed = np.full(int(superpixels.max()) + 1, -1)
            altitudes = guide.superpixel_altitudes(self.image.pixels, superpixels, params)
            side_information = objective.SideInformation(altitudes, self.image.volume_spacing)
            steps = coarse.iter_image_cut(
                image, superpixels, fresh, params, fixed, side_information=side_information
            )
        for step in timed_cut(steps, clock):
            if isinstance(step, str):
                self.notes.append(step)
                continue
            yield Step(
                **step._asdict(),
                superpixels=self.image.restore_labels(superpixels),
                result=params.result,
                valid=self.image.label_valid,
                finish=self.result,
            )

    def result(self, step: Step) -> Segmentation:
        """Result of the run up to a step.

        Parameters
        ----------
        step : Step
            A step of this run, usually its last.

        Returns
        -------
        segmentation : Segmentation
            Its smoothed image is made when it is asked for, unless the run made it.
        """
        image, known, found = self.image, vars(self).get("smoothed"), Classes.of(step)
        smooth = partial(self.stages.restored, image)
        if self._scribbles is None:
            [found] = without_gaps([found])
            step = dataclasses.replace(step, classes=torch.from_numpy(found.classes))
        return Segmentation(
            labels=step.labels(),
            superpixels=to_label_image(image.restore_labels(self.superpixels), step.valid),
            classes_of_superpixels=found.classes,
            probabilities=found.probabilities,
            record=self.cut_record(step),
            smooth=smooth if known is None else partial(image.restore, known),
            geometry=self.geometry,
        )

    def cut_record(self, step: Step) -> Record:
        """Record of the run up to a step of its cut.

        Parameters
        ----------
        step : Step
            A step of this run.

        Returns
        -------
        record : dict
            `record`, and the iterations, losses and counts of the step.
        """
        return self.record() | {
            "numbering": "consecutive" if self._scribbles is None else "scribbles",
            **Learned.figures_of(step),
            "n_superpixels": len(step.classes),
            "n_classes": step.n_classes,
        }

    def record(self) -> Record:
        """Everything needed to repeat the run, ready for JSON; see `Stages.record`."""
        return self.stages.record(self.image) | self._given

    def _give(self, name: str, labels: ArrayLike) -> np.ndarray:
        """Check a label image of the user's, and put it on record."""
        given, shape = np.asarray(labels), self.image.label_shape
        if given.dtype.kind not in "iu" or given.shape != shape:
            raise InvalidParameterError(
                f"{name}: {given.dtype} of shape {given.shape}, expected integers of shape "
                f"{shape} as the image"
            )
        self._given[f"given_{name}"] = {"sha256": array_sha256(given)}
        return self.image.arrange_labels(given)

    def wanted_classes(
        self, superpixels: np.ndarray, most: int, name: str = "n_partitions"
    ) -> np.ndarray | None:
        """Class from 0 that scribbles ask for on superpixels, -1 where free; None without."""
        if self._scribbles is None:
            return None
        return classes_of_scribbles(self._scribbles, superpixels, most, name)


def cut_image(pieces: OneImage, stages: Stages) -> Generator[Progress, None, Segmentation]:
    """Segment one image by the cut.

    Parameters
    ----------
    pieces : OneImage
        The image.
    stages : Stages
        Stages of the method.

    Yields
    ------
    progress : Progress
        Before each stage, and after each step of the cut with that `Step`.

    Returns
    -------
    segmentation : Segmentation
        That of the last step.
    """
    run = Run.on(pieces, stages)
    is_smoothed = run.settings.superpixel_params.source == "smoothed"
    if is_smoothed and "superpixels" not in vars(run):
        yield Progress("smoothing", 0, 1)
        _ = run.smoothed
    yield Progress("superpixels", 0, 1)
    _ = run.superpixels
    total = run.settings.cut_params.n_iterations
    yield Progress("cut", 0, total)
    for step in run.iter_steps():
        yield Progress("cut", step.iteration, total, step)
        last = step
    return run.result(last)
