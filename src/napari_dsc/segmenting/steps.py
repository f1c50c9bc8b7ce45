"""A step of the cut while it runs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch

from napari_dsc.images import to_label_image
from napari_dsc.labels import regions

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from torch import Tensor

    from napari_dsc.segmenting.results import Segmentation


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
