"""Actions on the active layer, in the Layers menu and the command palette."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from napari.utils.notifications import show_info, show_warning
from napari.viewer import Viewer
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_dsc.files import write_atomically
from napari_dsc.jobs.analysis import measure_job, split_job
from napari_dsc.layers import geometry_of, level_array
from napari_dsc.widgets.controls import forms, parameters
from napari_dsc.widgets.docks.segment import Segment
from napari_dsc.widgets.tasks import errors_shown, in_background
from napari_dsc.widgets.viewer import channels, output

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
    name, metadata = f"{layer.name} [regions]", dict(layer.metadata)
    options = geometry_of(layer).options() | {"name": name, "metadata": metadata}

    def show(value: Any) -> None:
        regions, features = value
        output.add_quietly(viewer, Labels(regions, features=features, **options))

    in_background(split_job, (level_array(layer), output.columns_of(layer)), show)


def measure_segments(viewer: Viewer) -> None:
    """Write area, centroid and mean intensities into the features of the active labels."""
    layer = _active_labels(viewer)
    if layer is None:
        return
    labels = level_array(layer)
    part = channels.measured_image(viewer, layer)
    physical = (_to_world(layer), _axis_names(layer))

    def show(features: Any) -> None:
        if layer in viewer.layers:
            layer.features = features
            of_image = f", intensities of {part.name}" if part else ""
            show_info(f"Measured {len(features['index'])} segments{of_image}.")

    in_background(measure_job, (labels, part, physical, output.columns_of(layer)), show)


def copy_as_python(viewer: Viewer) -> None:
    """Copy the run that made the active labels as Python code."""
    from napari_dsc.records.snippets import as_python

    _copy_run(viewer, "Python code", lambda record: as_python(record, *_python_source(record)))


def copy_as_command(viewer: Viewer) -> None:
    """Copy the run that made the active labels as a command line."""
    from napari_dsc.records.snippets import as_command

    def text(record: dict[str, Any]) -> str:
        path, name = _path(viewer, record), record["layer"]["name"]
        return as_command(record, path or "IMAGE.tif", f"{name}_labels.tif")

    _copy_run(viewer, "command line", text)


def copy_as_recipe(viewer: Viewer) -> None:
    """Copy the run that made the active labels as a recipe."""
    from napari_dsc.records.recipes import as_recipe

    _copy_run(viewer, "recipe", as_recipe)


def save_recipe(viewer: Viewer) -> None:
    """Write the run that made the active labels into a recipe file, ``*.dsc.json``."""
    from napari_dsc.records.recipes import as_recipe

    record = _active_record(viewer)
    if not record:
        return
    file_name = f"{record['layer']['name'].replace('/', '_')}.dsc.json"
    beside = Path(_path(viewer, record) or ".").parent / file_name
    parent = QApplication.activeWindow()
    path, _ = QFileDialog.getSaveFileName(parent, "Save recipe", str(beside), "*.dsc.json")
    if not path:
        return
    content = as_recipe(record).encode()
    with errors_shown():
        write_atomically(Path(path), lambda file: file.write(content))
        show_info(f"Saved {path}.")
        _warn_of_losses(record, "recipe")


def paste_recipe(viewer: Viewer) -> None:
    """Show the recipe on the clipboard in the Segment dock."""
    from napari_dsc.records.recipes import recipe_from_text

    with errors_shown():
        values = parameters.values_of_record(recipe_from_text(forms.clipboard().text()))
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
    _warn_of_losses(record, "dock")


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
    record = layer.metadata.get(output.KEY, {}) if layer is not None else {}
    if layer is not None and not record.keys() & {"n_classes", "n_regions"}:
        show_warning(f"{layer.name} has no record of a run; select labels of the Segment dock.")
        return {}
    return dict(record)


def _to_world(layer: Labels) -> np.ndarray:
    """Linear map from the pixels of a layer to the world, (n, n + 1)."""
    origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
    ends = [np.asarray(layer.data_to_world(unit)) for unit in np.eye(layer.ndim)]
    return np.column_stack([*(end - origin for end in ends), origin])


def _axis_names(layer: Labels) -> tuple[str, ...]:
    is_few = layer.ndim <= 4
    default = "tzyx"[-layer.ndim :] if is_few else [f"axis_{n}" for n in range(layer.ndim)]
    return tuple(
        label if label.isidentifier() else name
        for label, name in zip(layer.axis_labels, default, strict=True)
    )


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
    return _has_all(record) and record["layer"]["axes"] in ("YX", "YXC")


def _has_all(record: dict[str, Any]) -> bool:
    """Whether a run read all pixels of its layer."""
    where = record["layer"]
    spans = [one for one in where["index"] if one != [None, None]]
    whole = [[0, size] for size in record["image"]["shape"]]
    return spans == whole[-len(spans) :] and not where["level"]


def _warn_of_losses(record: dict[str, Any], kind: str) -> None:
    """Warn of parts of a run that a text of some kind cannot contain."""
    where, image, whole_file = record["layer"], record["image"], kind == "command line"
    losses = {
        "the superpixels of another layer": "given_superpixels" in record,
        "the scribbles": "given_scribbles" in record,
        "the corrections": record.get(output.CORRECTED),
        "the shapes that limit the image": where["masked"],
        "the channels of other layers": whole_file and "channels" in where,
        "the pixel size": kind == "recipe" and "Z" in image["axes"] and image["spacing"],
        "the part of the image": whole_file
        and "channels" not in where
        and not _has_all(record),
    }
    lost = [words for words, is_lost in losses.items() if is_lost]
    if lost:
        show_warning(f"The text does not contain {' and '.join(lost)}.")


def _as_subscript(one: int | list[int | None]) -> str:
    if isinstance(one, int):
        return str(one)
    return ":" if one == [None, None] else f"{one[0]}:{one[1]}"


def _path(viewer: Viewer, record: dict[str, Any]) -> str | None:
    """Path of the file of the image of a run, if the image is open and has one."""
    name = record["layer"]["name"]
    path: str | None = viewer.layers[name].source.path if name in viewer.layers else None
    return path


def _copy_run(viewer: Viewer, kind: str, as_text: Callable[[dict[str, Any]], str]) -> None:
    """Copy the run that made the active labels as a text of some kind."""
    record = _active_record(viewer)
    if record:
        forms.clipboard().setText(as_text(record))
        show_info(f"Copied the run as {kind}.")
        _warn_of_losses(record, kind)
