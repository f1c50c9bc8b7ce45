"""One run of the method, stage by stage."""

from __future__ import annotations

import contextlib
import copy
import time
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from napari_dsc.cut.merging import iter_merging
from napari_dsc.device import is_out_of_memory, reproducible, resolve_device, seeded
from napari_dsc.errors import ComputationError, InvalidImageError, InvalidParameterError
from napari_dsc.guidance import check_label_image, classes_of_scribbles
from napari_dsc.images import Image, array_sha256, load_image, to_label_image
from napari_dsc.layers import is_image_layer, labels_geometry, read_layer
from napari_dsc.params import CutParams, ImageParams, SuperpixelParams
from napari_dsc.record import (
    Record,
    device_record,
    image_record,
    params_record,
    software_record,
)
from napari_dsc.regions import connected_regions
from napari_dsc.results import Segmentation, Step
from napari_dsc.superae.model import Embedding, SuperAE, as_many_channels, smooth_to_the_rim
from napari_dsc.superae.weights import DEFAULT, find_weights, load_weights
from napari_dsc.superpixels import over_segment_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from napari.layers import Image as ImageLayer
    from numpy.typing import ArrayLike
    from torch import Tensor

    from napari_dsc.files import RawImage
    from napari_dsc.layers import Geometry


class Run:
    """The method on one image, stage by stage; each stage is computed when first asked for.

    Parameters
    ----------
    image : array, path or napari Image layer
        Image as a NumPy or dask array, a file, or a layer of a viewer: two-dimensional, grey
        or RGB, of any integer or float type. Of a multiscale layer the finest level is taken.
        What `load_image` gives passes as it is.
    axes : str, default ""
        Axes of the array as letters, ``"YX"``, ``"YXC"`` or ``"CYX"``; empty: those of the
        file, or guessed from the shape.
    weights : str or Path
        Name of registered weights, or a safetensors file of one's own.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    image_params : ImageParams
        How intensities are normalized.
    superpixel_params : SuperpixelParams
        How superpixels are made.
    cut_params : CutParams
        How superpixels are merged.
    superpixels : S int array, optional
        Superpixels made elsewhere, any labels; each connected piece of a label counts as
        one. Left out, they are made by `superpixel_params`.
    scribbles : S int array, optional
        Label ``k`` on a superpixel asks for class ``k`` there: the cut learns it, and the
        superpixel has it in the end. 0 leaves the superpixel free.

    Attributes
    ----------
    image : Image
        Normalized image.
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
        If the parameters do not fit the image.
    WeightsError
        If the weights cannot be found or do not fit.
    DeviceUnavailableError
        If the device does not exist.
    """

    def __init__(  # noqa: PLR0913 - the public keyword arguments, each written once
        self,
        image: ArrayLike | RawImage | Image | str | Path | ImageLayer,
        *,
        axes: str = "",
        weights: str | Path = DEFAULT,
        device: str = "auto",
        image_params: ImageParams = ImageParams(),
        superpixel_params: SuperpixelParams = SuperpixelParams(),
        cut_params: CutParams = CutParams(),
        superpixels: ArrayLike | None = None,
        scribbles: ArrayLike | None = None,
    ) -> None:
        for given, kind in (
            (image_params, ImageParams),
            (superpixel_params, SuperpixelParams),
            (cut_params, CutParams),
        ):
            if not isinstance(given, kind):
                raise InvalidParameterError(
                    f"expected {kind.__name__}, got {type(given).__name__}: {given!r:.60}"
                )
        self.params = {
            "image": image_params,
            "superpixels": superpixel_params,
            "cut": cut_params,
        }
        self.superpixel_params, self.cut_params = superpixel_params, cut_params
        self.device = resolve_device(device)
        self.weights = find_weights(weights)
        self.geometry: Geometry | None = None
        if is_image_layer(image):
            layer, image = image, read_layer(image, axes)
            self.geometry = labels_geometry(layer, image.axes)
        self.image: Image = (
            image if isinstance(image, Image) else load_image(image, axes, image_params)
        )
        self.seconds: dict[str, float] = {}
        self.notes: list[str] = []
        self._given: dict[str, object] = {}
        self._scribbles: np.ndarray | None = None
        if superpixels is not None:
            self.superpixels = connected_regions(self._give("superpixels", superpixels))
        if scribbles is not None:
            self._scribbles = self._give("scribbles", scribbles)

    @cached_property
    def smoothed(self) -> np.ndarray:
        """Smoothed image ``x^R``, (C, *S) float32 in [0, 1]."""
        with self._stage("smooth"), reproducible(self.device), torch.no_grad():
            smoothed = smooth_to_the_rim(self._model, self._tensor())[0]
            return as_many_channels(smoothed, len(self.image.pixels)).cpu().numpy()

    @cached_property
    def superpixels(self) -> np.ndarray:
        """Superpixels ``0 .. M - 1``, S int64."""
        from_smoothed = self.superpixel_params.source == "smoothed"
        source = self.smoothed if from_smoothed else self.image.pixels
        with self._stage("superpixels"):
            return over_segment_pixels(source, self.superpixel_params)

    def iter_steps(self) -> Iterator[Step]:
        """Run the cut.

        Yields
        ------
        step : Step
            ``n_iterations`` times, or fewer if the classes came to rest; closing the
            generator ends the run.
        """
        superpixels, params = self.superpixels, self.cut_params
        with self._stage("cut"), torch.inference_mode(False):
            steps = iter_merging(
                self._tensor(), superpixels, self._embedding, params, self._fixed_classes()
            )
        while True:
            with self._stage("cut"), torch.inference_mode(False):
                step = next(steps, None)
            if step is None:
                return
            if isinstance(step, str):
                self.notes.append(step)
                continue
            yield Step(**step._asdict(), superpixels=superpixels, result=params.result)

    def result(self, step: Step) -> Segmentation:
        """Collect what the run made up to a step.

        Parameters
        ----------
        step : Step
            A step of this run, usually its last.

        Returns
        -------
        segmentation : Segmentation
            Arrays of their own; the run may be dropped.
        """
        return Segmentation(
            labels=step.labels(),
            superpixels=to_label_image(self.superpixels),
            smoothed=self.image.restore(self.smoothed),
            classes_of_superpixels=step.classes.cpu().numpy(),
            probabilities=step.assignment.cpu().numpy(),
            record=self.cut_record(step),
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
            "iterations": step.iteration,
            "n_superpixels": len(step.classes),
            "n_classes": step.n_classes,
            "label_loss": float(step.label_loss),
            "cut_loss": float(step.cut_loss),
        }

    def record(self) -> Record:
        """Everything needed to repeat the run, ready for JSON.

        Returns
        -------
        record : dict
            Parameters, versions, device, hashes of image and weights, and the seconds of
            the stages done so far.
        """
        return {
            "software": software_record(),
            "device": device_record(self.device),
            "image": image_record(self.image),
            "weights": {"name": self.weights.name, "sha256": self.weights.sha256},
            "parameters": params_record(self.params),
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "notes": list(self.notes),
        } | self._given

    def _give(self, name: str, labels: ArrayLike) -> np.ndarray:
        """Check a label image of the user's, and put it on record."""
        given = check_label_image(name, labels, self.image.pixels.shape[1:])
        self._given[f"given_{name}"] = {"sha256": array_sha256(given)}
        return given

    def _fixed_classes(self) -> np.ndarray:
        """Class of each superpixel that scribbles ask for, -1 without, (M,)."""
        scribbles = self._scribbles if self._scribbles is not None else self.superpixels * 0
        return classes_of_scribbles(scribbles, self.superpixels, self.cut_params.n_partitions)

    @cached_property
    def _model(self) -> SuperAE:
        with torch.inference_mode(False), torch.device("cpu"):
            model = load_weights(self.weights)
        n_channels = len(self.image.pixels)
        if n_channels not in (1, model.n_channels):
            raise InvalidImageError(
                f"image: got {n_channels} channels, but the weights {self.weights.name} "
                f"expect {model.n_channels}"
            )
        return model.to(self.device, torch.float32)

    def _embedding(self) -> Embedding:
        """Network of the cut: the trained encoder, and a head drawn from the seed."""
        params = self.cut_params
        encoder = copy.deepcopy(self._model.encoder)
        with seeded(params.seed):
            embedding = Embedding(encoder, params.n_partitions)
        return embedding.to(self.device, torch.float32)

    def _tensor(self) -> Tensor:
        """Image as a batch of one with the channels of the network."""
        pixels = torch.from_numpy(self.image.pixels).to(self.device)
        tensor = as_many_channels(pixels, self._model.n_channels)
        return tensor.unsqueeze(0).contiguous(memory_format=torch.channels_last)

    @contextlib.contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        """Time a stage, and say in words if memory ran out."""
        start = time.perf_counter()
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise ComputationError(_out_of_memory(self.device)) from error
        finally:
            self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - start


def _out_of_memory(device: torch.device) -> str:
    advice = "" if device.type == "cpu" else ", or use device cpu"
    return f"device {device}: out of memory; crop or downscale the image{advice}"
