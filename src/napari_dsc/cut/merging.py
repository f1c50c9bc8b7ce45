"""The cut of a whole image: at the resolution asked for, with results for every superpixel."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import torch

from napari_dsc.cut.optimize import iter_cut
from napari_dsc.cut.resolution import (
    coarse_image,
    coarse_shape,
    coarse_spacing,
    coarse_superpixels,
)
from napari_dsc.device import freed_memory_kept, is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from torch import Tensor

    from napari_dsc.cut.objective import CutStep
    from napari_dsc.cut.optimize import Network
    from napari_dsc.params import CutParams

SMALLEST_MEGAPIXELS = 0.01


def iter_merging(
    image: Tensor,
    superpixels: np.ndarray,
    fresh_embedding: Callable[[], Network],
    params: CutParams,
    fixed: np.ndarray,
    *,
    spacing: Sequence[float] = (),
) -> Iterator[CutStep | str]:
    """Merge superpixels, one training step at a time.

    Parameters
    ----------
    image : (P, C, Y, X) float tensor
        Image ``x`` in [0, 1], the planes of a stack as a batch, on the device to work on.
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``; S is (Y, X) or (P, Y, X).
    fresh_embedding : callable
        Gives a network from the image to features, on the device of the image; it is
        trained in place.
    params : CutParams
        Settings, `resolution` and `megapixels` among them.
    fixed : (M,) int64 array
        Class that a superpixel must have; -1 leaves it free.
    spacing : sequence of float
        Pixel size along S, which decides what is near; empty stands for equal sides.

    Yields
    ------
    step : CutStep or str
        ``n_iterations`` times or fewer, with rows for all superpixels. Where memory runs
        out, a sentence for the user comes, and the cut starts again with a quarter of the
        pixels; a second time is an error.
    """
    with freed_memory_kept():
        try:
            yield from _iter_full(
                image, superpixels, fresh_embedding(), params, fixed, spacing=spacing
            )
            return
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        # only here, where the error no longer holds its tensors, can they be freed
        if image.device.type == "cuda":
            torch.cuda.empty_cache()
        shape = coarse_shape(superpixels.shape, params.resolution, params.megapixels)
        quarter = max(math.prod(shape) / 4e6, SMALLEST_MEGAPIXELS)
        yield f"memory ran out: the cut starts again on {quarter:.2f} megapixels"
        smaller = dataclasses.replace(params, megapixels=quarter)
        yield from _iter_full(
            image, superpixels, fresh_embedding(), smaller, fixed, spacing=spacing
        )


def _iter_full(
    image: Tensor,
    superpixels: np.ndarray,
    embedding: Network,
    params: CutParams,
    fixed: np.ndarray,
    *,
    spacing: Sequence[float] = (),
) -> Iterator[CutStep]:
    """Steps at the resolution asked for, with rows for all superpixels."""
    shape = coarse_shape(superpixels.shape, params.resolution, params.megapixels)
    coarse = coarse_superpixels(superpixels, shape)
    small = coarse_image(image, shape)
    rows = torch.from_numpy(coarse.rows).to(image.device)
    steps = iter_cut(
        small,
        coarse.labels,
        embedding,
        params,
        fixed[coarse.members],
        spacing=coarse_spacing(spacing, superpixels.shape, shape),
    )
    for step in steps:
        yield step._replace(classes=step.classes[rows], assignment=step.assignment[rows])
