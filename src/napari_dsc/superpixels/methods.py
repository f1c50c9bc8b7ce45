"""Superpixels by five algorithms, with about the requested number for each of them."""

import math
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage
from skimage import segmentation

from napari_dsc.errors import InvalidParameterError
from napari_dsc.hierarchy import construction, maps, region_trees
from napari_dsc.images import color_features
from napari_dsc.labels.neighbors import mean_width
from napari_dsc.params import SuperpixelParams
from napari_dsc.superpixels.mean_shift import mean_shift_filter, merge_modes

# Colors are CIELab / 100, in which 0.01 is about the least visible distance.
COMPACTNESS = 0.2  # of SLIC: color distance that equals the width of a superpixel
WATERSHED_COMPACTNESS = 0.0003
SMOOTHING = 0.8  # standard deviation in pixels, of Felzenszwalb and Huttenlocher (2004)
BANDWIDTH = 0.06  # color radius of mean shift
WINDOW_RADIUS = {2: 7, 3: 3}  # spatial radius of mean shift in pixels, by dimensions
POSITION_WEIGHT = 0.02  # of merging: color distance that equals the width of a superpixel

N_TRIES = 8  # of the bisection
TOLERANCE = 0.05  # largest deficit of superpixels, relative


def over_segment_pixels(
    pixels: np.ndarray,
    params: SuperpixelParams,
    spacing: Sequence[float] = (),
    *,
    share: float = 1.0,
) -> np.ndarray:
    """Divide an image into superpixels.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image with values in 0 to 1, in two or three dimensions.
    params : SuperpixelParams
        Algorithm and number of superpixels; its ``source`` is not used.
    spacing : sequence of float
        Pixel size along S in any unit; empty for isotropic pixels. All methods but ``ucm``
        measure distance in physical units, so that superpixels are about as deep as wide.
    share : float
        Share of the whole image that these pixels are, in (0, 1]; ``ucm`` then picks the
        granularity that it would pick for the whole image.

    Returns
    -------
    superpixels : S int64 array
        Labels ``0 .. M - 1`` in the order of their first pixel, each one connected
        through pixel faces. M is within 5 % of ``n_superpixels`` if the image has that many
        regions; an image with large areas of one color may have fewer.

    Raises
    ------
    InvalidParameterError
        If ``n_superpixels`` exceeds the number of pixels.

    Examples
    --------
    >>> from napari_dsc.params import SuperpixelParams
    >>> ramp = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 8, 8)
    >>> over_segment_pixels(ramp, SuperpixelParams(n_superpixels=4)).max() + 1
    np.int64(4)
    """
    n_pixels = math.prod(pixels.shape[1:])
    if params.n_superpixels > n_pixels:
        raise InvalidParameterError(
            f"n_superpixels={params.n_superpixels}: expected at most {n_pixels}, the number of "
            "pixels"
        )
    sizes = np.array(spacing if len(spacing) else [1.0] * (pixels.ndim - 1))
    sizes = sizes / sizes.min()
    method = SUPERPIXEL_METHODS[params.superpixels]
    options = {"share": share} if method is _ucm else {}
    return method(color_features(pixels), params.n_superpixels, sizes, **options)


def _slic(features: np.ndarray, n_superpixels: int, sizes: np.ndarray) -> np.ndarray:
    """Simple linear iterative clustering (Achanta et al. 2012)."""
    cubes, middles = _cubes(features.shape[1:], sizes)
    channels_last = np.moveaxis(features, 0, -1)[cubes]
    # scikit-image rescales the colors to 0 to 1; this division undoes it
    compactness = COMPACTNESS / (float(np.ptp(features)) or 1.0)

    def divide(n_asked: float) -> np.ndarray:
        labels = segmentation.slic(
            channels_last,
            n_segments=min(round(n_asked), channels_last[..., 0].size),
            compactness=compactness,
            convert2lab=False,
            start_label=0,
            channel_axis=-1,
        )
        return np.asarray(labels[middles])

    return _refine(
        divide, features, sizes, n_superpixels, start=1.1 * n_superpixels, surplus=1.25
    )


