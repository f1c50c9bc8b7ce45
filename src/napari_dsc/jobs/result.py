"""Request of a dock, result of its run, and regions that can be shown in its place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dsc.segmenting.settings import Settings

if TYPE_CHECKING:
    from napari_dsc.correction.parts import Parts
    from napari_dsc.files import RawImage
    from napari_dsc.hierarchy.tree import MergeTree
    from napari_dsc.records.record import Record
    from napari_dsc.segmenting.pieces import OneImage
    from napari_dsc.segmenting.results import Segmentation


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """Everything a run needs, copied from the dock before it starts.

    ``array[index]`` is read by the job, so that a lazy array is computed off the GUI thread.
    """

    stage: str
    array: object
    index: tuple[int | slice, ...]
    axes: str
    spacing: tuple[float, ...] = ()
    unit: str = ""
    translation: tuple[float, ...] = ()
    mask: np.ndarray | None = None
    superpixels: tuple[object, tuple[int | slice, ...]] | None = None
    scribbles: tuple[object, tuple[int | slice, ...]] | None = None
    settings: Settings = Settings()
    n_threads: int = 0
    preview: bool = True
    has_confidence: bool = False

    def raw_image(self, array: Any = None) -> RawImage:
        """Part of the image, computed now; or of a lazy array, of which nothing is."""
        from napari_dsc.files import RawImage

        source: Any = self.array if array is None else array
        pixels = source[self.index]
        pixels = np.asanyarray(pixels) if array is None else pixels
        # napari takes the last of four colors for opacity
        has_alpha = self.axes.endswith("C") and pixels.shape[-1] == 4
        return RawImage(
            pixels,
            self.axes,
            self.spacing,
            self.unit,
            has_alpha,
            origin="the layer",
            translation=self.translation,
        )


def computed(part: tuple[object, tuple[int | slice, ...]] | None) -> np.ndarray | None:
    """Compute part of a lazy array."""
    return None if part is None else np.asarray(part[0][part[1]])  # type: ignore[index]


@dataclass(frozen=True)
class Result:
    """Result of a finished job; arrays of other stages are None.

    ``levels`` are there if the job grew the merge tree, ``grower`` if it can still be grown.
    """

    record: Record
    smoothed: np.ndarray | None = None
    superpixels: np.ndarray | None = None
    labels: np.ndarray | None = None
    features: dict[str, np.ndarray] = field(default_factory=dict)
    parts: Parts | None = None
    confidence: np.ndarray | None = None
    levels: Levels | None = None
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
    """

    tree: MergeTree
    parts: Parts
    record: Record
    n_regions: int

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
                np.where(self.parts.superpixels > 0, labels, 0), self.tree.n_superpixels
            ),
            features={"index": seen, "class": np.searchsorted(every, seen) + 1},
            parts=self.parts,
        )

    @cached_property
    def _pixel_of_leaf(self) -> np.ndarray:
        """Flat index of one pixel of each superpixel, (M,)."""
        return np.unique(self.tree.superpixels, return_index=True)[1]


def in_shown_type(labels: np.ndarray, n_superpixels: int) -> np.ndarray:
    """Labels in the type that their layer keeps from the first preview to the last edit.

    napari draws a layer below others when the type changes. Edits number new segments up to
    three times the number of superpixels.
    """
    room = np.min_scalar_type(max(3 * n_superpixels, 2**8))
    return labels.astype(room if room.itemsize > 2 else np.uint16, copy=False)


def finished(result: Segmentation, request: Request) -> Result:
    """Result of a segmentation for the dock; pixels outside the mask are 0."""
    result = result.within(request.mask)
    parts, confidence = result.parts(), None
    if request.has_confidence:
        confidence = np.append(np.nan, parts.margins).astype(np.float32)[result.superpixels]
    return Result(
        result.record,
        smoothed=result.smoothed,
        superpixels=result.superpixels,
        labels=in_shown_type(result.labels, len(result.classes_of_superpixels)),
        features=result.features(),
        parts=parts,
        confidence=confidence,
    )


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
