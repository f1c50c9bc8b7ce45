"""Classes that several images share: frames of a time series, files."""

import dataclasses
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any

import numpy as np

from napari_dsc.classes.class_tree import without_empty_nodes
from napari_dsc.classes.growth import Grown, Learned, assign_classes, learn_classes
from napari_dsc.classes.leaves import REGION_ALTITUDE, Leaves
from napari_dsc.classes.material import Divided, Material
from napari_dsc.errors import ComputationError, DSCError, InvalidImageError
from napari_dsc.hierarchy.ground import Ground, divide
from napari_dsc.hierarchy.samples import fit_words, histograms_of
from napari_dsc.images import Image, to_label_image
from napari_dsc.labels.numbering import labels_of
from napari_dsc.labels.regions import numbered_on
from napari_dsc.machine.progress import Progress, exhausted
from napari_dsc.machine.side_process import run_in_side_process
from napari_dsc.records.record import Record
from napari_dsc.segmenting.classing.one import chosen_number, notes_on_number
from napari_dsc.segmenting.joint import TOO_LARGE, Files
from napari_dsc.segmenting.pieces import OneImage, iter_each
from napari_dsc.segmenting.results import Segmentation
from napari_dsc.segmenting.series import series_image_record
from napari_dsc.segmenting.stages import Seen, Stages

N_LEARNED = 8  # images that are learned from; each takes the time of its merge tree
WORDED = (1, 3)  # numbers of channels whose color means the same in all images

Load = Callable[[], Seen]


def iter_learning(images: Sequence[Load], stages: Stages) -> Generator[Progress, None, Learned]:
    """Learn classes from at most eight of many images, evenly spread over their order.

    Parameters
    ----------
    images : sequence of callable
        Each gives an image, prepared now.
    stages : Stages
        Stages of the method.

    Yields
    ------
    progress : Progress
        Before each image.

    Returns
    -------
    learned : Learned
        For all images.

    Raises
    ------
    DSCError
        If none of them can be used.
    """
    n_learned = min(N_LEARNED, len(images))
    places = np.linspace(0, len(images) - 1, n_learned).round().astype(int)
    grounds: list[Ground] = []
    materials: list[Material] = []
    failure: DSCError | None = None
    for number, place in enumerate(places):
        yield Progress("learning", number, n_learned + 1)
        try:
            image = images[place]()
        except DSCError as error:  # it is told when the labels of this image are made
            failure = error
            continue
        if image.valid is not None and not image.valid.any():
            continue
        ground = stages.ground(image)
        [pooled] = stages.pooled(image, ground.tree.superpixels)
        grounds.append(ground)
        about = (ground.tree, ground.descriptors, pooled)
        materials.append(Material(*about, spacing=image.volume_spacing))
    if not materials:
        raise failure or InvalidImageError(
            f"images: {n_learned} that were to be learned from have no value, expected some"
        )
    yield Progress("learning", n_learned, n_learned + 1)
    has_words = materials[0].pooled.colors.shape[1] in WORDED
    settings = stages.settings
    words = fit_words([one.samples for one in grounds], settings.tree_params.tree_seed)
    for number, ground in enumerate(grounds):
        histograms = histograms_of(ground.samples, words)
        alike = ground.descriptors._replace(histograms=histograms)
        materials[number] = materials[number]._replace(descriptors=alike)
    with stages.clock.stage("classes"):
        learn = partial(learn_classes, has_words=has_words)
        return run_in_side_process(learn, Leaves(materials), settings.class_params)


def assigned(image: Seen, learned: Learned, stages: Stages) -> Grown:
    """Classes of an image that others share."""
    params = stages.settings.tree_params
    regions = None
    if learned.grain == "regions":
        ground = stages.ground(image)
        superpixels, fine = ground.tree.superpixels, ground.fine
        regions = ground.tree.regions_of_superpixels(threshold=REGION_ALTITUDE)
    else:
        with stages.clock.stage("superpixels"):
            superpixels, fine = run_in_side_process(divide, image.pixels, params, image.valid)
    pooled, fine_pooled = stages.pooled(image, superpixels, fine)
    spacing = image.volume_spacing
    divided = Divided(superpixels, pooled, fine, fine_pooled, image.valid, spacing, regions)
    with stages.clock.stage("classes"):
        return run_in_side_process(assign_classes, divided, learned)


