"""What users get: one function for each stored label image, by the public API alone.

Images are the packaged samples or made of them. Each case is cut out and set so that it takes
about a second at most, and so that rounding does not decide on its segments: see ``README.md``.
"""

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import tifffile

import napari_dsc as dsc
from napari_dsc import sample_data

CASES: dict[str, Callable[[], np.ndarray]] = {}
STACK = {"axes": "ZYX", "spacing": (4.0, 1.0, 1.0)}
METHODS = ("ucm", "slic", "egb", "mean_shift", "watershed")


def case(make):
    """Enter a function that makes a label image of any shape among the cases."""
    CASES[make.__name__] = make
    return make


def sample(name, rows=slice(None), columns=slice(None)):
    return iio.imread(sample_data.sample_path(name))[rows, columns]


def tissue():
    """Stained cells, (128, 128, 3) uint8."""
    return sample("tissue", slice(124, 252), slice(8, 136))


def nuclei():
    """Fluorescent nuclei, (128, 128) uint8."""
    return sample("nuclei", slice(108, 236), slice(116, 244))


def neuropil():
    """Membranes, (144, 144) uint8."""
    return sample("neuropil", slice(8, 152), slice(28, 172))


def stack():
    """Planes that slide over the neuropil as sections of a block do, (6, 64, 80) uint8."""
    whole = sample("neuropil")
    starts = [(60 + 4 * z, 60 + 3 * z) for z in range(6)]
    return np.stack([whole[y : y + 64, x : x + 80] for y, x in starts])


def film():
    """Nuclei that move and bleach, (3, 80, 96) uint16."""
    whole = sample("nuclei").astype(np.uint16)
    starts = [(120 + 8 * t, 120 + 16 * t) for t in range(3)]
    return np.stack(
        [whole[y : y + 80, x : x + 96] * (40 - 9 * t) for t, (y, x) in enumerate(starts)]
    )


def two_channels():
    """Two stains that know nothing of each other, (2, 128, 128) uint8."""
    return np.stack([nuclei(), neuropil()[:128, :128]])


def five_channels():
    """Mixtures of the colors of the tissue, (5, 128, 128) float32."""
    red, green, blue = np.moveaxis(tissue().astype(np.float32), -1, 0)
    return np.stack([red, (red + green) / 2, 3 * green, 255 - blue, abs(red - blue)])


def faint():
    """Structure 10 000 000 times darker than some bright pixels, (4, 96, 96) float32."""
    image = np.stack([sample("neuropil")[:96, :96] / np.float32(255) * np.float32(1e-7)] * 4)
    image[:, :4, :4] = np.random.default_rng(0).uniform(0.5, 1, (4, 4, 4))
    return image


def color_stack():
    """Planes that slide over the tissue, (3, 64, 80, 3) uint8."""
    whole = sample("tissue")
    return np.stack([whole[y : y + 64, 40:120] for y in (40, 48, 56)])


def two_ranges():
    """Two images of one camera, the second twice as bright; (80, 96, 3) uint16."""
    first, second = (sample("tissue", slice(y, y + 80), slice(8, 104)) for y in (40, 124))
    return [first.astype(np.uint16) * 20, second.astype(np.uint16) * 40]


def cut_at_zero():
    """Nuclei without their ground, most pixels 0 and one hot, (2, 96, 96) uint16."""
    images = np.stack([nuclei()[:96, x : x + 96] for x in (0, 32)]).astype(np.uint16)
    images = np.maximum(images, 15) - 15
    images[:, 0, 7] = 200
    return images


def superpixels(n_superpixels, method="ucm", source="original"):
    return dsc.SuperpixelParams(superpixels=method, n_superpixels=n_superpixels, source=source)


def cut(**values):
    return {"cut_params": dsc.CutParams(**values)}


def paper(n_iterations):
    """The preset of the paper, ended early: it trains for 128 steps."""
    settings = dsc.Settings.preset("paper")
    short = dataclasses.replace(settings.cut_params, n_iterations=n_iterations)
    return {"superpixel_params": settings.superpixel_params, "cut_params": short}


