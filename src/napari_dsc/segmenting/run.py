"""One run of the method, stage by stage."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

import torch

from napari_dsc.cut.graph import superpixel_altitudes
from napari_dsc.cut.merging import iter_merging
from napari_dsc.cut.objective import Known
from napari_dsc.errors import InvalidParameterError
from napari_dsc.hierarchy.growing import grow_tree
from napari_dsc.images import Image, array_sha256, load_image, to_label_image
from napari_dsc.labels.regions import connected_regions
from napari_dsc.layers import is_image_layer, labels_geometry, read_layer
from napari_dsc.machine.device import reproducible, resolve_device
from napari_dsc.machine.side_process import run_in_side_process
from napari_dsc.params import CutParams, ImageParams, Params, SuperpixelParams, TreeParams
from napari_dsc.params.checks import check_kinds
from napari_dsc.records.record import (
    Record,
    device_record,
    image_record,
    params_record,
    software_record,
)
from napari_dsc.segmenting.clock import Stages
from napari_dsc.segmenting.guidance import check_label_image, classes_of_scribbles, refuse_apart
from napari_dsc.segmenting.results import Segmentation, Step
from napari_dsc.superae.embedding import embedding_of
from napari_dsc.superae.planes import as_batch, smooth_planes
from napari_dsc.superae.weights import DEFAULT, check_dimensions, find_weights, load_weights
from napari_dsc.superpixels.methods import over_segment_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from napari.layers import Image as ImageLayer
    from numpy.typing import ArrayLike

    from napari_dsc.files import RawImage
    from napari_dsc.hierarchy.tree import MergeTree
    from napari_dsc.layers import Geometry
    from napari_dsc.superae.model import SuperAE

SEGMENTERS = ("dsc", "tree")


class Run:
    """The method on one image, stage by stage; each stage is computed when first asked for.

    Parameters
    ----------
    image : array, path or napari Image layer
        Image as a NumPy or dask array, a file, or a layer of a viewer, of the finest level if
        there are several, in two or three dimensions. What `load_image` gives passes as it is.
    axes : str, default ""
        Axes of the array as letters of ``"ZCYX"`` in any order, as ``"YXC"`` or ``"ZYX"``;
        empty: those of the file or layer, or told by the shape.
    spacing : sequence of float, optional
        Pixel size in micrometers along the axes of space, in their order; left out: that of
        the file or layer.
    channels : sequence of int, optional
        Channels to take, numbered from 0; left out: all.
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
    method : str, default "dsc"
        ``dsc`` merges superpixels into classes by Deep Superpixel Cut; ``tree`` gives the
        regions of a merge tree, without smoothing or training.
    tree_params : TreeParams
        How the merge tree is made, and where it is cut.
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
        If the weights cannot be found, or do not fit the network or the image.
    DeviceUnavailableError
        If the device does not exist.
    """

    def __init__(  # noqa: PLR0913 - the public keyword arguments, each written once
        self,
        image: ArrayLike | RawImage | Image | str | Path | ImageLayer,
        *,
        axes: str = "",
        spacing: Sequence[float] = (),
        channels: Sequence[int] = (),
        weights: str | Path = DEFAULT,
        device: str = "auto",
        image_params: ImageParams = ImageParams(),
        superpixel_params: SuperpixelParams = SuperpixelParams(),
        cut_params: CutParams = CutParams(),
        method: str = "dsc",
        tree_params: TreeParams = TreeParams(),
        superpixels: ArrayLike | None = None,
        scribbles: ArrayLike | None = None,
    ) -> None:
        check_kinds(
            (image_params, ImageParams),
            (superpixel_params, SuperpixelParams),
            (cut_params, CutParams),
            (tree_params, TreeParams),
        )
        if method not in SEGMENTERS:
            raise InvalidParameterError(
                f"method={method!r}: expected one of {', '.join(SEGMENTERS)}"
            )
        self.method, self.image_params, self.tree_params = method, image_params, tree_params
        self.superpixel_params, self.cut_params = superpixel_params, cut_params
        self.device = resolve_device(device)
        self.weights = find_weights(weights)
        self.geometry: Geometry | None = None
        if is_image_layer(image):
            layer, image = image, read_layer(image, axes)
            self.geometry = labels_geometry(layer, image.axes)
        if not isinstance(image, Image):
            image = load_image(image, axes, image_params, spacing=spacing, channels=channels)
        self.image: Image = image
        check_dimensions(self.weights, image.axes)
        self._stages = Stages(self.device)
        self.seconds, self.notes = self._stages.seconds, list[str]()
        self._given: dict[str, object] = {}
        self._scribbles: np.ndarray | None = None
        if superpixels is not None:
            self.superpixels = connected_regions(self._give("superpixels", superpixels))
        if scribbles is not None:
            self._scribbles = self._give("scribbles", scribbles)

    @cached_property
    def smoothed(self) -> np.ndarray:
        """Smoothed image ``x^R``, (C, *S) float32 in [0, 1]."""
        with self._stages.stage("smooth"), reproducible(self.device), torch.no_grad():
            pixels = torch.from_numpy(self.image.pixels).to(self.device)
            return smooth_planes(self.model, pixels).cpu().numpy()

    @cached_property
    def superpixels(self) -> np.ndarray:
        """Superpixels ``0 .. M - 1``, S int64."""
        params, spacing = self.superpixel_params, self.image.volume_spacing
        source = self.smoothed if params.source == "smoothed" else self.image.pixels
        with self._stages.stage("superpixels"):
            return run_in_side_process(over_segment_pixels, source, params, spacing)

    @cached_property
    def tree(self) -> MergeTree:
        """Merge tree of the image, without a record; see `segment_by_tree`."""
        with self._stages.stage("tree"):
            return run_in_side_process(grow_tree, self.image.pixels, self.tree_params)

    def iter_steps(self) -> Iterator[Step]:
        """Run the cut, whatever ``method`` says.

        Yields
        ------
        step : Step
            ``n_iterations`` times, or fewer if the classes came to rest; closing the
            generator ends the run.
        """
        refuse_apart(self.cut_params.series, self.image.axes)
        superpixels, params = self.superpixels, self.cut_params
        with self._stages.stage("cut"), torch.inference_mode(False):
            model, pixels = self.model, torch.from_numpy(self.image.pixels).to(self.device)
            fresh = partial(embedding_of, model, params.n_partitions, params.seed)
            image, fixed = as_batch(pixels, model.n_channels), self._fixed_classes()
            altitudes = superpixel_altitudes(self.image.pixels, superpixels, params)
            known = Known(altitudes, self.image.volume_spacing)
            steps = iter_merging(image, superpixels, fresh, params, fixed, known=known)
        while True:
            with self._stages.stage("cut"), torch.inference_mode(False):
                step = next(steps, None)
            if step is None:
                return
            if isinstance(step, str):
                self.notes.append(step)
                continue
            shown = self.image.restore_labels(superpixels)
            yield Step(**step._asdict(), superpixels=shown, result=params.result)

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
            superpixels=to_label_image(self.image.restore_labels(self.superpixels)),
            smoothed=self.image.restore(self.smoothed),
            classes_of_superpixels=step.classes.cpu().numpy(),
            probabilities=step.assignment.cpu().numpy(),
            record=self.cut_record(step),
            geometry=self.geometry,
        )

    @property
    def params(self) -> dict[str, Params]:
        """Parameters of the stages that the method has."""
        stages: dict[str, Params] = {"image": self.image_params}
        if self.method == "tree":
            return stages | {"tree": self.tree_params}
        return stages | {"superpixels": self.superpixel_params, "cut": self.cut_params}

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
            "method": self.method,
            "parameters": params_record(self.params),
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "notes": list(self.notes),
        } | self._given

    def _give(self, name: str, labels: ArrayLike) -> np.ndarray:
        """Check a label image of the user's, and put it on record."""
        given = check_label_image(name, labels, self.image.label_shape)
        self._given[f"given_{name}"] = {"sha256": array_sha256(given)}
        return self.image.arrange_labels(given)

    def _fixed_classes(self) -> np.ndarray:
        """Class of each superpixel that scribbles ask for, -1 without, (M,)."""
        scribbles = self._scribbles if self._scribbles is not None else self.superpixels * 0
        return classes_of_scribbles(scribbles, self.superpixels, self.cut_params.n_partitions)

    @cached_property
    def model(self) -> SuperAE:
        """Smoothing network on the device of the run."""
        with torch.inference_mode(False), torch.device("cpu"):
            model = load_weights(self.weights)
        return model.to(self.device, torch.float32)
