"""The cut of a whole image: on a downsampled image, with results for every superpixel."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_dsc.cut.objective import NO_SIDE_INFORMATION, SideInformation
from napari_dsc.cut.optimize import iter_cut
from napari_dsc.cut.resolution import (
    coarse_image,
    coarse_shape,
    coarse_spacing,
    coarse_superpixels,
)
from napari_dsc.machine.allocator import freed_memory_kept
from napari_dsc.machine.device import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from napari_dsc.cut.objective import CutStep
    from napari_dsc.cut.optimize import Network
    from napari_dsc.params import CutParams

# least size after memory ran out: that of CutParams.megapixels, about 100 x 100 pixels
SMALLEST_MEGAPIXELS = 0.01


def iter_image_cut(
    image: Tensor,
    superpixels: np.ndarray,
    fresh_embedding: Callable[[], Network],
    params: CutParams,
    fixed: np.ndarray,
    *,
    side_information: SideInformation = NO_SIDE_INFORMATION,
) -> Iterator[CutStep | str]:
    """Merge superpixels, one training step at a time.

    Parameters
    ----------
    image : (1, C, Y, X) float tensor
        Image ``x`` in [0, 1], on the device of the cut; for a volume its planes,
        (Z, C, Y, X).
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``; S is (Y, X) or (P, Y, X).
    fresh_embedding : callable
        Return an untrained network from the image to features, on the device of the image;
        the cut trains it in place.
    params : CutParams
        Settings; `resolution` and `megapixels` set the size of the downsampled image.
    fixed : (M,) int64 array
        Class that the user gave to each superpixel, or -1.
    side_information : SideInformation
        Merge altitudes and voxel spacing of the superpixels.

    Yields
    ------
    step : CutStep or str
        At most ``n_iterations`` steps, with rows for all superpixels. If memory runs out, a
        note for the user comes in place of a step, and the cut starts again with a quarter of
        the pixels. If memory runs out again, the error is raised.
    """

    def attempt(params: CutParams) -> Iterator[CutStep]:
        """Cut the downsampled image, and expand each step to all superpixels."""
        shape = coarse_shape(superpixels.shape, params.resolution, params.megapixels)
        coarse = coarse_superpixels(superpixels, shape)
        altitudes, spacing = side_information
        if altitudes.size:
            altitudes = altitudes[np.ix_(coarse.members, coarse.members)]
        rows = torch.from_numpy(coarse.rows).to(image.device)
        for step in iter_cut(
            coarse_image(image, shape),
            coarse.labels,
            fresh_embedding(),
            params,
            fixed[coarse.members],
            side_information=SideInformation(
                altitudes, coarse_spacing(spacing, superpixels.shape, shape)
            ),
        ):
            yield step._replace(classes=step.classes[rows], assignment=step.assignment[rows])

    with freed_memory_kept():
        try:
            yield from attempt(params)
            return
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        # after the except clause, because until then the error's traceback holds the tensors
        if image.device.type == "cuda":
            torch.cuda.empty_cache()
        shape = coarse_shape(superpixels.shape, params.resolution, params.megapixels)
        quarter = max(math.prod(shape) / 4e6, SMALLEST_MEGAPIXELS)
        yield f"memory ran out: the cut starts again on {quarter:.2f} megapixels"
        smaller = dataclasses.replace(params, megapixels=quarter)
        yield from attempt(smaller)
