"""What must not change the classes: the size of pixels, the numbers of superpixels."""

import dataclasses

import numpy as np
import pytest

from napari_dsc import ClassParams, Settings
from napari_dsc.classes.growth import assign_classes, grow_classes, learn_classes
from napari_dsc.classes.leaves import Leaves
from napari_dsc.classes.material import Divided
from napari_dsc.evaluation.contingency import contingency_table
from napari_dsc.evaluation.metrics import adjusted_rand_index
from napari_dsc.files import read_image
from napari_dsc.sample_data import sample_path
from napari_dsc.segmenting.classing.one import material_of
from napari_dsc.segmenting.pieces import one_image
from napari_dsc.segmenting.run import Run
from napari_dsc.segmenting.stages import Stages

GRAINS = ("fine", "texture", "regions")
NUMBERS = (2, 3, 5, 9)
every_grain = pytest.mark.parametrize("grain", GRAINS)


@pytest.fixture(scope="module")
def material():
    pixels = read_image(sample_path()).pixels[60:132, 80:176]
    settings = Settings(method="classes", device="cpu")
    run = Run.on(one_image(pixels, settings), Stages(settings))
    return material_of(run, run.stages.ground(run.image))


def partitions(grown):
    return [grown.tree.classes(n)[grown.superpixels] for n in NUMBERS]


def same(one, other):
    """Whether two label images are one partition, whatever their numbers."""
    return adjusted_rand_index(contingency_table(one, other)) == 1


def permuted(material, order):
    """The same image with other numbers: superpixel ``i`` becomes ``order[i]``."""
    tree, found = material.tree, material.descriptors
    n, back = tree.n_superpixels, np.argsort(order)
    parents = tree.parents.copy()
    parents[order] = tree.parents[:n]
    tree = dataclasses.replace(tree, superpixels=order[tree.superpixels], parents=parents)
    found = found._replace(
        sizes=found.sizes[back],
        moments=found.moments[back],
        histograms=found.histograms[back],
        pairs=np.sort(order[found.pairs], axis=0),
    )
    pooled = type(material.pooled)(*(one[back] for one in material.pooled))
    return material._replace(tree=tree, descriptors=found, pooled=pooled)


@every_grain
def test_the_numbers_of_superpixels_do_not_matter(material, grain):
    params = ClassParams(grain=grain)
    order = np.random.default_rng(0).permutation(material.tree.n_superpixels)
    for one, other in zip(
        partitions(grow_classes(material, params)),
        partitions(grow_classes(permuted(material, order), params)),
        strict=True,
    ):
        assert same(one, other)


@every_grain
def test_pixels_of_half_the_size_give_the_same_classes(material, grain):
    def doubled(superpixels):
        return superpixels.repeat(2, 0).repeat(2, 1)

    found = material.descriptors
    fine = material._replace(
        tree=dataclasses.replace(material.tree, superpixels=doubled(material.tree.superpixels)),
        descriptors=found._replace(sizes=4 * found.sizes, lengths=2 * found.lengths),
        fine=doubled(material.fine),
    )
    params = ClassParams(grain=grain)
    for one, other in zip(
        partitions(grow_classes(material, params)),
        partitions(grow_classes(fine, params)),
        strict=True,
    ):
        assert same(doubled(one), other)


@every_grain
def test_an_image_gets_nearly_its_own_classes_from_what_was_learned_of_it(material, grain):
    params = ClassParams(grain=grain)
    own = grow_classes(material, params)
    regions = material.tree.regions_of_superpixels(threshold=1.7)
    divided = Divided(
        material.tree.superpixels,
        material.pooled,
        material.fine,
        material.fine_pooled,
        regions=regions,
    )
    given = assign_classes(divided, learn_classes(Leaves([material]), params))
    for n in (2, 3):
        both = (grown.tree.classes(n)[grown.superpixels] for grown in (own, given))
        assert adjusted_rand_index(contingency_table(*both)) > 0.8
