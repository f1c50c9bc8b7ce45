"""Mean shift segmentation at several least sizes of a region, with settings of benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dsc.images import color_features
from napari_dsc.superpixels.mean_shift import mean_shift_filter, merge_modes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

WINDOW_RADIUS = 7  # pixels
BANDWIDTH = 0.09  # CIELab / 100
# color distance of neighbors that are linked; the whole bandwidth would chain regions together
# across smooth shading
LINK = BANDWIDTH / 3


def iter_mean_shift_regions(
    pixels: np.ndarray, min_sizes: Sequence[float]
) -> Iterator[np.ndarray]:
    """Regions of mean shift at several least sizes; the image is filtered once.

    Parameters
    ----------
    pixels : (C, Y, X) float32 array
        Image in 0 to 1.
    min_sizes : sequence of float
        Least size of a region in pixels; smaller regions are merged.

    Yields
    ------
    labels : (Y, X) int64 array
        One label image per size: connected regions, labels from 0.

    Notes
    -----
    Window and bandwidth are those of the published sweep, in CIELab instead of CIELuv.

    References
    ----------
    .. [1] D. Comaniciu and P. Meer, "Mean shift: a robust approach toward feature space
       analysis", IEEE Transactions on Pattern Analysis and Machine Intelligence 24(5), 2002.

    Examples
    --------
    >>> import numpy as np
    >>> halves = np.repeat(np.float32([0.1, 0.9]), 64).reshape(1, 16, 8)
    >>> [len(np.unique(labels)) for labels in iter_mean_shift_regions(halves, (10, 100))]
    [2, 1]
    """
    filtered = mean_shift_filter(color_features(pixels), WINDOW_RADIUS, BANDWIDTH)
    for min_size in min_sizes:
        yield merge_modes(filtered, LINK, min_size)