def _egb(features: np.ndarray, n_superpixels: int, sizes: np.ndarray) -> np.ndarray:
    """Efficient graph-based segmentation (Felzenszwalb and Huttenlocher 2004)."""
    if features.ndim == 4:
        return _volume_egb(features, n_superpixels, sizes)
    min_size = _least_size(features, n_superpixels)

    def divide(fineness: float) -> np.ndarray:
        return egb_plane(features, 1 / fineness, min_size)

    return _refine(
        divide, features, sizes, n_superpixels, start=n_superpixels / 10_000, surplus=2
    )


def egb_plane(features: np.ndarray, scale: float, min_size: int) -> np.ndarray:
    """Regions of scikit-image's algorithm on a plane of colors, (Y, X) int64 from 0."""
    channels_last = np.moveaxis(features, 0, -1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Got image with third dimension")
        found = segmentation.felzenszwalb(
            channels_last, scale=scale, sigma=SMOOTHING, min_size=min_size
        )
    return np.asarray(found, np.int64)


def _volume_egb(features: np.ndarray, n_superpixels: int, sizes: np.ndarray) -> np.ndarray:
    """The same predicate on a hierarchy, because scikit-image has it in two dimensions only."""
    smooth = [ndimage.gaussian_filter(channel, SMOOTHING / sizes) for channel in features]
    tree = region_trees.observation_scale_tree(np.stack(smooth))

    def divide(n_asked: float) -> np.ndarray:
        return region_trees.horizontal_cut(tree, round(n_asked))

    return _refine(divide, features, sizes, n_superpixels, start=n_superpixels, surplus=1.3)


def _mean_shift(features: np.ndarray, n_superpixels: int, sizes: np.ndarray) -> np.ndarray:
    """Mean shift segmentation (Comaniciu and Meer 2002)."""
    filtered = mean_shift_filter(features, WINDOW_RADIUS[features.ndim - 1], BANDWIDTH)
    min_size = _least_size(features, n_superpixels)

    def divide(fineness: float) -> np.ndarray:
        return merge_modes(filtered, BANDWIDTH / fineness, min_size)

    return _refine(divide, features, sizes, n_superpixels, start=1.0, surplus=math.inf)


def _watershed(features: np.ndarray, n_superpixels: int, sizes: np.ndarray) -> np.ndarray:
    """Compact watershed from a pixel of least gradient in each grid cell (waterpixels)."""
    cubes, middles = _cubes(features.shape[1:], sizes)
    gradient = region_trees.gradient_magnitude(features, 1.0)[cubes]

    def divide(n_asked: float) -> np.ndarray:
        seeds = _grid_seeds(gradient, n_asked)
        labels = segmentation.watershed(gradient, seeds, compactness=WATERSHED_COMPACTNESS)
        return np.asarray(labels[middles])

    return _refine(
        divide, features, sizes, n_superpixels, start=1.15 * n_superpixels, surplus=1.25
    )


def _ucm(features: np.ndarray, n_superpixels: int, _: np.ndarray, share: float) -> np.ndarray:
    """Regions of the merge tree, or its superpixels if more are requested than it has."""
    colors = features * np.float32(100) if len(features) == 3 else maps.perceptual(features)
    return construction.tree_regions(colors, n_superpixels, share)


SUPERPIXEL_METHODS: dict[str, Callable[..., np.ndarray]] = {
    "slic": _slic,
    "egb": _egb,
    "mean_shift": _mean_shift,
    "watershed": _watershed,
    "ucm": _ucm,
}
"""Each takes the colors of `color_features`, M and relative pixel sizes; it returns labels."""


def _refine(
    divide: Callable[[float], np.ndarray],
    features: np.ndarray,
    sizes: np.ndarray,
    n_superpixels: int,
    *,
    start: float,
    surplus: float,
) -> np.ndarray:
    """Bisect the fineness of an algorithm until its regions can be merged down to M.

    Parameters
    ----------
    divide : function
        From a fineness to regions, whose number grows with it.
    features : (C, *S) float array
        Colors, by which regions are merged.
    sizes : (len(S),) float array
        Relative pixel size along each axis.
    n_superpixels : int
        Number of superpixels ``M``.
    start : float
        First fineness.
    surplus : float
        The search ends if the regions are at most this many times M.

    Returns
    -------
    superpixels : S int64 array
        Result of the last division with enough regions, else of the one with most.
    """
    too_coarse, enough = 0.0, math.inf
    best, most = np.empty(0, np.int64), 0
    fineness = start
    for _ in range(N_TRIES):
        regions = divide(fineness)
        merged = _merge(features, regions, sizes, n_superpixels)
        n_found, n_merged = len(np.unique(regions)), len(np.unique(merged))
        if n_merged >= (1 - TOLERANCE) * n_superpixels:
            best, most, enough = merged, n_superpixels, fineness
            if n_found <= surplus * n_superpixels:
                break
            ratio = max(0.1, n_superpixels * surplus**0.5 / n_found)
        else:
            if n_merged > most:
                best, most = merged, n_merged
            too_coarse = fineness
            ratio = min(10.0, 1.1 * n_superpixels / n_merged)
        fineness *= ratio  # as if the number of regions were proportional to the fineness
        if not too_coarse < fineness < enough:
            fineness = math.sqrt(too_coarse * enough)
    return best


def _merge(
    features: np.ndarray, regions: np.ndarray, sizes: np.ndarray, n_superpixels: int
) -> np.ndarray:
    """Merge specks, then the regions nearest in color and place, until M are left."""
    width = mean_width(regions.shape, n_superpixels, sizes)
    scale = POSITION_WEIGHT / width * sizes
    places = np.indices(regions.shape) * scale.reshape(-1, *[1] * regions.ndim)
    return region_trees.horizontal_cut(
        region_trees.ward_tree(np.concatenate([features, places]), regions), n_superpixels
    )


def _least_size(features: np.ndarray, n_superpixels: int) -> int:
    """Size in pixels below which a region is a speck: a tenth of the mean superpixel."""
    return max(1, math.prod(features.shape[1:]) // (10 * n_superpixels))


def _cubes(
    shape: tuple[int, ...], sizes: np.ndarray
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Index that resamples to isotropic pixels, and its inverse.

    scikit-image places the seeds of SLIC by pixels, whatever its argument ``spacing``, and its
    watershed has no such argument.
    """
    longer = [round(n * size) for n, size in zip(shape, sizes, strict=True)]
    pairs = list(zip(shape, longer, strict=True))
    repeat = np.ix_(*(np.arange(long) * n // long for n, long in pairs))
    middle = np.ix_(*((2 * np.arange(n) + 1) * long // (2 * n) for n, long in pairs))
    return repeat, middle


def _grid_seeds(gradient: np.ndarray, n_cells: float) -> np.ndarray:
    """Markers 1, 2, ... at the least gradient within the middle of each of about n cells."""
    width = (gradient.size / n_cells) ** (1 / gradient.ndim)
    counts = [max(1, min(round(size / width), size)) for size in gradient.shape]
    cells = np.zeros(gradient.shape, np.int64)
    rim = np.zeros(gradient.shape, bool)
    places = np.indices(gradient.shape)
    for place, n_along, size in zip(places, counts, gradient.shape, strict=True):
        part, whole = np.modf((place + 0.5) * n_along / size)
        cells = cells * n_along + whole.astype(np.int64)
        rim |= np.abs(part - 0.5) > 0.25
    # by cell, then middle before rim, then gradient
    order = np.lexsort((gradient.ravel(), rim.ravel(), cells.ravel()))
    _, first = np.unique(cells.ravel()[order], return_index=True)
    seeds = np.zeros(gradient.size, np.int32)
    seeds[order[first]] = np.arange(1, len(first) + 1)
    return seeds.reshape(gradient.shape)
