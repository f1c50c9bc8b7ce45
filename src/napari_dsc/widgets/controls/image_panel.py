"""Choosers of the image, of its axes and of the part to segment."""

from collections.abc import Callable, Iterable

import numpy as np
from napari.layers import Image, Layer
from napari.viewer import Viewer
from qtpy.QtCore import QObject, QSignalBlocker, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout

from napari_dsc.errors import InvalidImageError
from napari_dsc.images.loading import SMALLEST_SIDE
from napari_dsc.layers import level_array, possible_layouts
from napari_dsc.widgets.controls.forms import MIN_WIDTH, check_box, combo_box, fill, row_of
from napari_dsc.widgets.viewer.channels import ChannelChooser
from napari_dsc.widgets.viewer.shapes import drawn_shapes, visible_point
from napari_dsc.widgets.viewer.source import TILES, VIEW, WHOLE, Source, Where, read_source

# four megapixels, 2048 x 2048: finer levels are offered, but not preselected
COMFORTABLE_PIXELS = 4 * 2**20

LIST_EVENTS = ("inserted", "removed", "reordered", "renamed")


def follow_layers(viewer: Viewer, do: Callable[[object], None], *, ends: bool = False) -> None:
    """Call a function after each change of a viewer's list of layers, or no more."""
    for name in LIST_EVENTS:
        event = getattr(viewer.layers.events, name)
        event.disconnect(do) if ends else event.connect(do)


class LayerChooser(QComboBox):
    """Combo box of layers of one kind; keeps the choice when the list changes."""

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self.setToolTip(tooltip)

    def refresh(self, layers: Iterable[Layer], active: Layer | None, first: str = "") -> None:
        """Show these layers; ``first`` is the text of an entry for no layer, before them."""
        before = self.currentData() if self.count() else active
        entries = ([(first, None)] if first else []) + [(one.name, one) for one in layers]
        if [(self.itemText(i), self.itemData(i)) for i in range(self.count())] == entries:
            return
        fill(self, entries)
        present = [layer for _, layer in entries]
        wanted = before if before in present else active if active in present else None
        self.setCurrentIndex(present.index(wanted) if wanted in present else len(entries) - 1)
        self.currentIndexChanged.emit(self.currentIndex())

    def choose(self, layer: Layer) -> None:
        """Select a layer of the list."""
        for index in range(self.count()):
            if self.itemData(index) == layer:
                self.setCurrentIndex(index)


def pin_box() -> QCheckBox:
    """Check box that keeps a dock from following the selection."""
    return check_box("Pin", "Keep this layer when another one is selected.", False)


