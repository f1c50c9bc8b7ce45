"""A pool of intensities of many images, to normalize all of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.images.normalization import Normalization, choose_normalization

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_dsc.params import ImageParams

# intensities that are drawn from each image and channel, besides minimum and maximum
N_DRAWN = 2**14


class Pool:
    """Random intensities of images that are read one after the other.

    Attributes
    ----------
    drawn : list of (C, 16386) array
        For each image, intensities at random pixels, then minimum and maximum.
    """

    def __init__(self) -> None:
        self.drawn: list[np.ndarray] = []

    def note(self, pixels: np.ndarray, params: ImageParams) -> Normalization:
        """Add an image to the pool; an argument ``choose`` of `load_series`.

        Parameters
        ----------
        pixels : (C, ...) array
            Intensities of the image.
        params : ImageParams
            Choice of the normalization.

        Returns
        -------
        normalization : Normalization
            Normalization of this image alone.
        """
        found = choose_normalization(pixels, params)
        flat = pixels.reshape(len(pixels), -1)
        places = np.random.default_rng(0).integers(flat.shape[1], size=N_DRAWN)
        extremes = np.stack([flat.min(1), flat.max(1)], axis=1)
        self.drawn.append(np.concatenate([flat[:, places], extremes], axis=1))
        return found

    def is_alike(self) -> bool:
        """Whether all images have the same type, so that their intensities are comparable."""
        return len({one.dtype.newbyteorder("=") for one in self.drawn}) == 1

    def normalization(self, params: ImageParams) -> Normalization:
        """Choose the normalization of all images together.

        Parameters
        ----------
        params : ImageParams
            Choice of the normalization.

        Returns
        -------
        normalization : Normalization
            Normalization by `choose_normalization`; all images have the same weight.
        """
        return choose_normalization(np.concatenate(self.drawn, 1), params)


def always(
    normalization: Mapping[str, object],
) -> Callable[[np.ndarray, ImageParams], Normalization]:
    """Function that chooses the same normalization for each image.

    Parameters
    ----------
    normalization : mapping
        Fields of a `Normalization`; empty: each image has its own normalization.

    Returns
    -------
    choose : callable
        An argument ``choose`` of `load_series`.
    """
    if not normalization:
        return choose_normalization
    chosen = Normalization(**normalization)  # type: ignore[arg-type]
    return lambda pixels, params: chosen
