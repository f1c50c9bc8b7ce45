"""The cut of a whole image: at the resolution asked for, with results for every superpixel."""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_dsc.cut.objective import NOTHING, Known
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

SMALLEST_MEGAPIXELS = 0.01


def iter_merging(
    image: Tensor,
    superpixels: np.ndarray,
    fresh_embedding: Callable[[], Network],
    params: CutParams,
    fixed: np.ndarray,
    *,
    known: Known = NOTHING,
) -> Iterator[CutStep | str]:
    """Merge superpixels, one training step at a time.

    Parameters
    ----------
    image : (1, C, Y, X) float tensor
        Image ``x`` in [0, 1], on the device to work on; of a volume its planes,
        (Z, C, Y, X).
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``; S is (Y, X) or (P, Y, X).
    fresh_embedding : callable
        Gives a network from the image to features, on the device of the image; it is
        trained in place.
    params : CutParams
        Settings, `resolution` and `megapixels` among them.
    fixed : (M,) int64 array
        Class that a superpixel must have; -1 leaves it free.
    known : Known
        What else is known of the superpixels.

    Yields
    ------
    step : CutStep or str
        ``n_iterations`` times or fewer, with rows for all superpixels. Where memory runs
        out, a sentence for the user comes, and the cut starts again with a quarter of the
        pixels; a second time is an error.
    """
    attempt = partial(_iter_full, image, superpixels, fixed, known)
    with freed_memory_kept():
        try:
            yield from attempt(fresh_embedding(), params)
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
        yield from attempt(fresh_embedding(), smaller)


def _iter_full(  # noqa: PLR0917 - those of `iter_merging`
    image: Tensor,
    superpixels: np.ndarray,
    fixed: np.ndarray,
    known: Known,
    embedding: Network,
    params: CutParams,
) -> Iterator[CutStep]:
    """Steps at the resolution asked for, with rows for all superpixels."""
    shape = coarse_shape(superpixels.shape, params.resolution, params.megapixels)
    coarse = coarse_superpixels(superpixels, shape)
    small = coarse_image(image, shape)
    rows = torch.from_numpy(coarse.rows).to(image.device)
    fixed = fixed[coarse.members]
    known = Known(
        known.altitudes[np.ix_(coarse.members, coarse.members)]
        if known.altitudes.size
        else known.altitudes,
        coarse_spacing(known.spacing, superpixels.shape, shape),
    )
    for step in iter_cut(small, coarse.labels, embedding, params, fixed, known=known):
        yield step._replace(classes=step.classes[rows], assignment=step.assignment[rows])