class ImagePanel(QObject):
    """Choosers of image, axes and part.

    Parameters
    ----------
    viewer : napari Viewer
        Holds the layers, which are followed until `release`.
    whole_axes : str
        Axes among ``Z`` and ``T`` that the dock can segment as a whole.
    has_tiles : bool
        Whether the dock can segment an image by tiles into a file.

    Attributes
    ----------
    changed : Signal
        Image, axes, channels, planes or layers have changed.
    """

    changed = Signal()

    def __init__(self, viewer: Viewer, whole_axes: str, *, has_tiles: bool) -> None:
        super().__init__()
        self._viewer, self._has_tiles = viewer, has_tiles
        self._whole_axes = whole_axes
        self._shown: Image | None = None
        self.image, self.pin = LayerChooser("Image layer to segment."), pin_box()
        self.axes = combo_box("Meaning of the axes: Z is depth, T time, C channels.")
        self.what = combo_box(
            "Planes and frames to segment: the visible one; a whole stack, in three "
            "dimensions; or all frames, by one network."
        )
        self.where = combo_box(
            "Rows and columns to segment: the whole image, the visible part, or the pixels "
            "under a Shapes layer. A finer level of a pyramid takes longer."
        )
        self.channels = ChannelChooser()
        self.channels.changed.connect(self.changed)
        self.image.setSizePolicy(self.axes.sizePolicy())
        self.image.setMinimumWidth(MIN_WIDTH)
        self.image.currentIndexChanged.connect(self._show_image)
        self.axes.currentIndexChanged.connect(self._show_axes)
        self.what.currentIndexChanged.connect(self.changed)
        follow_layers(viewer, self.refresh)
        viewer.layers.selection.events.active.connect(self._follow_selection)
        self.refresh()

    def add_to(self, form: QFormLayout) -> None:
        """Put the choosers into a form."""
        form.addRow("Image", row_of(self.image, self.pin))
        form.addRow("Axes", self.axes)
        form.addRow("Channels", self.channels)
        form.addRow("What", self.what)
        form.addRow("Where", self.where)

    def release(self) -> None:
        """Stop following the viewer's layers, and release them."""
        follow_layers(self._viewer, self.refresh, ends=True)
        self._viewer.layers.selection.events.active.disconnect(self._follow_selection)
        self._shown = None
        self.channels.release()
        for box in (self.image, self.axes, self.what, self.where):
            box.clear()

    def refresh(self, event: object = None) -> None:
        """Update the choosers from the viewer's layers."""
        from napari.layers import Image

        layers = self._viewer.layers
        images = [layer for layer in layers if isinstance(layer, Image)]
        self.image.refresh(images, layers.selection.active)
        self._show_where()
        self._show_channels()
        self.changed.emit()

    def _follow_selection(self, event: object = None) -> None:
        active = self._viewer.layers.selection.active
        if active is not None and not self.pin.isChecked():
            self.image.choose(active)

    def _show_axes(self) -> None:
        self._show_channels()
        self._show_what()
        self.changed.emit()

    def _show_what(self) -> None:
        """Update the choices of planes and frames; an equal choice stays selected."""
        before, layout = self.what.currentText(), self.axes.currentData()
        fill(self.what, layout.choices(self._whole_axes) if layout else ())
        with QSignalBlocker(self.what):
            self.what.setCurrentIndex(max(self.what.findText(before), 0))
        self.what.setEnabled(self.what.count() > 1)

    def _show_channels(self) -> None:
        self.channels.refresh(self.layer, self.axes.currentData(), self._viewer.layers)

    @property
    def layer(self) -> Image | None:
        """The chosen image layer."""
        return self.image.currentData()

    def problem(self) -> str:
        """Reason why the chosen image cannot be segmented; empty if it can."""
        if self.layer is None:
            return "Open an image, or choose File > Open Sample > Deep Superpixel Cut."
        if self.axes.currentData() is None:
            names = ", ".join(self.layer.axis_labels)
            return (
                f"The axes of {self.layer.name} are {names}; use 2 to 5 axes with Y and X "
                "last, or an RGB image."
            )
        return _unusable(self.layer)

    def _show_image(self) -> None:
        layouts = possible_layouts(self.layer) if self.layer is not None else []
        offered = [self.axes.itemData(index) for index in range(self.axes.count())]
        if self.layer is not None and self.layer == self._shown and layouts == offered:
            return  # other layers have changed, not this one
        self._shown = self.layer
        fill(self.axes, [(layout.words(), layout) for layout in layouts])
        self.axes.setEnabled(self.axes.count() > 1)
        self._show_what()
        self._show_where()
        self._show_channels()
        self.changed.emit()

    def _show_where(self) -> None:

        before = self.where.currentData()
        if self.layer is None:
            self.where.clear()
            return
        entries = [*_whole_levels(self.layer), (VIEW, Where(VIEW))]
        if self._has_tiles and _is_large_or_lazy(self.layer):
            entries.append((TILES, Where(TILES)))
        shapes = drawn_shapes(self._viewer.layers)
        entries += [(f"shapes of {one.name}", Where("shapes", shapes=one)) for one in shapes]
        fill(self.where, entries)
        if self.layer.multiscale:
            self.where.setCurrentIndex(_comfortable_level(self.layer))
        for index in range(self.where.count()):
            if self.where.itemData(index) == before:
                self.where.setCurrentIndex(index)

    def source(self, where: Where | None = None) -> Source:
        """Chosen part of the chosen image.

        Parameters
        ----------
        where : Where, optional
            Part to read in place of the chosen one; the visible plane or frame is taken then.

        Returns
        -------
        source : Source
            Part of the layer; the pixels of a lazy image are not computed.

        Raises
        ------
        InvalidImageError
            If no image is open, or the part is empty.
        """
        layer, layout = self.layer, self.axes.currentData()
        if layer is None or layout is None:
            raise InvalidImageError(f"image: {self.problem()}")
        chosen = where or self.where.currentData()
        if not layout.whole and chosen.part != TILES:
            hidden = self._viewer.dims.ndim - layer.ndim
            layout = layout.rolled(tuple(axis - hidden for axis in self._viewer.dims.displayed))
        point = visible_point(self._viewer, layer)
        if where is None:
            layout = layout._replace(whole=self.what.currentData())
        source = read_source(layer, layout, chosen, point)
        others = self.channels.chosen
        return source.with_channels(others) if others else source


def _unusable(layer: Image) -> str:
    """Why no part of a layer can be segmented, as far as that is quickly seen; or empty."""
    array = level_array(layer)
    height, width = array.shape[: layer.ndim][-2:]
    if min(height, width) < SMALLEST_SIDE:
        return (
            f"{layer.name} has {height} x {width} pixels; open an image of at least "
            f"{SMALLEST_SIDE} x {SMALLEST_SIDE}."
        )
    if isinstance(array, np.ndarray) and array.size <= COMFORTABLE_PIXELS:
        pixels = array.reshape(-1, array.shape[-1] if layer.rgb else 1)
        if (pixels == pixels[0]).all():
            return f"{layer.name} has the same value everywhere; open another image."
    return ""


def _whole_levels(layer: Image) -> list[tuple[str, Where]]:
    if not layer.multiscale:
        return [(WHOLE, Where(WHOLE))]
    return [
        (f"{WHOLE}, level {level}: " + " x ".join(map(str, shape[-2:])), Where(WHOLE, level))
        for level, shape in enumerate(np.asarray(layer.level_shapes)[:, : layer.ndim])
    ]


def _is_large_or_lazy(layer: Image) -> bool:
    """Whether an image is large, multiscale or lazy."""
    array = level_array(layer)
    is_large = int(np.prod(array.shape[: layer.ndim][-2:])) > COMFORTABLE_PIXELS
    return bool(layer.multiscale or is_large or not isinstance(array, np.ndarray))


def _comfortable_level(layer: Image) -> int:
    """Finest level of at most `COMFORTABLE_PIXELS`, or the coarsest level."""
    sizes = np.prod(np.asarray(layer.level_shapes)[:, : layer.ndim][:, -2:], axis=1)
    return int(np.append(np.flatnonzero(sizes <= COMFORTABLE_PIXELS), len(sizes) - 1)[0])
