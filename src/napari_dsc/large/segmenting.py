"""Images larger than memory in one call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from napari_dsc.files.ownership import refuse_overlap
from napari_dsc.large.run import LargeRun
from napari_dsc.large.source import open_source
from napari_dsc.large.writers import check_large_output

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from napari_dsc.large.source import LazyArray
    from napari_dsc.params import CutParams, ImageParams, SuperpixelParams
    from napari_dsc.records.record import Record


class LargeOptions(TypedDict, total=False):
    """Keyword arguments of `segment_large`; see `open_source` and `LargeRun`."""

    axes: str
    spacing: Sequence[float]
    channels: Sequence[int]
    level: int
    weights: str | Path
    device: str
    image_params: ImageParams
    superpixel_params: SuperpixelParams
    cut_params: CutParams
    tile: int


_OPENING = ("axes", "spacing", "channels", "level")


def segment_large(
    image: LazyArray | Sequence[LazyArray] | str | Path,
    output: str | Path,
    *,
    overwrite: bool = False,
    **options: Unpack[LargeOptions],
) -> Record:
    """Segment an image that does not fit into memory.

    Parameters
    ----------
    image : lazy array, sequence of them, or path
        A dask, zarr or NumPy array, the levels of a pyramid, a TIFF file, or a folder of
        zarr or OME-Zarr.
    output : path
        ``.ome.zarr`` for a pyramid of labels, ``.tif`` for a tiled BigTIFF.
    overwrite : bool
        Whether an output that exists is replaced.
    **options
        ``axes``, ``spacing``, ``channels``, ``level``, see `open_source`; ``weights``,
        ``device``, ``image_params``, ``superpixel_params``, ``cut_params``, ``tile``, see
        `LargeRun`.

    Returns
    -------
    record : dict
        How the labels were made, as it stands in the output.

    Raises
    ------
    DSCError
        If the image, the parameters or the output do not allow it.
    """
    path = Path(output)
    if isinstance(image, str | Path):
        refuse_overlap([Path(image)], [path])
    check_large_output(path, overwrite=overwrite)
    opening = {name: options[name] for name in _OPENING if name in options}  # type: ignore[literal-required]
    rest = {name: value for name, value in options.items() if name not in _OPENING}
    with open_source(image, **opening) as source:
        run = LargeRun(source, **rest)  # type: ignore[arg-type]
        for _ in run.iter_save(path):
            pass
        return run.record()
