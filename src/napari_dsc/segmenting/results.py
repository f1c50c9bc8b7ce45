"""The result of a run."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.correction.parts import Parts, parts_of
from napari_dsc.errors import InvalidParameterError
from napari_dsc.images import to_label_image
from napari_dsc.labels import measurement, regions
from napari_dsc.labels.numbering import Classes, labels_of, without_gaps
from napari_dsc.layers import (
    PARTS_KEY,
    RECORD_KEY,
    Geometry,
    as_many_axes,
    file_geometry,
    labels_layer,
)
from napari_dsc.segmenting.saving import write_result
from napari_dsc.segmenting.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Labels

    from napari_dsc.classes.class_tree import ClassTree
    from napari_dsc.hierarchy.tree import MergeTree
    from napari_dsc.records.record import Record

# what the record of regions has not, of what that of classes has
_OF_CLASSES = ("n_classes", "n_outstanding", "unused_parameters", "tile")


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
        Merge tree of a single image segmented by ``method="tree"`` or ``"classes"``, in the
        axes of the labels: cut it for more or fewer regions of the whole image.
    class_tree : ClassTree, optional
        Classes of the superpixels at every number, of ``method="classes"``.
    """

    labels: np.ndarray
    superpixels: np.ndarray
    classes_of_superpixels: np.ndarray
    probabilities: np.ndarray
    record: Record
    smooth: Callable[[], np.ndarray] = dataclasses.field(repr=False)
    geometry: Geometry | None = None
    tree: MergeTree | None = None
    class_tree: ClassTree | None = None

    @cached_property
    def smoothed(self) -> np.ndarray:
        """Smoothed image in layout, type and units of the image, made when first asked for.

        It is the image itself where the method does not smooth.
        """
        return self.smooth()

    def classes(self, n_classes: int) -> Segmentation:
        """The same image in another number of classes, without a new run.

        Parameters
        ----------
        n_classes : int
            Number of classes. A class that stays has the same label at each number.

        Returns
        -------
        segmentation : Segmentation
            As from a run with this number of ``classes``.

        Raises
        ------
        InvalidParameterError
            If the result has no class tree, or no such level.
        """
        if self.class_tree is None:
            raise InvalidParameterError(
                f"n_classes={n_classes}: this result has no class tree; segment the whole "
                "image with method='classes'"
            )
        found = self.class_tree.classes(n_classes)
        return dataclasses.replace(
            self,
            labels=labels_of(found, self.superpixels),
            classes_of_superpixels=found,
            probabilities=self.class_tree.probabilities(n_classes),
            record=record_of_classes(self.record, n_classes),
        )

    def regions(self, n_regions: int) -> Segmentation:
        """Connected regions of the same image, by its merge tree.

        Parameters
        ----------
        n_regions : int
            Number of regions of the whole image.

        Returns
        -------
        segmentation : Segmentation
            As from a run with ``method="tree"`` and this number of ``regions``.

        Raises
        ------
        InvalidParameterError
            If the result has no merge tree, or the number is out of range.
        """
        if self.tree is None:
            raise InvalidParameterError(
                f"n_regions={n_regions}: this result has no merge tree; segment one image with "
                "method='classes' or 'tree'"
            )
        labels, leaves = self.tree.cut(n_regions=n_regions), self.tree.superpixels
        settings = Settings.from_record(self.record)
        params = dataclasses.replace(settings.tree_params, regions=n_regions)
        record = settings.replace(method="tree", tree_params=params).to_record()
        kept = {name: self.record[name] for name in ("device", "weights")}
        others = {k: v for k, v in self.record.items() if k not in _OF_CLASSES}
        found = np.zeros(self.tree.n_superpixels, np.int64)
        found[leaves] = labels
        counts = {"n_superpixels": len(found), "n_regions": int(found.max())}
        made = Segmentation(
            labels=labels,
            superpixels=to_label_image(leaves),
            classes_of_superpixels=found - 1,
            probabilities=np.zeros((len(found), 0), np.float32),
            record={**others, **record, **kept, "numbering": "consecutive", **counts},
            smooth=self.smooth,
            geometry=self.geometry,
            tree=self.tree,
        )
        has_value = self.superpixels > 0
        return made if has_value.all() else made.within(has_value)

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
            class_tree=self.class_tree if len(rows) == len(self.probabilities) else None,
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


def record_of_classes(record: Record, n_classes: int) -> Record:
    """Record of a run with a class tree, shown at another number of classes.

    Parameters
    ----------
    record : dict
        Of the run.
    n_classes : int
        Number of classes.

    Returns
    -------
    record : dict
        That of a run which asks for this number.
    """
    settings = Settings.from_record(record)
    params = dataclasses.replace(settings.class_params, classes=int(n_classes))
    parameters = settings.replace(class_params=params).to_record()["parameters"]
    return record | {"parameters": parameters, "n_classes": int(n_classes)}
