"""What is done to a tile: superpixels, and classes without a seam to the tiles before it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_dsc.cut.joint import Piece, assign
from napari_dsc.images.masks import filled, missing_pixels
from napari_dsc.large.tiling import widened
from napari_dsc.machine.device import reproducible
from napari_dsc.machine.side_process import run_in_side_process
from napari_dsc.superae.applied import as_batch, smooth_planes
from napari_dsc.superpixels.methods import over_segment_pixels

if TYPE_CHECKING:
    from napari_dsc.images import Normalization
    from napari_dsc.large.source import Source
    from napari_dsc.large.tiling import Tile, Window
    from napari_dsc.params import CutParams, SuperpixelParams
    from napari_dsc.superae.model import Embedding, SuperAE


@dataclasses.dataclass(frozen=True, eq=False)
class Work:
    """The method on parts of a large image.

    Parameters
    ----------
    source : Source
        The image.
    normalization : Normalization
        How its intensities become 0 to 1.
    model : SuperAE
        Smooths; on the device to work on.
    superpixel_params : SuperpixelParams
        How superpixels are made; their number is told by `width`.
    params : CutParams
        How the network sees the image.
    width : float
        Width of a superpixel in pixels.
    """

    source: Source
    normalization: Normalization
    model: SuperAE
    superpixel_params: SuperpixelParams
    params: CutParams
    width: float

    def piece(self, window: Window, margin: int) -> Piece:
        """Part of the image with its superpixels, to learn from.

        Parameters
        ----------
        window : pair of slice
            Rows and columns.
        margin : int
            Pixels around it that the smoothing may see.

        Returns
        -------
        piece : Piece
            On the device of the model.
        """
        read = widened(window, margin, self.source.shape)
        pixels, _ = self._pixels(read)
        inner = _within(window, read)
        superpixels = self._superpixels(pixels, inner)
        return Piece(self._batch(np.ascontiguousarray(pixels[:, *inner])), superpixels)

    def label(self, tile: Tile, embedding: Embedding, canvas: np.ndarray) -> int:
        """Write classes of the superpixels that reach into the core of a tile.

        Parameters
        ----------
        tile : Tile
            The next in the order of the tiling.
        embedding : Embedding
            Trained, with frozen statistics.
        canvas : (Y, X) uint array
            Class plus 1 of each pixel, 0 where there is none yet; changed in place.

        Returns
        -------
        n_superpixels : int
            How many were written.

        Notes
        -----
        A superpixel is written whole, across the border of the core, and stays; tiles that
        come later fill what is left. So labels change at the borders of superpixels only, not
        where tiles meet.
        """
        pixels, missing = self._pixels(tile.read)
        inner = _within(tile.divided, tile.read)
        superpixels = self._superpixels(pixels, inner)
        n_superpixels = int(superpixels.max()) + 1
        # what surrounds them is seen by the network, as one more superpixel
        seen = np.full(pixels.shape[1:], n_superpixels)
        seen[inner] = superpixels
        found = assign(embedding, Piece(self._batch(pixels), seen), self.params)
        labels = (found.classes.cpu().numpy() + 1).astype(canvas.dtype)
        is_free = canvas[tile.divided] == 0
        if missing is not None:
            is_free &= ~missing[inner]
        core = _within(tile.core, tile.divided)
        is_written = np.zeros(n_superpixels, bool)
        is_written[superpixels[core][is_free[core]]] = True
        new = is_free & is_written[superpixels]
        canvas[tile.divided][new] = labels[superpixels[new]]
        return int(is_written.sum())

    def _pixels(self, window: Window) -> tuple[np.ndarray, np.ndarray | None]:
        """Intensities in 0 to 1, (C, y, x) float32, and where they are missing, if anywhere."""
        part = self.source.read(*window)
        missing = missing_pixels(part, None)
        found = filled(part, missing, self.normalization.low)
        return self.normalization.apply(found), missing

    def _superpixels(self, pixels: np.ndarray, inner: Window) -> np.ndarray:
        """Superpixels of the inner part of some pixels, y x int64."""
        if self.superpixel_params.source == "smoothed":
            with torch.no_grad(), reproducible(self._device):
                seen = torch.from_numpy(pixels).to(self._device)
                pixels = smooth_planes(self.model, seen).cpu().numpy()
        pixels = np.ascontiguousarray(pixels[:, *inner])
        number = max(2, round(pixels[0].size / self.width**2))
        params = dataclasses.replace(self.superpixel_params, n_superpixels=number)
        share = min(1.0, number / self.superpixel_params.n_superpixels)
        return run_in_side_process(over_segment_pixels, pixels, params, share=share)

    def _batch(self, pixels: np.ndarray) -> torch.Tensor:
        return as_batch(torch.from_numpy(pixels).to(self._device), self.model.n_channels)

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device


def _within(inner: Window, outer: Window) -> Window:
    """Place of a window in another that holds it."""
    pairs = zip(inner, outer, strict=True)
    return tuple(slice(i.start - o.start, i.stop - o.start) for i, o in pairs)
