"""Axes of a napari layer, and the planes, frames and channels that are segmented."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from napari.layers import Image as ImageLayer

_NAMES = {
    "T": ("t", "time", "frame"),
    "Z": ("z", "depth", "plane"),
    "C": ("c", "channel", "channels"),
    "Y": ("y", "height", "row"),
    "X": ("x", "width", "column"),
}
_KINDS = {
    "": "gray",
    "Z": "stack of planes",
    "T": "frames in time",
    "TZ": "stacks in time",
}


class Layout(NamedTuple):
    """Axes of a layer's array, and the part of each axis that is segmented.

    Attributes
    ----------
    axes : str
        One letter of ``TZCYX`` for each axis of the array.
    joins_channels : bool
        Whether all channels are used together, like colors; otherwise one channel is picked.
    whole : str
        Those of ``Z`` and ``T`` that are used whole; along the others, one plane or frame is
        picked.
    """

    axes: str
    joins_channels: bool
    whole: str = ""

    def words(self) -> str:
        """Describe the axes for people."""
        letters = ", ".join(self.axes.removesuffix("C"))
        if "C" not in self.axes:
            return f"{letters}: {_KINDS[self.extra]}"
        if self.axes.endswith("C"):
            return f"{letters}: color"
        return f"{letters}: {'all channels' if self.joins_channels else 'shown channel'}"

    @property
    def extra(self) -> str:
        """Those of T and Z that the array has."""
        return "".join(axis for axis in "TZ" if axis in self.axes)

    def choices(self, possible: str) -> list[tuple[str, str]]:
        """Choices of planes and frames for people.

        Parameters
        ----------
        possible : str
            Those of ``Z`` and ``T`` that may be used whole.

        Returns
        -------
        choices : list of (str, str)
            Text of each choice, and the axes that it uses whole; the current plane comes
            first.
        """
        found = [("current frame" if self.extra == "T" else "current plane", "")]
        if "Z" in self.extra and "Z" in possible:
            found.append(("whole stack", "Z"))
        if "T" in self.extra and "T" in possible:
            is_plain = self.extra == "T"
            found.append(("all frames" if is_plain else "all frames of this plane", "T"))
            if not is_plain and "Z" in possible:
                found.append(("all frames, whole stacks", "TZ"))
        return found

    def rolled(self, displayed: tuple[int, ...]) -> Layout:
        """Layout whose plane is spanned by other axes, as in a rolled view.

        Parameters
        ----------
        displayed : tuple of int
            Positions of the two axes in view.

        Returns
        -------
        layout : Layout
            The two axes are Y and X in it; along the axis that was Y or X, one plane is
            picked. The same layout if the two are no axes of planes or frames.

        Examples
        --------
        >>> Layout("ZYX", joins_channels=False).rolled((2, 0)).axes
        'YZX'
        """
        letters, pair = list(self.axes), sorted(displayed)
        if len(pair) != 2 or min(pair) < 0 or any(letters[one] == "C" for one in pair):
            return self
        freed = [letters[one] for one in pair if letters[one] not in "YX"]
        vacated = [self.axes.index(one) for one in "YX" if self.axes.index(one) not in pair]
        for place, letter in zip(vacated + pair, [*freed, "Y", "X"], strict=True):
            letters[place] = letter
        return self._replace(axes="".join(letters))

    def picks(self, axis: str) -> bool:
        """Whether one index along this axis is picked."""
        if axis == "C":
            return not self.joins_channels
        return axis in "TZ" and axis not in self.whole

    def image_axes(self) -> str:
        """Axes of the array that remain after picking."""
        return "".join(axis for axis in self.axes if not self.picks(axis))


def possible_layouts(layer: ImageLayer) -> list[Layout]:
    """All possible readings of the axes of a layer, the most likely first.

    Parameters
    ----------
    layer : napari Image layer
        Its axis labels count most, then its ``rgb``, then its shape.

    Returns
    -------
    layouts : list of Layout
        Empty for arrays of one axis or more than five, and if by the axis labels Y and X are
        not the last two axes.
    """
    shape = (layer.data[0] if layer.multiscale else layer.data).shape
    if layer.rgb:
        found = [layout.axes for layout in _layouts_of(len(shape) - 1)]
        return [Layout(axes + "C", joins_channels=True) for axes in found if "C" not in axes]
    candidates = _layouts_of(len(shape))
    named = _named_axes(layer)
    if named and not any(layout.axes == named for layout in candidates):
        return []
    return sorted(candidates, key=lambda layout: layout.axes != named)


def sure_axes(layer: ImageLayer) -> str:
    """Axes of a layer's array by its axis labels, or the only possible reading.

    Parameters
    ----------
    layer : napari Image layer
        The layer, which is not changed.

    Returns
    -------
    axes : str
        One letter of ``TZCYX`` for each axis of the array; empty if an axis may be depth,
        time or channels.
    """
    found = {layout.axes for layout in possible_layouts(layer)}
    named = _named_axes(layer) + ("C" if layer.rgb else "")
    if named in found:
        return named
    return found.pop() if len(found) == 1 else ""


def _layouts_of(n_axes: int) -> list[Layout]:
    return [
        Layout("".join(leading) + "YX", joins_channels)
        for leading in (itertools.permutations("ZTC", n_axes - 2) if n_axes >= 2 else ())
        for joins_channels in ((True, False) if "C" in leading else (False,))
    ]


def _named_axes(layer: ImageLayer) -> str:
    """Axes by the labels of the layer; empty if a label is unknown or repeated."""
    letters = [
        next((axis for axis, names in _NAMES.items() if label.strip().lower() in names), "")
        for label in layer.axis_labels
    ]
    return "".join(letters) if all(letters) and len(set(letters)) == len(letters) else ""