def segment(image, **options):
    return dsc.segment(image, device="cpu", **options).labels


def over_segment(image, params, **options):
    return dsc.over_segment(image, device="cpu", superpixel_params=params, **options)


def joint(images, **options):
    """Labels of images of one shape, below each other: class k is the same in all."""
    return np.stack([one.labels for one in dsc.iter_joint(images, device="cpu", **options)])


def large(image, **options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.tif"
        dsc.segment_large(image, path, device="cpu", **options)
        return tifffile.imread(path)


@case
def default_tissue():
    return segment(tissue())


@case
def default_nuclei():
    return segment(nuclei())


@case
def default_neuropil():
    return segment(neuropil())


@case
def regions_of_tissue():
    return segment(tissue(), **cut(n_iterations=16, result="regions"))


@case
def tree_of_tissue():
    return segment(tissue(), method="tree")


@case
def tree_of_nuclei():
    return segment(nuclei(), method="tree")


@case
def tree_of_neuropil():
    return segment(neuropil(), method="tree")


@case
def tree_of_photo():
    """Large enough to be described on a grid, and for the limit of the spectral step."""
    image = sample_data.photo()[0][0][:, 20:580]
    return segment(image, method="tree", tree_params=dsc.TreeParams(regions=8))


@case
def levels_of_tissue():
    tree = dsc.merge_tree(tissue())
    return [tree.cut(threshold=level) for level in (0.5, 0.8, 1.2)]


@case
def levels_of_neuropil():
    tree = dsc.merge_tree(neuropil())
    return [tree.cut(threshold=level) for level in (0.5, 0.8, 1.2)]


@case
def paper_of_tissue():
    return segment(tissue()[:96, :96], **paper(8))


@case
def paper_of_nuclei():
    return segment(nuclei()[:96, :96], **paper(8))


@case
def paper_of_neuropil():
    return segment(neuropil()[:96, :96], **paper(8))


@case
def superpixels_by_number():
    return [over_segment(tissue(), superpixels(n)) for n in (25, 100, 400)]


@case
def superpixels_by_number_in_gray():
    return [over_segment(nuclei(), superpixels(n)) for n in (25, 100, 400)]


@case
def superpixels_finer_than_the_tree():
    """More than the tree has leaves: of all boundaries, and of the local ones alone."""
    image = sample("tissue", slice(0, 256), slice(0, 256))
    return [over_segment(image, superpixels(n)) for n in (760, 2000)]


@case
def superpixels_by_method():
    return [over_segment(tissue(), superpixels(80, name)) for name in METHODS[1:]]


@case
def superpixels_by_method_in_gray():
    return [over_segment(nuclei(), superpixels(200, name)) for name in METHODS[1:]]


@case
def superpixels_of_the_smoothed():
    images = (tissue()[..., 0], two_channels(), five_channels()[:3])
    params = superpixels(80, "slic", "smoothed")
    return [over_segment(image, params, axes="CYX"[-image.ndim :]) for image in images]


@case
def superpixels_of_faint_structure():
    """The first principal component is dark where all channels are, and float32 fine there."""
    return over_segment(faint(), superpixels(760), axes="CYX")


@case
def superpixels_of_stack():
    return [over_segment(stack(), superpixels(60, name), **STACK) for name in METHODS]


@case
def superpixels_of_film():
    return over_segment(film(), superpixels(50), axes="TYX")


@case
def stack_of_planes():
    return segment(stack(), **STACK, superpixel_params=superpixels(60, "slic"))


@case
def stack_by_a_strong_cut():
    """So strong that the distances between superpixels decide."""
    values = cut(n_iterations=24, cut_weight=80, radius_factor=1.5)
    return segment(stack(), **STACK, superpixel_params=superpixels(100, "slic"), **values)


@case
def stack_by_default():
    return segment(stack(), **STACK, **cut(n_iterations=24))


@case
def stack_by_tree():
    return segment(stack(), **STACK, method="tree")


@case
def stack_apart():
    options = {"axes": "ZYXC", "spacing": STACK["spacing"]}
    return segment(color_stack(), **options, **cut(n_iterations=16, series="apart"))


@case
def film_together():
    return segment(film(), axes="TYX")


@case
def film_apart():
    return segment(film(), axes="TYX", **cut(n_iterations=16, series="apart"))


@case
def film_in_regions():
    return segment(film(), axes="TYX", **cut(n_iterations=16, result="regions"))


@case
def joint_of_two_ranges():
    return joint(two_ranges(), **cut(n_iterations=24))


@case
def joint_from_minimum_to_maximum():
    """Both percentiles are 0, and no draw of the pool finds the hot pixel."""
    params = dsc.ImageParams(low_percentile=40.0, high_percentile=51.0)
    return joint(cut_at_zero(), image_params=params, **cut(n_iterations=24))


@case
def tiles():
    return large(sample("tissue", slice(0, 128), slice(60, 220)), tile=64)


@case
def tiles_of_many_superpixels():
    """Finer than the tree has leaves, though a tile alone has few of them."""
    params = superpixels(800)
    return large(nuclei(), tile=64, superpixel_params=params, **cut(n_iterations=16))


@case
def tiles_in_regions():
    return large(tissue(), tile=64, **cut(n_iterations=16, result="regions"))


@case
def tiles_by_paper():
    return large(tissue(), tile=64, **paper(4))


@case
def channels_two():
    return segment(two_channels(), axes="CYX", **cut(n_iterations=24))


@case
def channels_two_by_tree():
    return segment(two_channels(), axes="CYX", method="tree")


@case
def channels_five():
    return segment(five_channels(), axes="CYX")


@case
def channels_five_by_tree():
    return segment(five_channels(), axes="CYX", method="tree")


@case
def channels_chosen():
    return segment(five_channels(), axes="CYX", channels=(4, 0), **cut(n_iterations=16))


@case
def affinity_of_the_tree():
    return segment(tissue(), **cut(affinity="tree", n_iterations=16))


@case
def many_superpixels_by_pairs():
    values = cut(cut_normalization="pairs", cut_weight=20, n_iterations=16)
    return segment(tissue(), superpixel_params=superpixels(400), **values)


@case
def few_pixels_seen():
    image = sample("tissue", slice(40, 200), slice(40, 200))
    return segment(image, **cut(megapixels=0.01, n_iterations=12))


@case
def narrow_image():
    """The network sees its rows unreduced, because they would fall below 32."""
    return segment(tissue()[40:76], **cut(n_iterations=24))


@case
def scribbles():
    drawn = np.zeros((128, 128), np.uint8)
    drawn[20:24, 10:60], drawn[100:104, 40:110] = 3, 7
    return segment(tissue(), scribbles=drawn, **cut(n_iterations=24))


@case
def superpixels_given():
    rows, columns = np.indices((128, 128)) // 12
    return segment(tissue(), superpixels=11 * rows + columns, **cut(n_iterations=24))


def classes(image, number, grain="fine", **changes):
    params = dsc.ClassParams(classes=number, grain=grain)
    return dsc.segment(image, method="classes", class_params=params, **changes).labels


@case
def classes_of_tissue():
    return classes(tissue(), 0)


@case
def six_classes_of_nuclei():
    return classes(nuclei(), 6)


@case
def textures_of_neuropil():
    return classes(neuropil(), 3, "texture")


@case
def regions_of_one_class():
    return classes(tissue(), 5, "regions")


@case
def classes_of_a_stack():
    return classes(stack(), 4, **STACK)


@case
def classes_of_a_film():
    return classes(film(), 4, axes="TYX")


@case
def classes_of_five_channels():
    return classes(five_channels(), 4, axes="CYX")
