"""Actions on the active layer, in the Layers menu and the command palette."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from napari.utils.notifications import show_info, show_warning
from napari.viewer import Viewer
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_dsc.errors import DSCError
from napari_dsc.files import write_atomically
from napari_dsc.jobs.analysis import Physical, measure_job, split_job
from napari_dsc.layers import geometry_of, level_array
from napari_dsc.widgets.controls.forms import clipboard
from napari_dsc.widgets.controls.parameters import values_of_record
from napari_dsc.widgets.docks.segment import Segment
from napari_dsc.widgets.tasks import in_background, notify_error
from napari_dsc.widgets.viewer.channels import measured_image
from napari_dsc.widgets.viewer.output import CORRECTED, KEY, add_quietly

PLUGIN = "napari-dsc"


def segment_image(viewer: Viewer) -> None:
    """Segment the active image with the values of the Segment dock."""
    layer = viewer.layers.selection.active
    if not isinstance(layer, Image):
        show_warning("Select one Image layer to segment.")
        return
    dock = open_segment(viewer)
    if dock.run_bar.is_running:
        show_warning("The Segment dock is running; cancel the run or wait for its end.")
        return
    dock.image_panel.image.choose(layer)
    dock.run()


def split_classes(viewer: Viewer) -> None:
    """Add a layer in which each connected region of the active labels has its own label."""
    layer = _active_labels(viewer)
    if layer is None:
        return
    options = geometry_of(layer).options() | {
        "name": f"{layer.name} [regions]",
        "metadata": dict(layer.metadata),
    }

    def show(value: Any) -> None:
        regions, features = value
        add_quietly(viewer, Labels(regions, features=features, **options))

    in_background(split_job, (level_array(layer), _columns(layer)), show)


def measure_segments(viewer: Viewer) -> None:
    """Write area, centroid and mean intensities into the features of the active labels."""
    layer = _active_labels(viewer)
    if layer is None:
        return
    labels = level_array(layer)
    part = measured_image(viewer, layer)
    physical = Physical(_to_world(layer), _axis_names(layer))

    def show(features: Any) -> None:
        if layer in viewer.layers:
            layer.features = features
            of_image = f", intensities of {part.name}" if part else ""
            show_info(f"Measured {len(features['index'])} segments{of_image}.")

    job = (labels, part, physical, _columns(layer))
    in_background(measure_job, job, show)


def copy_as_python(viewer: Viewer) -> None:
    """Copy the run that made the active labels as Python code."""
    from napari_dsc.records.snippets import as_python

    record = _active_record(viewer)
    if record:
        image, axes = _python_source(record)
        _copy(as_python(record, image, axes), "Python code")
        _warn_of_losses(record)


def copy_as_command(viewer: Viewer) -> None:
    """Copy the run that made the active labels as a command line."""
    from napari_dsc.records.snippets import as_command

    record = _active_record(viewer)
    if record:
        name = record["layer"]["name"]
        path = viewer.layers[name].source.path if name in viewer.layers else None
        _copy(as_command(record, path or "IMAGE.tif", f"{name}_labels.tif"), "command line")
        _warn_of_losses(record, whole_file=True)


def copy_as_recipe(viewer: Viewer) -> None:
    """Copy the run that made the active labels as a recipe."""
    from napari_dsc.records.recipes import as_recipe

    record = _active_record(viewer)
    if record:
        _copy(as_recipe(record), "recipe")
        _warn_of_losses(record)


def save_recipe(viewer: Viewer) -> None:
    """Write the run that made the active labels into a recipe file, ``*.dsc.json``."""
    from napari_dsc.records.recipes import as_recipe

    record = _active_record(viewer)
    if not record:
        return
    name = record["layer"]["name"]
    source = viewer.layers[name].source.path if name in viewer.layers else None
    beside = Path(source or ".").parent / f"{name.replace('/', '_')}.dsc.json"
    parent = QApplication.activeWindow()
    path, _ = QFileDialog.getSaveFileName(parent, "Save recipe", str(beside), "*.dsc.json")
    if not path:
        return
    content = as_recipe(record).encode()
    try:
        write_atomically(Path(path), lambda file: file.write(content))
    except DSCError as error:
        notify_error(str(error), "")
    else:
        show_info(f"Saved {path}.")
        _warn_of_losses(record)


def paste_recipe(viewer: Viewer) -> None:
    """Show the recipe on the clipboard in the Segment dock."""
    from napari_dsc.records.recipes import recipe_from_text

    try:
        values = values_of_record(recipe_from_text(clipboard().text()))
    except DSCError as error:
        notify_error(str(error), "")
        return
    open_segment(viewer).show_settings(values)
    show_info("The dock shows the recipe; choose an image and press Run.")


def repeat_run(viewer: Viewer) -> None:
    """Show the parameters of the run of the active labels in the Segment dock."""
    record = _active_record(viewer)
    if not record:
        return
    dock = open_segment(viewer)
    dock.show_record(record)
    images = [layer for layer in viewer.layers.selection if isinstance(layer, Image)]
    if images:
        dock.image_panel.image.choose(images[0])
    show_info("The dock shows the parameters of that run; choose an image and press Run.")
    _warn_of_losses(record)


def open_segment(viewer: Viewer) -> Segment:
    """Segment dock of a viewer; it is opened if needed."""
    for dock in viewer.window.dock_widgets.values():
        if isinstance(dock, Segment):
            return dock
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Segment")
    return dock  # type: ignore[no-any-return]


def _active_labels(viewer: Viewer) -> Labels | None:
    chosen = [layer for layer in viewer.layers.selection if isinstance(layer, Labels)]
    if len(chosen) == 1:
        return chosen[0]
    show_warning("Select one Labels layer.")
    return None


def _active_record(viewer: Viewer) -> dict[str, Any]:
    """Record of the run of the active labels; without one, a warning and an empty dict."""
    layer = _active_labels(viewer)
    record = layer.metadata.get(KEY, {}) if layer is not None else {}
    if layer is not None and not record.keys() & {"iterations", "n_regions"}:
        show_warning(f"{layer.name} has no record of a run; select labels of the Segment dock.")
        return {}
    return dict(record)


def _to_world(layer: Labels) -> np.ndarray:
    """Linear map from the pixels of a layer to the world, (n, n + 1)."""
    origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
    ends = [np.asarray(layer.data_to_world(unit)) for unit in np.eye(layer.ndim)]
    return np.column_stack([*(end - origin for end in ends), origin])


def _axis_names(layer: Labels) -> tuple[str, ...]:
    default = (
        "tzyx"[-layer.ndim :]
        if layer.ndim <= 4
        else [f"axis_{number}" for number in range(layer.ndim)]
    )
    return tuple(
        label if label.isidentifier() else name
        for label, name in zip(layer.axis_labels, default, strict=True)
    )


def _columns(layer: Labels) -> dict[str, np.ndarray]:
    """Features of a layer by name; empty without the column ``index`` of labels."""
    table = {str(name): column.to_numpy() for name, column in layer.features.items()}
    return table if "index" in table else {}


def _python_source(record: dict[str, Any]) -> tuple[str, str]:
    """Expression for the part of the layer that a run read, and its axes unless standard."""
    where = record["layer"]
    name = f"viewer.layers[{json.dumps(where['name'])}]"
    if _is_whole(record):
        return name, ""
    if "channels" in where:
        arrays = f"[viewer.layers[name].data for name in {json.dumps(where['channels'])}]"
        part = ", ".join(map(_as_subscript, where["index"][1:]))
        stacked = f"[one[{part}] for one in {arrays}]"
        return stacked, record["image"]["axes"]
    level = f"[{where['level']}]" if where["level"] else ""
    part = ", ".join(map(_as_subscript, where["index"]))
    return f"{name}.data{level}[{part}]", record["image"]["axes"]


def _is_whole(record: dict[str, Any]) -> bool:
    """Whether a run read a whole gray or RGB image."""
    where = record["layer"]
    spans = [one for one in where["index"] if one != [None, None]]
    whole = [[0, size] for size in record["image"]["shape"]]
    return spans == whole and where["axes"] in ("YX", "YXC") and not where["level"]


def _warn_of_losses(record: dict[str, Any], *, whole_file: bool = False) -> None:
    """Warn of parts of a run that its text cannot contain."""
    lost = []
    if "given_superpixels" in record:
        lost.append("the superpixels of another layer")
    if "given_scribbles" in record:
        lost.append("the scribbles")
    if record.get(CORRECTED):
        lost.append("the corrections")
    if record["layer"]["masked"]:
        lost.append("the shapes that limit the image")
    if whole_file and "channels" in record["layer"]:
        lost.append("the channels of other layers")
    elif whole_file and not _is_whole(record):
        lost.append("the part of the image")
    if lost:
        show_warning(f"The text does not contain {' and '.join(lost)}.")


def _as_subscript(one: int | list[int | None]) -> str:
    if isinstance(one, int):
        return str(one)
    return ":" if one == [None, None] else f"{one[0]}:{one[1]}"


def _copy(text: str, kind: str) -> None:
    clipboard().setText(text)
    show_info(f"Copied the run as {kind}.")
