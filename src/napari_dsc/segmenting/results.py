"""Results: a step of the cut while it runs, and the segmentation at its end."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import torch

from napari_dsc.correction.parts import Parts, parts_of
from napari_dsc.errors import InvalidParameterError
from napari_dsc.images import to_label_image
from napari_dsc.labels import measurement, regions
from napari_dsc.layers import (
    PARTS_KEY,
    RECORD_KEY,
    Geometry,
    as_many_axes,
    file_geometry,
    labels_layer,
)
from napari_dsc.segmenting.saving import write_result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Labels
    from torch import Tensor

    from napari_dsc.cut.joint import PieceClasses
    from napari_dsc.hierarchy.tree import MergeTree
    from napari_dsc.records.record import Record


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of the cut on an image, as it was before the step moved the weights.

    Parameters
    ----------
    iteration : int
        Number of the step, from 1.
    label_loss, cut_loss : 0-d float tensor
        The losses L1 and L2 on the run's device; ``float()`` waits for a GPU.
    classes : (M,) int64 tensor
        Class of each superpixel, from 0.
    assignment : (M, K) float tensor
        Probability of each superpixel for each class.
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``.
    result : str
        What `labels` gives: ``classes`` or ``regions``.
    valid : S bool array or None
        Pixels that have a value; the others are labeled 0. None: all have one.
    finish : callable
        Makes the `Segmentation` of a step, see `segmentation`.
    """

    iteration: int
    label_loss: Tensor
    cut_loss: Tensor
    classes: Tensor
    assignment: Tensor
    superpixels: np.ndarray = dataclasses.field(repr=False)
    result: str
    valid: np.ndarray | None = dataclasses.field(repr=False)
    finish: Callable[[Step], Segmentation] = dataclasses.field(repr=False)

    @property
    def n_classes(self) -> int:
        """Number of classes that some superpixel has."""
        return int(torch.count_nonzero(torch.bincount(self.classes)))

    def labels(self) -> np.ndarray:
        """Label image of this step, from 1, in the smallest unsigned type.

        Returns
        -------
        labels : S uint8, uint16 or uint32 array
            Class plus 1 of each pixel, the same class with the same label in every step;
            or its connected region.
        """
        classes = self.classes.cpu().numpy()[self.superpixels]
        found = regions.connected_regions(classes) if self.result == "regions" else classes
        return to_label_image(found, self.valid)

    def segmentation(self) -> Segmentation:
        """Result of the run as if this step had been its last.

        Returns
        -------
        segmentation : Segmentation
            With the labels and the record of this step.
        """
        return self.finish(self)


class Classes(NamedTuple):
    """Classes of the superpixels of one image.

    Parameters
    ----------
    classes : (M,) int64 array
        Class of each superpixel, from 0.
    probabilities : (M, K) float32 array
        Probability of each superpixel for each class.
    """

    classes: np.ndarray
    probabilities: np.ndarray

    @classmethod
    def of(cls, step: PieceClasses | Step) -> Self:
        """Classes in a step of a cut, or in the assignment by a trained network."""
        return cls(step.classes.cpu().numpy(), step.assignment.cpu().numpy())


def without_gaps(found: Sequence[Classes]) -> list[Classes]:
    """Renumber classes: first those that some superpixel has, in their order.

    Parameters
    ----------
    found : sequence of Classes
        Classes that mean the same in all of these images.

    Returns
    -------
    numbered : list of Classes
        The same, with the columns of the probabilities in the new order.
    """
    used = np.unique(np.concatenate([one.classes for one in found]))
    n_columns = found[0].probabilities.shape[1]
    every = np.arange(max(n_columns, used.max(initial=-1) + 1))
    order = np.concatenate([used, np.setdiff1d(every, used)])
    rank, columns = np.argsort(order), order[order < n_columns]
    return [Classes(rank[one.classes], one.probabilities[:, columns]) for one in found]


