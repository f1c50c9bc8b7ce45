"""Methods of the Segment dock, and what of the dock concerns each."""

import dataclasses
from typing import NamedTuple

from napari_dsc.params import ClassParams, CutParams, Params, SuperpixelParams


class Way(NamedTuple):
    """A method of the dock, and what of the dock concerns it.

    Attributes
    ----------
    title : str
        In the list of methods.
    fields : tuple of str
        Fields of parameters that no other method has.
    takes_guides, has_preview, has_confidence : bool
        Whether it takes superpixels and scribbles of layers, shows labels while it runs, and
        gives probabilities.
    """

    title: str
    fields: tuple[str, ...]
    takes_guides: bool = True
    has_preview: bool = False
    has_confidence: bool = True


def _names(*kinds: type[Params]) -> tuple[str, ...]:
    return tuple(one.name for kind in kinds for one in dataclasses.fields(kind))


WAYS = {
    "dsc": Way("Cut: classes", _names(SuperpixelParams, CutParams), has_preview=True),
    "classes": Way("Class tree: classes", _names(ClassParams)),
    "tree": Way("Tree: regions", ("regions", "threshold"), False, False, False),
}