class SharedClasses:
    """Classes of the frames of a series, made one after the other.

    Parameters
    ----------
    pieces : OneImage or Frames
        One image or more.
    stages : Stages
        Their clock and notes become those of the run.
    learned : Learned
        The classes.
    """

    def __init__(self, pieces: OneImage, stages: Stages, learned: Learned) -> None:
        stages.check(pieces.piece(0))
        self.pieces, self.stages, self.learned = pieces, stages, learned

    def iter_result(self, *, is_common: bool) -> Generator[Progress, None, Segmentation]:
        """Classify all frames.

        Parameters
        ----------
        is_common : bool
            Whether other files have the classes too, so that some may have no pixel here.

        Yields
        ------
        progress : Progress
            After each frame.

        Returns
        -------
        segmentation : Segmentation
            Of all frames, in axes of the original.
        """
        pieces, stages = self.pieces, self.stages
        grown = yield from iter_each("labels", len(pieces), self._grown)
        each = [_smallest(one.superpixels) for one in grown]
        trees = [one.tree for one in grown]
        tree = dataclasses.replace(
            trees[0],
            nodes=np.concatenate([one.nodes for one in trees]),
            sizes=np.concatenate([one.sizes for one in trees]),
            branches=np.concatenate([one.branches for one in trees]),
        )
        if not is_common:
            tree = without_empty_nodes(tree)
        asked = stages.settings.class_params.classes
        n_classes = chosen_number(tree, asked)
        stages.notes.extend(notes_on_number(tree.n_outstanding, asked, n_classes))
        superpixels = to_label_image(pieces.place(numbered_on(each)))
        found = tree.classes(n_classes)
        record = stages.record(pieces.piece(0))
        record["image"] |= series_image_record(pieces)  # type: ignore[operator]
        counts = {"n_superpixels": len(found), "n_classes": len(np.unique(found))}
        made = Segmentation(
            labels=labels_of(found, superpixels),
            superpixels=superpixels,
            classes_of_superpixels=found,
            probabilities=tree.probabilities(n_classes),
            record=record
            | {"n_images": len(pieces), "n_outstanding": tree.n_outstanding, **counts}
            | {"numbering": "common" if is_common else "consecutive"},
            smooth=partial(_restored, pieces),
            geometry=pieces.geometry,
            class_tree=tree,
        )
        return made.within(pieces.valid())

    def _grown(self, number: int) -> Grown:
        return assigned(self.pieces.piece(number), self.learned, self.stages)


def classes_series(pieces: OneImage, stages: Stages) -> Generator[Progress, None, Segmentation]:
    """Segment the frames of a time series into common classes.

    Parameters
    ----------
    pieces : Frames
        The images.
    stages : Stages
        Stages of the method.

    Yields
    ------
    progress : Progress
        Before each image that is learned from, then after each image.

    Returns
    -------
    segmentation : Segmentation
        A class means the same in all frames.
    """
    stages.check(pieces.piece(0))
    images = [partial(pieces.piece, number) for number in range(len(pieces))]
    learned = yield from iter_learning(images, stages)
    return (yield from SharedClasses(pieces, stages, learned).iter_result(is_common=False))


def iter_learning_files(files: Files, stages: Stages) -> Generator[Progress, None, Learned]:
    """Learn classes from files after their survey."""
    images = [
        partial(_frame, files, member.place, frame)
        for member in files.members
        for frame in range(member.n_frames)
    ]
    return (yield from iter_learning(images, stages))


def classes_files(files: Files, stages: Stages) -> Generator[Progress, None, Record]:
    """Segment many images into common classes.

    Parameters
    ----------
    files : Files
        The images; those that fail are among its `failures`.
    stages : Stages
        Stages of the method.

    Yields
    ------
    progress : Progress
        In the stage ``reading`` after each image; in ``learning`` before each that is learned
        from; in ``labels`` after each image, in their order, with its `Segmentation`. An image
        that fails comes with its error.

    Returns
    -------
    record : dict
        Which images share the classes.

    Raises
    ------
    DSCError
        If the images have different numbers of channels, or none can be used.
    """
    yield from files.iter_survey()
    learned = yield from iter_learning_files(files, stages)
    yield Progress("labels", 0, len(files))
    for place in range(len(files)):
        if place not in files.failures:
            yield Progress(
                "labels", place + 1, len(files), _of_file(files, place, stages, learned)
            )
    return files.record()


def _of_file(files: Files, place: int, stages: Stages, learned: Learned) -> Any:
    """Segmentation of one file, or the error that it failed with."""
    try:
        run = SharedClasses(files.piece(place), stages.fresh(), learned)
        found = exhausted(run.iter_result(is_common=True))
    except DSCError as error:
        files.failures[place] = error
        return error
    except MemoryError:
        files.failures[place] = ComputationError(TOO_LARGE)
        return files.failures[place]
    found.record["joint"] = files.record()
    return found


def _frame(files: Files, place: int, frame: int) -> Image:
    return files.piece(place).piece(frame)


def _smallest(superpixels: np.ndarray) -> np.ndarray:
    return superpixels.astype(np.min_scalar_type(int(superpixels.max())))


def _restored(pieces: OneImage) -> np.ndarray:
    images = [pieces.piece(number) for number in range(len(pieces))]
    return pieces.series.join([image.restore(image.pixels) for image in images])
