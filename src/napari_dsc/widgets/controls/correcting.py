"""Controls of the corrections: number of segments, uncertain superpixels, and preparation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Shapes
from qtpy.QtCore import QObject, QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem
from skimage.measure import find_contours
from superqt import QLabeledSlider

from napari_dsc.jobs.analysis import granularity_job, parts_job
from napari_dsc.layers import PARTS_KEY, geometry_of
from napari_dsc.widgets.controls.forms import single_shot
from napari_dsc.widgets.tasks import in_background
from napari_dsc.widgets.viewer import channels, output, shapes

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer

    from napari_dsc.correction.granularity import Granularity
    from napari_dsc.correction.parts import Parts
    from napari_dsc.widgets.tasks import Task
    from napari_dsc.widgets.viewer.editor import Editor

LIVE_MILLISECONDS = 40  # 25 updates a second
REST_MILLISECONDS = 500  # a pause of this length ends a move by keys or wheel
# their undo step takes 0.03 processor seconds, one of twice as many 0.08, of 0.1 allowed
MOST_UNDOABLE_PIXELS = 2**19


class NumberSlider(QObject):
    """Slider that merges and divides the segments of an editor's layer.

    While it moves, labels are shown without undo steps; when it rests, they are written as one
    undo step.
    """

    def __init__(self) -> None:
        super().__init__()
        self.slider = QLabeledSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip(
            "Number of segments: to the left, the most similar ones merge; to the right, the "
            "least homogeneous ones divide."
        )
        self.slider.valueChanged.connect(self._on_value)
        self.slider.sliderReleased.connect(self.commit)
        self._editor: Editor | None = None
        self._tree: Granularity | None = None
        self._cut = np.zeros(0, int)
        self._before: np.ndarray | None = None
        self._growing: Task | None = None
        self._live = single_shot(self, LIVE_MILLISECONDS, self._show)
        self._rest = single_shot(self, REST_MILLISECONDS, self._on_rest)

    @property
    def is_moving(self) -> bool:
        """Whether labels of a move are not written yet."""
        is_waiting = self._live.isActive() or self._growing is not None
        return is_waiting or self._before is not None

    def attach(self, editor: Editor | None) -> None:
        """Edit the layer of another editor, or of none."""
        self._live.stop()
        self._rest.stop()
        if self._growing is not None:
            self._growing.cancel()
        self._editor, self._tree, self._before, self._growing = editor, None, None, None
        if editor is not None:
            editor.edited.connect(self.commit)

    def show_state(self) -> tuple[int, int]:
        """Show the current number of segments; return it and the largest possible one."""
        assert self._editor is not None
        number, most = self._editor.range()
        if not self.is_moving:
            with QSignalBlocker(self.slider):
                self.slider.setRange(1, max(most, 1))
                self.slider.setValue(number)
        return number, most

    def _on_value(self) -> None:
        if self._editor is not None and not self._live.isActive():
            self._live.start()
        self._rest.start()

    def _show(self) -> None:
        """Show the number of segments of the slider, without an undo step."""
        editor = self._editor
        if editor is None:
            return
        if self._growing is not None:
            return  # shows the number that the slider has then
        labels = editor.labels()
        if self._tree is None or not np.array_equal(labels, self._cut):
            self._grow(labels, editor)
            return
        self._cut = self._tree.cut(self.slider.value())
        if self._before is None:
            self._before = editor.layer.data.copy()
        editor.preview(self._cut)

    def _grow(self, labels: np.ndarray, editor: Editor) -> None:
        """Make the tree of these labels in the background, then show."""

        def show(tree: Granularity | None) -> None:
            if editor is not self._editor:
                return
            self._tree, self._cut, self._growing = tree, labels, None
            if tree is not None:
                self._show()
                if not self._rest.isActive():
                    self._on_rest()

        arguments = (labels, editor.parts)
        self._growing = in_background(granularity_job, arguments, show, lambda _: show(None))

    def _on_rest(self) -> None:
        if not self.slider.isSliderDown():
            self.commit()

    def commit(self) -> None:
        """Write the shown labels as one undo step."""
        if self._live.isActive():
            self._live.stop()
            self._show()
        self._rest.stop()
        editor, before, self._before = self._editor, self._before, None
        if editor is None or before is None:
            return
        changed = np.count_nonzero(before != editor.layer.data)
        if changed > MOST_UNDOABLE_PIXELS:
            editor.clear_history()
            editor.message.emit("Too many pixels to undo; move the slider back instead.")
        else:
            editor.undo_preview(before)
            editor.write(self._cut, np.zeros(0, int))


MOST_LISTED = 200  # filling and drawing them takes 0.003 processor seconds


class UncertainList(QListWidget):
    """List of the superpixels, least certain first.

    Attributes
    ----------
    chosen : Signal of int
        Superpixel that the user selected, from 0.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip(
            "Superpixels in order of margin: probability of the best class minus that of the "
            "second. Click one to show it."
        )
        self.itemSelectionChanged.connect(lambda: self._choose(self.currentItem()))
        self.itemClicked.connect(
            self._choose
        )  # also without a change of the selection, to move the view back

    def show_parts(self, parts: Parts) -> None:
        """List superpixels; the list is empty without probabilities of classes."""
        self.clear()
        if parts.probabilities.shape[1] < 2:
            return
        order = np.argsort(parts.margins, kind="stable")
        for part in order[parts.sizes[order] > 0][:MOST_LISTED]:
            item = QListWidgetItem(f"superpixel {part + 1}: margin {parts.margins[part]:.3f}")
            item.setData(Qt.ItemDataRole.UserRole, int(part))
            self.addItem(item)

    def next(self) -> None:
        """Select the next row; after the last one, the first."""
        if self.count():
            self.setCurrentRow((self.currentRow() + 1) % self.count())
            self._choose(self.currentItem())

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(Qt.ItemDataRole.UserRole))


