"""The cut of a whole image: at the resolution asked for, with results for every superpixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_dsc.cut.optimize import iter_cut
from napari_dsc.cut.resolution import coarse_image, coarse_shape, coarse_superpixels
from napari_dsc.device import freed_memory_kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from torch import Tensor

    from napari_dsc.cut.optimize import CutStep, Network
    from napari_dsc.params import CutParams


def iter_merging(
    image: Tensor,
    superpixels: np.ndarray,
    embedding: Network,
    params: CutParams,
    fixed: np.ndarray,
) -> Iterator[CutStep]:
    """Merge superpixels, one training step at a time.

    Parameters
    ----------
    image : (1, C, *S) float tensor
        Image ``x`` in [0, 1], on the device to work on.
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``.
    embedding : Network
        Network from the image to features, on the device of the image; it is trained in
        place.
    params : CutParams
        Settings, `resolution` and `megapixels` among them.
    fixed : (M,) int64 array
        Class that a superpixel must have; -1 leaves it free.

    Yields
    ------
    step : CutStep
        ``n_iterations`` times or fewer, with rows for all superpixels.
    """
    shape = coarse_shape(superpixels.shape, params.resolution, params.megapixels)
    coarse = coarse_superpixels(superpixels, shape)
    small = coarse_image(image, shape)
    rows = torch.from_numpy(coarse.rows).to(image.device)
    with freed_memory_kept():
        for step in iter_cut(small, coarse.labels, embedding, params, fixed[coarse.members]):
            yield step._replace(classes=step.classes[rows], assignment=step.assignment[rows])
