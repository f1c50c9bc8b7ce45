"""The segmenter of classes: a class tree of an image, shown at one number of classes."""

import dataclasses
from collections.abc import Generator
from functools import partial

from napari_dsc.classes.class_tree import ClassTree
from napari_dsc.classes.growth import grow_classes
from napari_dsc.classes.material import Material
from napari_dsc.hierarchy.ground import Ground
from napari_dsc.images import to_label_image
from napari_dsc.labels.numbering import labels_of
from napari_dsc.machine.progress import Progress
from napari_dsc.machine.side_process import run_in_side_process
from napari_dsc.params import ClassParams
from napari_dsc.params.checks import limits
from napari_dsc.segmenting.pieces import OneImage
from napari_dsc.segmenting.results import Segmentation
from napari_dsc.segmenting.run import Run
from napari_dsc.segmenting.stages import Stages

MOST_CLASSES = int(limits(ClassParams, "classes")[1])


def classes_image(pieces: OneImage, stages: Stages) -> Generator[Progress, None, Segmentation]:
    """Segment one image by its class tree.

    Parameters
    ----------
    pieces : OneImage
        The image.
    stages : Stages
        Stages of the method.

    Yields
    ------
    progress : Progress
        Before each stage.

    Returns
    -------
    segmentation : Segmentation
        With its class tree and its merge tree.
    """
    run, params = Run.on(pieces, stages), stages.settings.class_params
    image = run.image
    yield Progress("tree", 0, 1)
    ground = stages.ground(image)
    yield Progress("features", 0, 1)
    material = material_of(run, ground)
    yield Progress("classes", 0, 1)
    with stages.clock.stage("classes"):
        grown = run_in_side_process(grow_classes, material, params)
    tree = grown.tree
    n_classes = chosen_number(tree, params.classes)
    stages.notes.extend(notes_on_number(tree.n_outstanding, params.classes, n_classes))
    found = tree.classes(n_classes)
    superpixels = image.restore_labels(to_label_image(grown.superpixels))
    counts = {"n_superpixels": len(found), "n_classes": n_classes}
    made = Segmentation(
        labels=labels_of(found, superpixels),
        superpixels=superpixels,
        classes_of_superpixels=found,
        probabilities=tree.probabilities(n_classes),
        record=run.record()
        | {"numbering": "scribbles" if tree.fixed else "consecutive"}
        | {"n_outstanding": tree.n_outstanding, **counts},
        smooth=partial(image.restore, image.pixels),
        geometry=run.geometry,
        tree=dataclasses.replace(
            ground.tree, superpixels=image.restore_labels(ground.tree.superpixels)
        ),
        class_tree=tree,
    )
    return made.within(image.label_valid)


def material_of(run: Run, ground: Ground) -> Material:
    """What the class tree grows from, with superpixels and scribbles of the user."""
    image, stages, tree = run.image, run.stages, ground.tree
    is_given = "superpixels" in vars(run)
    fine = run.superpixels if is_given else ground.fine
    pooled, fine_pooled = stages.pooled(image, tree.superpixels, fine)
    wanted = (
        run.wanted_classes(one, MOST_CLASSES, "classes") for one in (tree.superpixels, fine)
    )
    return Material(
        tree,
        ground.descriptors,
        pooled,
        image.volume_spacing,
        fine,
        fine_pooled,
        image.valid,
        is_given,
        *wanted,
    )


def chosen_number(tree: ClassTree, asked: int) -> int:
    """Number of classes that is shown, where `asked` is that of the settings."""
    return min(max(asked or tree.n_default, tree.least), tree.most)


def notes_on_number(n_outstanding: int, asked: int, n_classes: int) -> list[str]:
    """What a user should know about the number of classes."""
    if asked and n_classes < asked:
        return [f"classes={asked}: the image has no more than {n_classes} classes"]
    if asked and n_classes > asked:
        return [f"classes={asked}: the scribbles ask for class {n_classes}"]
    if asked or n_outstanding > 1:
        return []
    if n_classes == 1:
        return ["the image has nothing that could be told apart: one class"]
    return [
        f"no number of classes stands out; {n_classes} are shown, the number that explains most"
    ]