def center_view(viewer: Viewer, layer: Labels, position: tuple[int, ...]) -> None:
    """Move view and visible plane to a pixel of a layer, without changing the zoom."""
    to_layer = shapes.unit_factors(viewer.layers.units, layer.units)
    point = np.array(viewer.dims.point, float)
    point[-layer.ndim :] = np.asarray(layer.data_to_world(position)) / to_layer[-layer.ndim :]
    viewer.dims.point = tuple(point)
    center = point[list(viewer.dims.displayed)]
    viewer.scene.camera.center = (*np.zeros(3 - len(center)), *center)


class Outline:
    """Outline of one superpixel, in a Shapes layer that goes with it.

    Parameters
    ----------
    viewer : napari Viewer
        Receives the layer.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._layer: Shapes | None = None

    def show(self, layer: Labels, superpixels: np.ndarray, position: tuple[int, ...]) -> None:
        """Outline the superpixel at a position on the plane of that position."""
        self.hide()
        leading = position[:-2]
        inside = superpixels[leading] == superpixels[position]
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        box = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        paths = [
            np.insert(path - 1 + (rows[0], columns[0]), [0] * len(leading), leading, axis=1)
            for path in find_contours(np.pad(box, 1), 0.5)
        ]
        self._layer = output.add_quietly(
            self._viewer,
            Shapes(
                paths,
                shape_type="path",
                edge_color="white",
                edge_width=max(1.0, max(box.shape) / 40),
                name=f"{layer.name} [uncertain]",
                metadata={output.OUTLINE: True},
                **geometry_of(layer).options(),
            ),
        )

    def hide(self) -> None:
        """Remove the layer."""
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)


class Preparation(QObject):
    """Prepares the superpixels of two chosen layers whenever their arrays change.

    Parameters
    ----------
    viewer : napari Viewer
        Holds the layers.

    Attributes
    ----------
    ready : Signal of (layer, parts)
        The labels can be edited.
    blocked : Signal of str
        The labels cannot be edited; carries the reason.
    """

    ready = Signal(object, object)
    blocked = Signal(str)

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._chosen: tuple[Labels | None, Labels | None] = (None, None)
        self._prepared: tuple[object, ...] | None = None
        self._task: Any = None

    def choose(self, labels: Labels | None, superpixels: Labels | None) -> None:
        """Prepare two layers; without a layer of superpixels, those of the run are taken."""
        for layer in filter(None, self._chosen):
            layer.events.data.disconnect(self._look)
        self._chosen = (labels, superpixels)
        for layer in filter(None, self._chosen):
            layer.events.data.connect(self._look)
        self._look()

    def _look(self, event: object = None) -> None:
        """Prepare the chosen layers unless they are prepared."""
        problem = self._problem()
        wanted = None if problem else (*self._chosen, self._superpixels())
        before = self._prepared
        if wanted and before and before[:2] == wanted[:2] and before[2] is wanted[2]:
            return
        if self._task is not None:
            self._task.cancel()
        self._prepared, self._task = wanted, None
        self.blocked.emit(problem or "Preparing the superpixels...")
        if wanted is not None:
            self._start(wanted)

    def _superpixels(self) -> Parts | np.ndarray:
        labels, other = self._chosen
        assert labels is not None
        found: Parts | np.ndarray = labels.metadata[PARTS_KEY] if other is None else other.data
        return found

    def _start(self, wanted: tuple[Any, ...]) -> None:
        layer, _, superpixels = wanted

        def show(parts: Parts) -> None:
            if self._prepared is wanted and layer in self._viewer.layers:
                self.ready.emit(layer, parts)

        def fail(message: str) -> None:
            if self._prepared is wanted:
                self._prepared = None
                self.blocked.emit(message)

        image = channels.measured_image(self._viewer, layer)
        self._task = in_background(parts_job, (layer.data, superpixels, image), show, fail)

    def _problem(self) -> str:
        """Reason why the chosen layers cannot be edited; empty if they can."""
        labels, other = self._chosen
        if labels is None:
            return "Segment an image first, or open labels and superpixels."
        for layer in filter(None, self._chosen):
            if layer.multiscale or not isinstance(layer.data, np.ndarray):
                return f"{layer.name} is lazy or multiscale; choose a layer with a NumPy array."
        if labels.metadata.get(output.KEY, {}).get(output.RUNNING):
            return f"{labels.name} is not finished; wait for the end of its run."
        if other is None and PARTS_KEY not in labels.metadata:
            return f"{labels.name} has no run; choose a Labels layer with its superpixels."
        found = self._superpixels()
        shape = found.shape if isinstance(found, np.ndarray) else found.superpixels.shape
        if shape != labels.data.shape:
            return (
                f"The superpixels have shape {shape}, the labels {labels.data.shape}; choose "
                "layers of equal shape."
            )
        return ""
