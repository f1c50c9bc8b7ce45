"""The stages of the method under one set of settings, and a network that pieces share."""

import copy
import dataclasses
import functools
import math
from collections.abc import Iterator
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import torch

from napari_dsc.classes.features import Pooled, channel_means
from napari_dsc.cut.joint import Piece
from napari_dsc.errors import ComputationError, InvalidParameterError
from napari_dsc.hierarchy.construction import grow_tree
from napari_dsc.hierarchy.ground import Ground, lay_ground
from napari_dsc.hierarchy.tree import MergeTree
from napari_dsc.images import Image
from napari_dsc.images.masks import spread
from napari_dsc.machine.clock import Clock
from napari_dsc.machine.device import reproducible, resolve_device
from napari_dsc.machine.side_process import run_in_side_process
from napari_dsc.params import SuperpixelParams
from napari_dsc.records.record import Record, device_record, image_record, software_record
from napari_dsc.segmenting.settings import Settings
from napari_dsc.superae.applied import as_batch, smooth_planes
from napari_dsc.superae.model import SuperAE
from napari_dsc.superae.pooling import pool_levels
from napari_dsc.superae.weights import WeightsFile, check_dimensions, find_weights, load_weights
from napari_dsc.superpixels.methods import TOLERANCE, over_segment_pixels

S = TypeVar("S")


class Seen(Protocol):
    """What the class tree sees of an image, or of a part of one."""

    @property
    def pixels(self) -> np.ndarray:
        """Values in 0 to 1, (C, *S) float32."""

    @property
    def valid(self) -> np.ndarray | None:
        """Pixels that have a value, S bool; None if all have one."""

    @property
    def volume_spacing(self) -> tuple[float, ...]:
        """Pixel size along S of a volume; empty for a plane."""


