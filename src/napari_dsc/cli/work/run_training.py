"""Training as a command: images and templates from files, a checkpoint after each epoch."""

import dataclasses
import mimetypes
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from napari_dsc.cli.flags import TrainingFlags
from napari_dsc.cli.report import Report
from napari_dsc.errors import InvalidImageError, WeightsError
from napari_dsc.files import check_output, read_labels
from napari_dsc.files.ome_zarr import is_zarr
from napari_dsc.files.ownership import refuse_overlap
from napari_dsc.hierarchy.construction import make_template
from napari_dsc.images import Image, load_image
from napari_dsc.labels.regions import relabel_in_order
from napari_dsc.machine.allocator import keep_freed_memory
from napari_dsc.machine.device import resolve_device
from napari_dsc.params import ImageParams, TemplateParams, TrainParams
from napari_dsc.superae import training_files
from napari_dsc.superae.train import TrainingState, iter_training, new_training
from napari_dsc.superae.weights import save_weights

# what is written beside the weights
_ENDINGS = (".checkpoint.safetensors", ".csv", ".png")


class Settings(NamedTuple):
    """Parameters of all stages of a training."""

    image: ImageParams
    template: TemplateParams
    train: TrainParams


class _Outputs(NamedTuple):
    weights: Path
    checkpoint: Path
    table: Path
    picture: Path


def run_training(
    named: Sequence[Path], output: Path, run: TrainingFlags, settings: Settings, report: Report
) -> None:
    """Train, and write weights, checkpoint and loss curve.

    Parameters
    ----------
    named : sequence of Path
        Images, or one folder of them.
    output : Path
        Weights to write.
    run : TrainingFlags
        The other flags of the command, with the folder of templates.
    settings : Settings
        Parameters.
    report : Report
        Where progress is told.

    Raises
    ------
    DSCError
        Before the first epoch, if images, templates, device or outputs cannot be used.
    """
    device = resolve_device(run.device)
    paths = _image_files(named)
    label_paths = _template_files(paths, run.templates)
    outputs = _check_outputs(output, [*paths, *label_paths], run)
    keep_freed_memory()
    images = _read_images(paths, run.axes, settings, report)
    if run.templates is None:
        templates = _make_templates(images, settings.template, report)
    else:
        templates = _read_templates(label_paths, images)
    if run.resume:
        state = training_files.load_checkpoint(
            outputs.checkpoint, len(images[0]), settings.train, device
        )
    else:
        state = new_training(len(images[0]), settings.train, device)
    report.begin(f"training on {device}, epochs", settings.train.n_epochs, len(state.history))
    try:
        for _ in iter_training(images, templates, settings.train, state):
            training_files.save_checkpoint(state, outputs.checkpoint)
            training_files.write_curve_csv(state.history, outputs.table)
            training_files.write_curve_png(state.history, outputs.picture)
            report.advance()
    except KeyboardInterrupt:
        if state.history:
            report.note(
                f"stopped after epoch {len(state.history)}; --resume goes on from there"
            )
        raise
    card = _card(state, named, len(images), run, settings)
    save_weights(state.model, outputs.weights, card)
    last = state.history[-1]
    report.note(
        f"{last.number} epochs, fidelity {last.fidelity:.5f}, smoothness "
        f"{last.smoothness:.5f} -> {outputs.weights}"
    )


def _image_files(named: Sequence[Path]) -> list[Path]:
    """Files the user named, or those in the folder they named."""
    if len(named) > 1 or not named[0].is_dir() or is_zarr(named[0]):
        return list(named)
    paths = _images_in(named[0])
    if not paths:
        raise InvalidImageError(f"{named[0]}: expected a folder of images, found none in it")
    return paths


def _images_in(folder: Path) -> list[Path]:
    def is_image(path: Path) -> bool:
        kind = mimetypes.guess_type(path.name)[0] or ""
        return kind.startswith("image/") or path.suffix.lower() in (".npy", ".zarr")

    return sorted(one for one in folder.iterdir() if one.name[0] != "." and is_image(one))


