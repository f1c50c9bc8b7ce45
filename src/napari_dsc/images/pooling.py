"""Intensities of many images, to bring all of them to 0 to 1 alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.images.normalization import Normalization, choose_normalization

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_dsc.params import ImageParams

# intensities of each image and channel, besides the least and the largest
N_DRAWN = 2**14


class Pool:
    """Intensities drawn from images that are read one after the other.

    Attributes
    ----------
    drawn : list of (C, 16386) array
        One for each image, each intensity as likely as another, and the extremes.
    """

    def __init__(self) -> None:
        self.drawn: list[np.ndarray] = []

    def note(self, pixels: np.ndarray, params: ImageParams) -> Normalization:
        """Draw from an image; what `load_series` takes as `choose`.

        Parameters
        ----------
        pixels : (C, ...) array
            Intensities.
        params : ImageParams
            How intensities are stretched.

        Returns
        -------
        normalization : Normalization
            That of this image by itself.
        """
        found = choose_normalization(pixels, params)
        flat = pixels.reshape(len(pixels), -1)
        places = np.random.default_rng(0).integers(flat.shape[1], size=N_DRAWN)
        extremes = np.stack([flat.min(1), flat.max(1)], axis=1)
        self.drawn.append(np.concatenate([flat[:, places], extremes], axis=1))
        return found

    def is_alike(self) -> bool:
        """Whether all images are of one type, so that an intensity is the same in each."""
        return len({one.dtype.newbyteorder("=") for one in self.drawn}) == 1

    def normalization(self, params: ImageParams) -> Normalization:
        """Find the intensities that become 0 and 1 in all images.

        Parameters
        ----------
        params : ImageParams
            How intensities are stretched; each image counts as much as another.

        Returns
        -------
        normalization : Normalization
            See `choose_normalization`.
        """
        return choose_normalization(np.concatenate(self.drawn, 1), params)


def always(
    normalization: Mapping[str, object],
) -> Callable[[np.ndarray, ImageParams], Normalization]:
    """Make the same choice for every image.

    Parameters
    ----------
    normalization : mapping
        Fields of a `Normalization`; empty leaves each image its own.

    Returns
    -------
    choose : callable
        What `load_series` takes.
    """
    if not normalization:
        return choose_normalization
    chosen = Normalization(**normalization)  # type: ignore[arg-type]
    return lambda pixels, params: chosen