class Stages:
    """The stages of the method; device, weights and network are resolved once.

    Parameters
    ----------
    settings : Settings
        Settings of all stages.

    Attributes
    ----------
    device : torch.device
        Where the networks run.
    weights : WeightsFile
        Weights of the smoothing network.
    clock : Clock
        Durations of the stages so far.
    notes : list of str
        Sentences for the user on what was done otherwise than asked for.

    Raises
    ------
    InvalidParameterError
        If the weights are not those that the settings name by hash.
    WeightsError
        If the weights cannot be found.
    DeviceUnavailableError
        If the device does not exist.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.device = resolve_device(settings.device)
        self.weights = find_weights(settings.weights)
        wanted = settings.weights_sha256
        if wanted and wanted != self.weights.sha256:
            raise InvalidParameterError(
                f"weights={settings.weights!r}: the recipe was made with other weights of this "
                f"name (sha256 {wanted:.12}..., found {self.weights.sha256:.12}...); name the "
                "weights to use"
            )
        # copies share it, loaded when it is first used
        self._network = functools.cache(functools.partial(_network, self.weights, self.device))
        self.clock, self.notes = Clock(self.device), list[str]()

    def fresh(self) -> Self:
        """Stages of another image: the same network, with a clock and notes of their own."""
        other = copy.copy(self)
        other.clock, other.notes = Clock(self.device), []
        return other

    def under(self, settings: Settings) -> Self:
        """The same stages, clock and notes under other settings of the same weights."""
        other = copy.copy(self)
        other.settings = settings
        return other

    @property
    def model(self) -> SuperAE:
        """Smoothing network on the device."""
        return self._network()

    def check(self, image: Image) -> None:
        """Refuse an image whose dimensions do not fit the weights."""
        check_dimensions(self.weights, image.axes)

    def smoothed(self, image: Image) -> np.ndarray:
        """Smoothed image ``x^R``, (C, *S) float32 in [0, 1]."""
        with self.clock.stage("smooth"), reproducible(self.device), torch.no_grad():
            pixels = torch.from_numpy(image.pixels).to(self.device)
            return smooth_planes(self.model, pixels).cpu().numpy()

    def restored(self, image: Image) -> np.ndarray:
        """Smoothed image in the layout, type and units of the original."""
        return image.restore(self.smoothed(image))

    def superpixels(self, image: Image, smoothed: np.ndarray | None = None) -> np.ndarray:
        """Superpixels ``0 .. M - 1``, S int64; smoothed, where the image is already.

        Each has a pixel with a value. Where too many have none, more are asked for.
        """
        params, source = self.settings.superpixel_params, image.pixels
        if params.source == "smoothed":
            source = self.smoothed(image) if smoothed is None else smoothed
        with self.clock.stage("superpixels"):

            def ask(wanted: SuperpixelParams) -> np.ndarray:
                about = (source, wanted, image.volume_spacing)
                return run_in_side_process(over_segment_pixels, *about)

            found = ask(params)
            made, n_found = spread(found, image.valid), int(found.max()) + 1
            n_made = int(made.max()) + 1
            if n_made < (1 - TOLERANCE) * n_found:
                wanted = min(round(params.n_superpixels * n_found / n_made), made.size)
                more = dataclasses.replace(params, n_superpixels=wanted)
                made = spread(ask(more), image.valid)
            return made

    def tree(self, image: Image) -> MergeTree:
        """Merge tree of an image, without a record."""
        with self.clock.stage("tree"):
            return run_in_side_process(
                grow_tree, image.pixels, self.settings.tree_params, image.valid
            )

    def ground(self, image: Seen) -> Ground:
        """Merge tree of an image, with its statistics and finer superpixels."""
        with self.clock.stage("tree"):
            return run_in_side_process(
                lay_ground, image.pixels, self.settings.tree_params, image.valid
            )

    def pooled(self, image: Seen, *partitions: np.ndarray) -> list[Pooled]:
        """Channels of an image and of the encoder, averaged over the regions of partitions."""
        with self.clock.stage("features"):
            levels = pool_levels(self.model, image.pixels, partitions, image.valid)
            return [
                Pooled(channel_means(image.pixels, regions, image.valid), *of_regions)
                for regions, of_regions in zip(partitions, levels, strict=True)
            ]

    def piece(self, image: Image, superpixels: np.ndarray) -> Piece:
        """Image and superpixels ready for the network of the cut, on the device."""
        pixels = torch.from_numpy(image.pixels).to(self.device)
        batch = as_batch(pixels, self.model.n_channels)
        return Piece(batch, superpixels, image.volume_spacing)

    def record(self, image: Image) -> Record:
        """Everything needed to repeat the stages on an image, ready for JSON.

        These are settings, versions, device, hashes of image and weights, notes, and the
        seconds of the stages done so far.
        """
        return self.record_of(image_record(image))

    def record_of(self, image: Record, **more: object) -> Record:
        """Record of the stages with that of an image, and with other entries."""
        settings = self.settings.to_record()
        seconds = {stage: round(value, 3) for stage, value in self.clock.seconds.items()}
        return {
            "software": software_record(),
            "image": image,
            **settings,
            "device": {**device_record(self.device), **settings["device"]},
            "weights": {"name": self.weights.name, "sha256": self.weights.sha256},
            **more,
            "seconds": seconds,
            "notes": list(self.notes),
        }


def timed_cut(steps: Iterator[S], clock: Clock) -> Iterator[S]:
    """Steps of a cut, with gradients even in the caller's inference mode."""
    while True:
        with clock.stage("cut"), torch.inference_mode(False):
            step = next(steps, None)
            if step is not None and not isinstance(step, str):
                check_losses(step)  # waits for a GPU, so it belongs to the time of the cut
        if step is None:
            return
        yield step


def check_losses(step: Any) -> None:
    """Refuse a step after whose losses labels mean nothing.

    Raises
    ------
    ComputationError
        If a loss is not finite.
    """
    if not all(map(math.isfinite, (step.label_loss, step.cut_loss))):
        raise ComputationError(
            f"cut: the loss is not finite after step {step.iteration}; choose a smaller "
            "learning_rate, or other weights"
        )


def _network(weights: WeightsFile, device: torch.device) -> SuperAE:
    """The smoothing network on the device."""
    with torch.inference_mode(False), torch.device("cpu"):
        model = load_weights(weights)
    return model.to(device, torch.float32)
