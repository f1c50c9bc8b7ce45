"""Request of a dock: everything that its run needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dsc.segmenting.settings import Settings

if TYPE_CHECKING:
    from napari_dsc.files import RawImage


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """Everything a run needs, copied from the dock before it starts.

    ``array[index]`` is read by the job, so that a lazy array is computed off the GUI thread.
    """

    stage: str
    array: object
    index: tuple[int | slice, ...]
    axes: str
    spacing: tuple[float, ...] = ()
    unit: str = ""
    translation: tuple[float, ...] = ()
    mask: np.ndarray | None = None
    superpixels: tuple[object, tuple[int | slice, ...]] | None = None
    scribbles: tuple[object, tuple[int | slice, ...]] | None = None
    settings: Settings = Settings()
    n_threads: int = 0
    preview: bool = True
    has_confidence: bool = False

    def raw_image(self, array: Any = None) -> RawImage:
        """Part of the image, computed now; or of a lazy array, of which nothing is."""
        from napari_dsc.files import RawImage

        source: Any = self.array if array is None else array
        pixels = source[self.index]
        pixels = np.asanyarray(pixels) if array is None else pixels
        # napari takes the last of four colors for opacity
        has_alpha = self.axes.endswith("C") and pixels.shape[-1] == 4
        return RawImage(
            pixels,
            self.axes,
            self.spacing,
            self.unit,
            has_alpha,
            origin="the layer",
            translation=self.translation,
        )


def computed(part: tuple[object, tuple[int | slice, ...]] | None) -> np.ndarray | None:
    """Compute part of a lazy array."""
    return None if part is None else np.asarray(part[0][part[1]])  # type: ignore[index]
