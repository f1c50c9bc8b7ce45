"""Cuts at a lower resolution: coarse images and superpixels, and a whole image cut on them."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor, nn

from napari_dsc.cut.objective import NO_SIDE_INFORMATION, CutStep, SideInformation
from napari_dsc.cut.optimize import Network, iter_cut
from napari_dsc.labels.neighbors import region_centroids
from napari_dsc.machine import allocator, device
from napari_dsc.params import CutParams

# least side of a downsampled plane: the network sees 16 pixels to each side of a pixel
SMALLEST_SIDE = 32


class CoarseSuperpixels(NamedTuple):
    """Superpixels at the resolution of the network.

    Attributes
    ----------
    labels : S' int64 array
        Coarse superpixels ``0 .. M' - 1``. A superpixel that is at no sampled pixel is
        missing.
    members : (M',) int64 array
        Superpixel of the full image for each coarse superpixel.
    rows : (M,) int64 array
        Coarse superpixel for each superpixel of the full image: its own, or the nearest by
        centroid if it is missing.
    """

    labels: np.ndarray
    members: np.ndarray
    rows: np.ndarray


def coarse_shape(
    shape: tuple[int, ...], resolution: float, megapixels: float
) -> tuple[int, ...]:
    """Shape of the downsampled image.

    Parameters
    ----------
    shape : tuple of int
        Shape of the image, without channels.
    resolution : float
        Side of the downsampled image relative to the image, in (0, 1].
    megapixels : float
        Largest number of pixels, in millions, of all planes of a stack together.

    Returns
    -------
    shape : tuple of int
        A stack keeps its number of planes. No side of a plane falls below 32 pixels, unless
        it is shorter already.

    Examples
    --------
    >>> coarse_shape((321, 40), 0.5, 1.0)
    (160, 32)
    >>> coarse_shape((4000, 1000), 0.5, 0.25)
    (1000, 250)
    >>> coarse_shape((10, 400, 400), 0.5, 0.1)
    (10, 100, 100)
    """
    largest = (megapixels * 1e6 / math.prod(shape)) ** (1 / 2)
    resolution = min(resolution, largest)
    sides = (max(round(side * resolution), min(side, SMALLEST_SIDE)) for side in shape[-2:])
    return (*shape[:-2], *sides)


def coarse_spacing(
    spacing: Sequence[float], shape: Sequence[int], coarse: Sequence[int]
) -> tuple[float, ...]:
    """Pixel size of a downsampled stack.

    Parameters
    ----------
    spacing : sequence of float
        Pixel size along the axes; empty for isotropic pixels.
    shape, coarse : sequence of int
        Shape of the image and of the downsampled image.

    Returns
    -------
    spacing : tuple of float
        Empty for a plane without spacing, whose two sides are downsampled alike.

    Examples
    --------
    >>> coarse_spacing((), (10, 400, 400), (10, 100, 100))
    (1.0, 4.0, 4.0)
    """
    if not len(spacing) and len(shape) == 2:
        return ()
    sizes = spacing if len(spacing) else [1.0] * len(shape)
    sides = zip(sizes, shape, coarse, strict=True)
    return tuple(size * many / few for size, many, few in sides)


def coarse_superpixels(superpixels: np.ndarray, shape: tuple[int, ...]) -> CoarseSuperpixels:
    """Sample superpixel labels at the center of each coarse pixel.

    Parameters
    ----------
    superpixels : S int64 array
        Superpixels ``0 .. M - 1``.
    shape : tuple of int
        Shape ``S'`` of the downsampled image.

    Returns
    -------
    coarse : CoarseSuperpixels
        Coarse labels, and the correspondence of both sets of superpixels.

    Examples
    --------
    >>> coarse_superpixels(np.array([[0, 0, 0, 1, 2, 2, 2, 2]]), (1, 2)).rows
    array([0, 0, 1])
    """
    sides = zip(shape, superpixels.shape, strict=True)
    places = [((np.arange(few) + 0.5) * many / few).astype(int) for few, many in sides]
    members, labels = np.unique(superpixels[np.ix_(*places)], return_inverse=True)
    centers = region_centroids(superpixels)
    _, rows = cKDTree(centers[members]).query(centers)
    # two superpixels may share a centroid; a sampled one always stands for itself
    rows[members] = np.arange(len(members))
    return CoarseSuperpixels(labels.reshape(shape).astype(np.int64), members, rows)


def coarse_image(image: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Downsample an image by averaging.

    Parameters
    ----------
    image : (P, C, Y, X) float tensor
        Planes of an image.
    shape : tuple of int
        Shape ``S'`` of the downsampled image, with P planes.

    Returns
    -------
    image : (P, C, Y', X') float tensor
        Each pixel is the mean of the pixels that it covers.
    """
    return nn.functional.interpolate(image, shape[-2:], mode="area")


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

    with allocator.freed_memory_kept():
        try:
            yield from attempt(params)
            return
        except (MemoryError, RuntimeError) as error:
            if not device.is_out_of_memory(error):
                raise
        # after the except clause, because until then the error's traceback holds the tensors
        if image.device.type == "cuda":
            torch.cuda.empty_cache()
        shape = coarse_shape(superpixels.shape, params.resolution, params.megapixels)
        quarter = max(math.prod(shape) / 4e6, SMALLEST_MEGAPIXELS)
        yield f"memory ran out: the cut starts again on {quarter:.2f} megapixels"
        smaller = dataclasses.replace(params, megapixels=quarter)
        yield from attempt(smaller)
