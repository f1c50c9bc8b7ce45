"""The engine: the one place that chooses how pieces are segmented."""

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

from napari_dsc.errors import InvalidImageError, InvalidParameterError
from napari_dsc.machine.device import resolve_device
from napari_dsc.machine.memory import free_main_bytes
from napari_dsc.machine.progress import Progress, exhausted
from napari_dsc.segmenting.classing.one import classes_image
from napari_dsc.segmenting.classing.shared import classes_files, classes_series
from napari_dsc.segmenting.classing.tiled import classes_tiles
from napari_dsc.segmenting.cutting.tiled import cut_tiles
from napari_dsc.segmenting.joint import cut_files
from napari_dsc.segmenting.needs import needed_bytes
from napari_dsc.segmenting.pieces import OneImage, Pieces
from napari_dsc.segmenting.run import cut_image
from napari_dsc.segmenting.series import cut_series
from napari_dsc.segmenting.settings import Settings
from napari_dsc.segmenting.stages import Stages
from napari_dsc.segmenting.tree import tree_image, tree_series

Segment = Callable[[Any, Stages], Generator[Progress, None, Any]]

__all__ = ["SEGMENTERS", "Progress", "Segmenter", "exhausted", "iter_segmentation", "refuse"]


class Segmenter(NamedTuple):
    """A way to segment; a function for each kind of pieces that it takes.

    Attributes
    ----------
    summary : str
        One line.
    source : str
        Who published it, where and when.
    kinds : dict of str to function
        By the `kind` of the pieces; each takes them and `Stages`, and is a generator of
        `Progress` that returns the result.
    takes_labels : bool
        Whether superpixels and scribbles of the user guide it.
    """

    summary: str
    source: str
    kinds: dict[str, Segment]
    takes_labels: bool = False


SEGMENTERS: dict[str, Segmenter] = {
    "dsc": Segmenter(
        "Deep Superpixel Cut",
        "Lin, Zhong, Lu: Deep Superpixel Cut for Unsupervised Image Segmentation, "
        "arXiv:2103.06031, 2021",
        {"image": cut_image, "series": cut_series, "files": cut_files, "tiles": cut_tiles},
        takes_labels=True,
    ),
    "tree": Segmenter(
        "merge tree by color, texture and boundaries",
        "Arbelaez et al., IEEE TPAMI 33, 2011; Isola et al.: Crisp Boundary Detection Using "
        "Pointwise Mutual Information, ECCV 2014",
        {"image": tree_image, "series": tree_series},
    ),
    "classes": Segmenter(
        "class tree: any number of classes, far parts of one material together",
        "Shi, Malik: Normalized Cuts and Image Segmentation, IEEE TPAMI 22, 2000; Ward: "
        "Hierarchical Grouping to Optimize an Objective Function, JASA 58, 1963",
        {
            "image": classes_image,
            "series": classes_series,
            "files": classes_files,
            "tiles": classes_tiles,
        },
        takes_labels=True,
    ),
}
"""Segmenters by the name that `Settings.method` has."""

_WORDS = {
    "image": "a single image",
    "series": "a time series, or planes apart",
    "files": "images that are cut together (joint)",
    "tiles": "an image in tiles",
}


def iter_segmentation(pieces: Pieces, settings: Settings) -> Generator[Progress, None, Any]:
    """Segment pieces, step by step.

    Parameters
    ----------
    pieces : OneImage, Frames, Planes, Files or Tiles
        What is segmented.
    settings : Settings
        How.

    Yields
    ------
    progress : Progress
        Before each stage and after each of its parts; closing the generator ends the run.

    Returns
    -------
    result : Segmentation or dict
        The segmentation in the axes of the original; of files and tiles, whose labels go
        elsewhere, the record.

    Raises
    ------
    DSCError
        If the settings do not fit the pieces, or the image, weights or device cannot be used.
    """
    refuse(settings, pieces)
    segment = SEGMENTERS[settings.method].kinds[pieces.kind]
    return (yield from segment(pieces, Stages(settings)))


def refuse(settings: Settings, pieces: Pieces) -> None:
    """Refuse settings and pieces that do not go together.

    Parameters
    ----------
    settings : Settings
        How pieces are to be segmented.
    pieces : OneImage, Frames, Planes, Files or Tiles
        What is to be segmented.

    Raises
    ------
    InvalidImageError
        If the image takes more than the free memory.
    InvalidParameterError
        With what to change.
    """
    segmenter, kind = SEGMENTERS[settings.method], pieces.kind
    words, params = _WORDS[kind], settings.cut_params
    if kind not in segmenter.kinds:
        able = [name for name, one in SEGMENTERS.items() if kind in one.kinds]
        raise InvalidParameterError(
            f"method={settings.method!r}: not available for {words}; use {' or '.join(able)}"
        )
    _refuse_given(segmenter, pieces, settings)
    if kind != "tiles":
        _refuse_parts(settings, words)
    if isinstance(pieces, OneImage):
        _refuse_size(settings, pieces.series.sizes())
    if settings.method != "dsc":
        return
    if kind == "files" and params.series == "apart":
        raise InvalidParameterError(
            "series='apart': images of a joint run are cut together; use 'together'"
        )
    is_shared = kind in ("files", "tiles") or (kind == "series" and params.series != "apart")
    if is_shared and params.affinity == "tree":
        raise InvalidParameterError(
            f"affinity='tree': not available for {words}, which one network learns; use "
            "'features'"
        )


def _refuse_size(settings: Settings, sizes: dict[str, int]) -> None:
    """Refuse images that need more than the free main memory; CUDA reports its own."""
    needed, free = needed_bytes(settings, sizes), free_main_bytes()
    if needed > free and resolve_device(settings.device).type == "cpu":
        shape = " x ".join(f"{axis} {size}" for axis, size in sizes.items())
        raise InvalidImageError(
            f"image: {shape} in one piece takes about {needed / 2**30:.1f} GiB of memory, "
            f"{free / 2**30:.1f} GiB are free; crop or downscale it, or cut a plane by tiles "
            "(--tile 1024)"
        )


def _refuse_given(segmenter: Segmenter, pieces: Pieces, settings: Settings) -> None:
    kind = pieces.kind
    for name in ("superpixels", "scribbles"):
        given = getattr(pieces, name, None) is not None
        if given and (kind != "image" or not segmenter.takes_labels):
            raise InvalidParameterError(
                f"{name}: taken by the methods {_able} on a single image only, got method "
                f"{settings.method!r} on {_WORDS[kind]}; leave them out"
            )


_able = " and ".join(name for name, one in SEGMENTERS.items() if one.takes_labels)


def _refuse_parts(settings: Settings, words: str) -> None:
    for name in ("tile", "level"):
        if getattr(settings, name):
            raise InvalidParameterError(
                f"{name}={getattr(settings, name)}: not available for {words}; call "
                "segment_large() or the command line for one image, or leave it out"
            )
