"""What the axes of a napari layer are."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image as ImageLayer

_NAMES = {
    "T": ("t", "time", "frame"),
    "Z": ("z", "depth", "plane"),
    "C": ("c", "channel", "channels"),
    "Y": ("y", "height", "row"),
    "X": ("x", "width", "column"),
}
_PICKED = {"T": "frame", "Z": "plane", "C": "channel"}


class Layout(NamedTuple):
    """What the axes of a layer's array are.

    Attributes
    ----------
    axes : str
        One letter of ``TZCYX`` for each axis of the array.
    joins_channels : bool
        Whether all channels enter the method at once, as colors do; otherwise one channel
        is picked, like a plane or a frame.
    """

    axes: str
    joins_channels: bool

    def words(self) -> str:
        """Describe the layout for people, with what is segmented of it."""
        letters = ", ".join(self.axes.removesuffix("C"))
        picked = [_PICKED[axis] for axis in self.axes if self.picks(axis)]
        if picked:
            return f"{letters}: shown {' and '.join(picked)}"
        kinds = {"YX": "grey", "YXC": "color"}
        return f"{letters}: {kinds.get(self.axes, 'all channels')}"

    @property
    def _picked_channel(self) -> str:
        return "" if self.joins_channels else "C"

    def picks(self, axis: str) -> bool:
        """Tell whether one index of this axis is picked."""
        return axis in "TZ" or axis == self._picked_channel

    def image_axes(self) -> str:
        """Axes that remain of the array after picking."""
        return "".join(axis for axis in self.axes if not self.picks(axis))


def possible_layouts(layer: ImageLayer) -> list[Layout]:
    """All ways to read the axes of a layer, the most likely one first.

    Parameters
    ----------
    layer : napari Image layer
        Names of its axes count most, then ``rgb``, then the shape.

    Returns
    -------
    layouts : list of Layout
        Empty for arrays of one axis or more than five, and where the names of the axes say
        that Y and X are not the last two.
    """
    shape = (layer.data[0] if layer.multiscale else layer.data).shape
    if layer.rgb:
        found = [layout.axes for layout in _layouts_of(shape[:-1], "YX")]
        return [Layout(axes + "C", joins_channels=True) for axes in found if "C" not in axes]
    candidates = [*_layouts_of(shape, "YX")]
    named = _named_axes(layer)
    if named and not any(layout.axes == named for layout in candidates):
        return []
    return sorted(candidates, key=lambda layout: layout.axes != named)


def sure_axes(layer: ImageLayer) -> str:
    """Axes of a layer's array as its names tell them, or because nothing else is possible.

    Parameters
    ----------
    layer : napari Image layer
        It stays as it is.

    Returns
    -------
    axes : str
        One letter of ``TZCYX`` for each axis of the array; empty where a stack may be
        depth, time or channels.
    """
    found = {layout.axes for layout in possible_layouts(layer)}
    named = _named_axes(layer) + ("C" if layer.rgb else "")
    if named in found:
        return named
    return found.pop() if len(found) == 1 else ""


def _layouts_of(shape: Sequence[int], last: str) -> list[Layout]:
    leading = len(shape) - len(last)
    found = []
    for axes in itertools.permutations("ZTC", leading) if leading >= 0 else ():
        if axes == ("C",) and shape[0] in (1, 3):
            found.append(Layout("".join(axes) + last, joins_channels=True))
        found.append(Layout("".join(axes) + last, joins_channels=False))
    return found


def _named_axes(layer: ImageLayer) -> str:
    """Axes as the layer names them; empty if a name says nothing."""
    letters = [
        next((axis for axis, names in _NAMES.items() if label.strip().lower() in names), "")
        for label in layer.axis_labels
    ]
    return "".join(letters) if all(letters) and len(set(letters)) == len(letters) else ""