@dataclasses.dataclass(frozen=True)
class Segmentation:
    """Result of a run.

    Parameters
    ----------
    labels : S uint8, uint16 or uint32 array
        Segments, from 1.
    superpixels : S uint8, uint16 or uint32 array
        Superpixels, from 1.
    classes_of_superpixels : (M,) int64 array
        Class of each superpixel, from 0; superpixel ``j`` has the label ``j + 1``. Regions of
        a merge tree are classes of their own.
    probabilities : (M, K) float32 array
        Probability of each superpixel for each class; K is 0 for a merge tree.
    record : dict
        What made the result, ready for JSON: parameters, versions, device, hashes of image
        and weights, normalization, axes, spacing, seconds.
    smooth : callable
        Makes the smoothed image, see `smoothed`.
    geometry : Geometry, optional
        Where the pixels lie in a napari viewer, if the image came from a layer of one.
    tree : MergeTree, optional
        Merge tree of a single image segmented by ``method="tree"``, in the axes of the labels:
        cut it for more or fewer regions of the whole image.
    """

    labels: np.ndarray
    superpixels: np.ndarray
    classes_of_superpixels: np.ndarray
    probabilities: np.ndarray
    record: Record
    smooth: Callable[[], np.ndarray] = dataclasses.field(repr=False)
    geometry: Geometry | None = None
    tree: MergeTree | None = None

    @cached_property
    def smoothed(self) -> np.ndarray:
        """Smoothed image in layout, type and units of the image, made when first asked for.

        It is the image itself where the method does not smooth.
        """
        return self.smooth()

    def within(self, mask: np.ndarray | None) -> Segmentation:
        """Segmentation of a part of the image.

        Parameters
        ----------
        mask : S bool array or None
            The part; None is all of it.

        Returns
        -------
        part : Segmentation
            Labels and superpixels are 0 outside. Superpixels, and labels that the record
            calls consecutive, are numbered anew, ``1 .. n``; the record has their numbers.

        Raises
        ------
        InvalidParameterError
            If the mask is not of bool, or not of the shape of the labels.
        """
        if mask is None:
            return self
        shape = self.labels.shape
        if mask.dtype != bool or mask.shape != shape:
            raise InvalidParameterError(
                f"mask: {mask.dtype} of shape {mask.shape}, expected bool of shape {shape}"
            )
        numbers, superpixels = regions.number_from_one(self.superpixels * mask)
        rows, labels = numbers - 1, self.labels * mask
        found = Classes(self.classes_of_superpixels[rows], self.probabilities[rows])
        if self.record["numbering"] == "consecutive":
            _, labels = regions.number_from_one(labels)
            [found] = without_gaps([found])
        counts = dict.fromkeys(("n_classes", "n_regions"), len(np.unique(found.classes)))
        counts["n_superpixels"] = len(numbers)
        counted = {name: counts[name] for name in counts.keys() & self.record.keys()}
        return dataclasses.replace(
            self,
            labels=labels,
            superpixels=superpixels,
            classes_of_superpixels=found.classes,
            probabilities=found.probabilities,
            record=self.record | counted,
        )

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the labels to a file, with their record and pixel size.

        Parameters
        ----------
        path : str or Path
            ``.tif``, ``.tiff`` or ``.zarr`` (with record and pixel size), ``.png`` or ``.npy``.
        overwrite : bool
            Whether a file that napari-dsc wrote is replaced.

        Raises
        ------
        OutputError
            If the file cannot be written, or its format cannot hold the labels.
        """
        write_result(Path(path), self.labels, self.record, overwrite=overwrite)

    def features(self) -> dict[str, np.ndarray]:
        """Table of the segments.

        Returns
        -------
        table : dict of str to array
            ``index`` (the label), ``class`` (from 1) and, where there are probabilities,
            ``confidence``, the mean probability of the class over the segment's pixels.
        """
        return measurement.segment_table(
            self.labels, self.superpixels, self.classes_of_superpixels, self.probabilities
        )

    def parts(self) -> Parts:
        """Superpixels, made ready for corrections.

        Returns
        -------
        parts : Parts
            With their mean colors in the smoothed image, and their probabilities.
        """
        axes = str(self.record["image"]["axes"])  # type: ignore[index]
        channel = axes.find("C")
        pixels = np.moveaxis(self.smoothed, channel, 0) if channel >= 0 else self.smoothed[None]
        return parts_of(self.superpixels, pixels, self.probabilities)

    def to_layer(self, name: str = "DSC") -> Labels:
        """Make a napari Labels layer that lies on the image; needs napari.

        Parameters
        ----------
        name : str
            Name of the layer.

        Returns
        -------
        layer : napari Labels layer
            With the table of `features`, and the record in its metadata under
            ``napari-dsc``; add it by ``viewer.add_layer``. The Correct dock takes it as it
            is.
        """
        parts = self.parts()
        geometry = self.geometry or file_geometry(self.record["image"])  # type: ignore[arg-type]
        if geometry is not None:
            superpixels = as_many_axes(parts.superpixels, geometry)
            parts = dataclasses.replace(parts, superpixels=superpixels)
        metadata = {RECORD_KEY: dict(self.record), PARTS_KEY: parts}
        options = {"name": name, "features": self.features(), "metadata": metadata}
        return labels_layer(self.labels, geometry, options)