def _template_files(images: Sequence[Path], folder: Path | None) -> list[Path]:
    """Template of each image, by the stem of its name."""
    if folder is None:
        return []
    if not folder.is_dir():
        raise InvalidImageError(f"templates={str(folder)!r}: expected a folder")
    by_stem = {path.stem: path for path in _images_in(folder)}
    missing = [path.stem for path in images if path.stem not in by_stem]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise InvalidImageError(
            f"templates={str(folder)!r}: expected a label image for each image, found none "
            f"for {', '.join(missing[:5])}{more}"
        )
    return [by_stem[path.stem] for path in images]


def _check_outputs(output: Path, inputs: Sequence[Path], flags: TrainingFlags) -> _Outputs:
    """Files to write, if they may be written."""
    outputs = _Outputs(output, *map(output.with_suffix, _ENDINGS))
    refuse_overlap(inputs, outputs)
    for path in outputs:
        suffix = ".safetensors" if path == output else path.suffix
        check_output(path, overwrite=flags.overwrite or flags.resume, suffixes=(suffix,))
    if flags.resume and not outputs.checkpoint.is_file():
        raise WeightsError(
            f"{outputs.checkpoint}: missing, expected a checkpoint to resume from"
        )
    return outputs


def _read_images(
    paths: Sequence[Path], axes: str, settings: Settings, report: Report
) -> list[np.ndarray]:
    report.begin("reading images", len(paths))
    images: list[np.ndarray] = []
    for path in paths:
        image = load_image(path, axes, settings.image)
        _check_dimensions(path, image.axes, settings.train.ndim)
        images.append(_compact(image))
        if len(images[-1]) != len(images[0]):
            raise InvalidImageError(
                f"{path}: {len(images[-1])} channels, expected {len(images[0])} as {paths[0]}"
            )
        report.advance()
    return images


def _check_dimensions(path: Path, axes: str, ndim: int) -> None:
    """Refuse stacks where planes are trained on, and planes where stacks are."""
    if ("Z" in axes) == (ndim == 3):
        return
    expected = (
        "a stack with Z, Y and X of more than one pixel each, because ndim is 3"
        if ndim == 3
        else "YX or YXC; stacks train a network of three dimensions (--ndim 3)"
    )
    raise InvalidImageError(f"{path}: axes {axes}, expected {expected}")


def _compact(image: Image) -> np.ndarray:
    """Pixels (C, *S), as uint8 where that loses nothing; a quarter of the memory."""
    if image.dtype == np.uint8 and image.normalization.mode == "range":
        return np.asarray(np.rint(image.pixels * 255).astype(np.uint8))
    return image.pixels


def _make_templates(
    images: Sequence[np.ndarray], params: TemplateParams, report: Report
) -> list[np.ndarray]:
    report.begin("making templates", len(images))
    templates = []
    for image in images:
        pixels = image / np.float32(255) if image.dtype == np.uint8 else image
        templates.append(make_template(pixels, params))
        report.advance()
    return templates


def _read_templates(paths: Sequence[Path], images: Sequence[np.ndarray]) -> list[np.ndarray]:
    templates = []
    for path, image in zip(paths, images, strict=True):
        labels = read_labels(path, image.ndim - 1)
        if labels.shape != image.shape[1:]:
            raise InvalidImageError(
                f"{path}: shape {labels.shape}, expected {image.shape[1:]} as its image"
            )
        templates.append(relabel_in_order(labels))
    return templates


def _card(
    state: TrainingState,
    named: Sequence[Path],
    n_images: int,
    run: TrainingFlags,
    settings: Settings,
) -> dict[str, object]:
    """Card of the weights; it holds only the last part of each path."""
    names = [path.name for path in named]
    images = names if len(names) <= 3 else [*names[:3], "..."]
    made, templates = settings.template, run.templates
    if templates is None:
        origin = f"made by {made.template_method}, {made.n_template_regions} regions"
    else:
        origin = f"from {templates.name}"
    flags = ["--output", "W.safetensors"]
    flags += [] if templates is None else ["--templates", templates.name]
    flags += ["--axes", run.axes] if run.axes else []
    for params in settings:
        for field in dataclasses.fields(params):
            value = getattr(params, field.name)
            if value != field.default:
                flags += [f"--{field.name.replace('_', '-')}", str(value)]
    return training_files.model_card(
        state,
        settings.train,
        training_data=f"{', '.join(images)}; templates {origin}",
        license=run.license,
        n_images=n_images,
        command=shlex.join(["napari-dsc", "train", *images, *flags]),
    )
