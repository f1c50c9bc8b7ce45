"""Result of the run of a dock, and levels that can be shown in its place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_dsc.classes.class_tree import ClassTree
    from napari_dsc.correction.parts import Parts
    from napari_dsc.hierarchy.tree import MergeTree
    from napari_dsc.jobs.request import Request
    from napari_dsc.records.record import Record
    from napari_dsc.segmenting.pieces import OneImage
    from napari_dsc.segmenting.results import Segmentation
    from napari_dsc.segmenting.settings import Settings


@dataclass(frozen=True)
class Result:
    """Result of a finished job; arrays of other stages are None.

    ``levels`` are there if the job grew the merge tree, ``grower`` if it can still be grown;
    ``class_levels`` if it grew a class tree.
    """

    record: Record
    smoothed: np.ndarray | None = None
    superpixels: np.ndarray | None = None
    labels: np.ndarray | None = None
    features: dict[str, np.ndarray] = field(default_factory=dict)
    parts: Parts | None = None
    confidence: np.ndarray | None = None
    levels: Levels | None = None
    class_levels: ClassLevels | None = None
    grower: tuple[OneImage, Settings] | None = None


@dataclass(frozen=True, eq=False)
class Levels:
    """Regions of an image at every granularity; nothing else of the image is kept.

    Parameters
    ----------
    tree : MergeTree
        In the axes of the labels.
    parts : Parts
        Its superpixels, 0 outside the mask.
    record : dict
        Of the run with ``method="tree"`` that gives `n_regions`.
    n_regions : int
        Number of regions where the parameters cut the tree.
    n_others : int
        Number of superpixels of what is shown in turn with the regions, in one layer.
    """

    tree: MergeTree
    parts: Parts
    record: Record
    n_regions: int
    n_others: int = 0

    least = 1

    @property
    def most(self) -> int:
        """Largest number of regions."""
        return self.tree.n_superpixels

    @property
    def n_shown(self) -> int:
        """Number of regions that is shown first."""
        return self.n_regions

    def cut(self, n_regions: int) -> Result:
        """Regions at one level, as a run of the method alone would give them."""
        labels = self.tree.cut(n_regions=n_regions, lasting=True)
        of_leaves = labels.ravel()[self._pixel_of_leaf].astype(np.int64)
        every, regions = np.unique(of_leaves, return_inverse=True)
        seen = np.unique(of_leaves[self.parts.sizes > 0])
        parameters: dict[str, dict[str, object]] = self.record["parameters"]  # type: ignore[assignment]
        stages = parameters | {"tree": parameters["tree"] | {"regions": n_regions}}
        return Result(
            self.record
            | {
                "parameters": stages,
                "n_regions": int(regions.max()) + 1,
                "numbering": "lasting",
            },
            superpixels=self.parts.superpixels,
            labels=in_shown_type(
                np.where(self.parts.superpixels > 0, labels, 0),
                max(self.tree.n_superpixels, self.n_others),
            ),
            features={"index": seen, "class": np.searchsorted(every, seen) + 1},
            parts=self.parts,
        )

    @cached_property
    def _pixel_of_leaf(self) -> np.ndarray:
        """Flat index of one pixel of each superpixel, (M,)."""
        return np.unique(self.tree.superpixels, return_index=True)[1]


@dataclass(frozen=True, eq=False)
class ClassLevels:
    """Classes of an image at every number; nothing else of the image is kept.

    Parameters
    ----------
    tree : ClassTree
        Classes of the superpixels.
    parts : Parts
        The superpixels, 0 outside the mask.
    record : dict
        Of the run.
    n_classes : int
        Number of classes that the parameters ask for, or that stand out.
    n_others : int
        Number of superpixels of what is shown in turn with the classes, in one layer.
    """

    tree: ClassTree
    parts: Parts
    record: Record
    n_classes: int
    n_others: int = 0

    @property
    def least(self) -> int:
        """Least number of classes."""
        return min(max(2, self.tree.least), self.tree.most)

    @property
    def most(self) -> int:
        """Largest number of classes."""
        return self.tree.most

    @property
    def n_shown(self) -> int:
        """Number of classes that is shown first."""
        return self.n_classes

    def cut(self, n_classes: int) -> Result:
        """Classes at one level, as a run that asks for this number would give them."""
        from napari_dsc.correction.edits import table_of
        from napari_dsc.labels.numbering import labels_of
        from napari_dsc.segmenting.results import record_of_classes

        found = self.tree.classes(n_classes)
        parts = replace(self.parts, probabilities=self.tree.probabilities(n_classes))
        labels = labels_of(found, parts.superpixels)
        record = record_of_classes(self.record, n_classes)
        seen = np.unique(found[parts.sizes > 0])
        if len(seen) < n_classes:  # a class keeps its number outside the mask too
            record |= {"numbering": "lasting", "n_classes": len(seen)}
        table = table_of(np.where(parts.sizes > 0, found + 1, 0), parts)
        return Result(
            record,
            superpixels=parts.superpixels,
            labels=in_shown_type(labels, max(len(found), self.n_others)),
            features={"index": table["index"], "class": table["index"]}
            | {"confidence": table["confidence"]},
            parts=parts,
        )


def in_shown_type(labels: np.ndarray, n_superpixels: int) -> np.ndarray:
    """Labels in the type that their layer keeps from the first preview to the last edit.

    napari draws a layer below others when the type changes. Edits number new segments up to
    three times the number of superpixels.
    """
    room = np.min_scalar_type(max(3 * n_superpixels, 2**8))
    return labels.astype(room if room.itemsize > 2 else np.uint16, copy=False)


def finished(result: Segmentation, request: Request) -> Result:
    """Result of a segmentation for the dock; pixels outside the mask are 0."""
    mask = request.mask
    if mask is not None:  # that of a plane holds for all planes and frames
        result = result.within(np.broadcast_to(mask, result.labels.shape))
    parts, confidence = result.parts(), None
    if request.has_confidence:
        confidence = margins_of(parts)
    return Result(
        result.record,
        smoothed=result.smoothed,
        superpixels=result.superpixels,
        labels=in_shown_type(result.labels, len(result.classes_of_superpixels)),
        features=result.features(),
        parts=parts,
        confidence=confidence,
    )


def classed(found: Segmentation, request: Request) -> Result:
    """Result of a segmentation with a class tree for the dock.

    Parameters
    ----------
    found : Segmentation
        Of ``method="classes"``.
    request : Request
        With the mask; pixels outside are 0.

    Returns
    -------
    result : Result
        Of a plane with its levels: any number of classes, and of regions.
    """
    assert found.class_tree is not None
    parts = replace(found.parts(), superpixels=masked(found.superpixels, request.mask))
    n_classes = found.probabilities.shape[1]
    n_others = 0 if found.tree is None else found.tree.n_superpixels
    levels = ClassLevels(found.class_tree, parts, found.record, n_classes, n_others)
    shown, regions, confidence = levels.cut(n_classes), None, None
    if found.tree is not None and found.superpixels.ndim == 2:
        threshold = request.settings.tree_params.threshold
        n_regions = int(found.tree.regions_of_superpixels(threshold=threshold).max()) + 1
        regions = levels_of(found.regions(n_regions), request.mask)
        regions = replace(regions, n_others=len(parts.colors))
    if request.has_confidence:
        confidence = margins_of(shown.parts)
    return replace(
        shown,
        record=found.record | {key: shown.record[key] for key in ("numbering", "n_classes")},
        confidence=confidence,
        levels=regions,
        class_levels=levels if found.superpixels.ndim == 2 else None,
    )


def margins_of(parts: Parts | None) -> np.ndarray:
    """Probability of the best class of each pixel minus that of the second; NaN outside."""
    assert parts is not None
    margins = np.append(np.nan, parts.margins).astype(np.float32)
    return np.asarray(margins[parts.superpixels])


def levels_of(found: Segmentation, mask: np.ndarray | None) -> Levels:
    """Regions of an image at every granularity.

    Parameters
    ----------
    found : Segmentation
        Of ``method="tree"``, with its tree.
    mask : S bool array or None
        Where labels are wanted; None is everywhere.

    Returns
    -------
    levels : Levels
        Without the image.
    """
    assert found.tree is not None
    parts = replace(found.parts(), superpixels=masked(found.superpixels, mask))
    n_regions = int(found.classes_of_superpixels.max()) + 1
    return Levels(found.tree, parts, found.record, n_regions)


def masked(labels: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Put 0, unassigned, outside the mask."""
    return labels if mask is None else np.where(mask, labels, labels.dtype.type(0))
