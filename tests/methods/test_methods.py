"""Every method behind the one interface: shape, order and what the options reach."""

import dataclasses
from typing import Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch

from napari_dsc import Run, segment
from napari_dsc.errors import InvalidParameterError
from napari_dsc.evaluation.contingency import contingency_table
from napari_dsc.evaluation.metrics import variation_of_information
from napari_dsc.images import load_image
from napari_dsc.labels.regions import connected_regions
from napari_dsc.methods import METHODS, SCALE_LIMITS, MethodOptions, sweeps
from napari_dsc.params import (
    BackpropParams,
    CaeTvlParams,
    CutParams,
    MumfordShahParams,
    Params,
    SuperpixelParams,
    WNetParams,
)
from napari_dsc.superpixels.mean_shift import mean_shift_filter
from napari_dsc.superpixels.methods import over_segment_pixels

SCALES = {
    "n_superpixels": (12, 6),
    "n_partitions": (4, 2),
    "n_classes": (4, 2),
    "n_regions": (4, 2),
    "min_size": (20, 200),
    "k": (20, 200),
    "gradient": (0.1, 0.5),
    "strength": (0.1, 0.5),
    "cut_cost": (0.1, 0.5),
    "altitude": (0.1, 0.5),
}
SOURCES = {
    "dsc": ("Lin", "2021"),
    "dsc_partitions": ("Lin", "2021"),
    "tree": ("Arbelaez", "2014"),
    "tree_altitude": ("Arbelaez", "2014"),
    "slic": ("Achanta", "2012"),
    "egb": ("Felzenszwalb", "2004"),
    "mean_shift": ("Comaniciu", "2002"),
    "mean_shift_plain": ("Comaniciu", "2002"),
    "watershed": ("Machairas", "2015"),
    "ucm": ("Arbelaez", "2011"),
    "ucm_altitude": ("Arbelaez", "2011"),
    "mumford_shah_tree": ("Guigues", "2006"),
    "gpb_owt_ucm": ("Arbelaez", "2011"),
    "felzenszwalb": ("Felzenszwalb", "2004"),
    "multi_otsu": ("Liao", "2001"),
    "ncut": ("Shi", "2000"),
    "ncut_rgb": ("Shi", "2000"),
    "ncut_deep": ("Lin", "2021"),
    "kmeans_rgb": ("Lloyd", "1982"),
    "kmeans_deep": ("Lin", "2021"),
    "backprop": ("Kanezaki", "2018"),
    "mumford_shah_loss": ("Kim", "2020"),
    "cae_tvl": ("Wang", "2017"),
    "wnet": ("Xia", "2017"),
}
GRID = {"lsc", "seeds"}  # they refuse images as small as these

every_method = pytest.mark.parametrize("name", sorted(METHODS.keys() - GRID))


def scales_of(name):
    return SCALES[METHODS[name].scale]


@pytest.fixture
def options():
    contours = np.zeros((65, 97), np.uint8)
    contours[32], contours[:, 48] = 200, 100
    return MethodOptions(
        superpixel_params=SuperpixelParams(n_superpixels=12, source="original"),
        cut_params=CutParams(n_iterations=3),
        device="cpu",
        contours=contours,
        backprop_params=BackpropParams(n_iterations=3, n_features=8),
        mumford_shah_params=MumfordShahParams(n_iterations=3),
        cae_tvl_params=CaeTvlParams(n_iterations=3),
        wnet_params=WNetParams(n_iterations=2, n_partitions=4),
    )


def distance(first, second):
    return variation_of_information(contingency_table(first, second))


@every_method
def test_each_scale_gives_labels_of_the_shape_of_the_image(name, quadrants, options):
    image = load_image(quadrants[0])
    before, state = image.pixels.copy(), torch.random.get_rng_state()

    found = list(METHODS[name].iter_scales(image, scales_of(name), options))

    assert [(labels.dtype, labels.shape) for labels in found] == [(np.int64, (32, 48))] * 2
    assert all(labels.min() >= 0 for labels in found)
    np.testing.assert_array_equal(image.pixels, before)
    assert torch.equal(torch.random.get_rng_state(), state)


def another(value, hint):
    """A value that a parameter allows, other than the one it has."""
    kind, *more = get_args(hint)
    if get_origin(hint) is Literal:
        return next(choice for choice in (kind, *more) if choice != value)
    return kind(value + 1) if value + 1 <= more[0]["max"] else kind(more[0]["min"])


def otherwise(options, method):
    """Options that differ in every parameter that a method does not read."""
    changed = {}
    for field in dataclasses.fields(options):
        params = getattr(options, field.name)
        if isinstance(params, Params):
            hints = get_type_hints(type(params), include_extras=True)
            values = {
                name: another(value, hints[name])
                for name, value in dataclasses.asdict(params).items()
                if name == method.scale
                or not {field.name, f"{field.name}.{name}"} & set(method.reads)
            }
            changed[field.name] = dataclasses.replace(params, **values)
    return dataclasses.replace(options, **changed)


@every_method
def test_a_second_run_with_other_options_that_it_does_not_read_gives_the_same_labels(
    name, quadrants, options
):
    deep = quadrants[0].astype(np.uint16) * 200 + 900  # its intensities need a range
    method, scale = METHODS[name], scales_of(name)[:1]
    first, second = (
        next(method.iter_scales(load_image(deep, params=one.image_params), scale, one))
        for one in (options, otherwise(options, method))
    )
    np.testing.assert_array_equal(first, second)


@every_method
def test_grey_images_are_segmented_too(name, quadrants, options):
    image = load_image(quadrants[0][..., 0])
    scale = scales_of(name)[:1]
    assert next(METHODS[name].iter_scales(image, scale, options)).shape == (32, 48)


@pytest.mark.parametrize("name", sorted(n for n, one in METHODS.items() if one.takes_stacks))
def test_stacks_are_divided_in_three_dimensions(name, quadrants, options):
    plane = quadrants[0][..., 0]
    stack = np.stack([plane, plane, 255 - plane, 255 - plane])
    scale = scales_of(name)[:1]
    (found,) = METHODS[name].iter_scales(load_image(stack, "ZYX"), scale, options)
    assert found.shape == (4, 32, 48)
    assert found.min() >= 0
    assert len(np.unique(found)) > 1


def test_superpixels_of_a_stack_keep_to_its_voxels(quadrants, options):
    flat = np.full((4, 32, 48), 90, np.uint8)
    flat[0, 0, 0] = 91
    thick, cubes = (load_image(flat, "ZYX", spacing=(depth, 1, 1)) for depth in (8, 1))
    deep, shallow = (
        len(np.unique(next(METHODS["slic"].iter_scales(one, (24,), options))[:, 8, 8]))
        for one in (thick, cubes)
    )
    assert deep > shallow


@every_method
def test_a_method_says_what_it_is(name):
    method = METHODS[name]
    least, most = SCALE_LIMITS[method.scale]
    assert all(least <= scale <= most for scale in method.scales)
    assert min(method.scales) <= method.default <= max(method.scales)
    assert method.summary
    fields = {name.partition(".")[0] for name in method.reads}
    assert fields <= {field.name for field in dataclasses.fields(MethodOptions)}


@pytest.mark.parametrize(("name", "source"), SOURCES.items())
def test_a_method_names_its_first_author_and_year(name, source):
    author, year = source
    words = METHODS[name].source.replace(",", " ").replace(":", " ").split()
    assert (words[0], next(word for word in words if word == year)) == (author, year)


@every_method
@pytest.mark.parametrize("scale", [0, 1])
def test_a_small_scale_is_refused_or_gives_labels(name, scale, quadrants, options):
    least, _ = SCALE_LIMITS[METHODS[name].scale]
    assert least >= 0
    if scale >= least:
        (found,) = METHODS[name].iter_scales(load_image(quadrants[0]), (scale,), options)
        assert found.shape == (32, 48)


def test_one_class_of_otsu_is_refused(quadrants, options):
    with pytest.raises(InvalidParameterError, match="n_partitions=1: expected at least 2"):
        next(METHODS["multi_otsu"].iter_scales(load_image(quadrants[0]), (1,), options))


def test_plain_mean_shift_leaves_no_region_below_each_size_and_filters_once(
    quadrants, options, monkeypatch
):
    image, labels = quadrants
    image = image.copy()
    image[2:6, 2:6] = 255 - image[2:6, 2:6]
    calls = []
    monkeypatch.setattr(
        "napari_dsc.baselines.classical.mean_shift_filter",
        lambda *given: calls.append(1) or mean_shift_filter(*given),
    )
    fine, coarse = METHODS["mean_shift_plain"].iter_scales(load_image(image), (9, 100), options)
    assert len(calls) == 1
    assert sorted(np.bincount(fine.ravel())) == [16, 368, 384, 384, 384]
    assert distance(coarse, labels) == 0


def test_the_floor_of_hierarchies_is_150_pixels_of_the_berkeley_images():
    shapes = {(321, 481): 150, (642, 962): 600, (32, 32): 1}
    for shape, floor in shapes.items():
        assert sweeps._floor(load_image(np.eye(*shape, dtype=np.uint8))) == floor


def test_hierarchies_keep_small_objects_of_small_images(options):
    truth = np.zeros((64, 64), np.uint8)
    truth[20:27, 30:38] = 1
    image = load_image((60 + 120 * truth).astype(np.uint8))
    for name in ("ucm", "mumford_shah_tree"):
        (found,) = METHODS[name].iter_scales(image, (2,), options)
        assert distance(found, truth) < 0.05, name


def test_kmeans_builds_no_graph(quadrants, options, monkeypatch):
    monkeypatch.delattr(sweeps, "affinity_graph")
    (found,) = METHODS["kmeans_rgb"].iter_scales(load_image(quadrants[0]), (4,), options)
    assert len(np.unique(found)) == 4


@pytest.mark.parametrize(
    "name",
    ["ucm", "mumford_shah_tree", "gpb_owt_ucm"],
)
def test_hierarchies_find_the_quadrants(name, quadrants, options):
    image, labels = quadrants
    scale = {"gpb_owt_ucm": 0.3}.get(name, 4)
    (found,) = METHODS[name].iter_scales(load_image(image), (scale,), options)
    assert distance(found, labels) == 0


@pytest.mark.parametrize("name", ["kmeans_rgb", "kmeans_deep", "ncut_rgb", "ncut_deep"])
def test_clusters_of_given_superpixels_find_the_quadrants(
    name, quadrants, options, monkeypatch
):
    image, labels = quadrants
    superpixels = np.arange(24).reshape(4, 6).repeat(8, 0).repeat(8, 1)
    monkeypatch.setattr(Run, "superpixels", superpixels)
    (found,) = METHODS[name].iter_scales(load_image(image), (4,), options)
    assert distance(superpixels, labels) > 1
    assert distance(found, labels) == 0


@pytest.mark.parametrize("name", ["slic", "egb", "mean_shift", "watershed"])
def test_superpixels_alone_are_those_of_over_segment(name, quadrants, options):
    image = load_image(quadrants[0])
    (found,) = METHODS[name].iter_scales(image, (9,), options)
    params = SuperpixelParams(superpixels=name, n_superpixels=9)
    np.testing.assert_array_equal(found, over_segment_pixels(image.pixels, params))


def test_superpixels_are_made_from_the_image_that_the_options_name(quadrants, options):
    image = load_image(quadrants[0])
    params = SuperpixelParams(superpixels="slic", source="smoothed", n_superpixels=12)
    smoothed = dataclasses.replace(options, superpixel_params=params)
    one, other = (
        next(METHODS["slic"].iter_scales(image, (12,), o)) for o in (options, smoothed)
    )
    assert distance(one, other) > 0
    expected = over_segment_pixels(Run(image).smoothed, params)
    np.testing.assert_array_equal(other, expected)


@pytest.mark.parametrize("result", ["classes", "regions"])
def test_dsc_is_what_segment_gives(result, quadrants, options):
    cut_params = CutParams(n_iterations=3, result=result)
    options = dataclasses.replace(options, cut_params=cut_params)
    expected = segment(
        quadrants[0],
        device="cpu",
        superpixel_params=options.superpixel_params,
        cut_params=cut_params,
    )
    (found,) = METHODS["dsc"].iter_scales(load_image(quadrants[0]), (12,), options)
    np.testing.assert_array_equal(found + 1, expected.labels)


def test_dsc_smooths_an_image_once_for_all_scales(quadrants, options, monkeypatch):
    calls = []
    smooth = sweeps.Run.smoothed.func

    def counted(self):
        calls.append(1)
        return smooth(self)

    counted_property = type(sweeps.Run.smoothed)(counted)
    counted_property.__set_name__(Run, "smoothed")
    monkeypatch.setattr(Run, "smoothed", counted_property)
    params = SuperpixelParams(source="smoothed")
    options = dataclasses.replace(options, superpixel_params=params)

    list(METHODS["dsc"].iter_scales(load_image(quadrants[0]), (12, 6, 4), options))

    assert len(calls) == 1


def test_fewer_classes_are_never_more_than_asked_for(quadrants, options):
    image = load_image(quadrants[0])
    for name in ("dsc_partitions", "kmeans_rgb", "ncut_deep", "multi_otsu"):
        found = METHODS[name].iter_scales(image, (5, 3), options)
        assert all(len(np.unique(z)) <= k for z, k in zip(found, (5, 3), strict=True)), name


@pytest.mark.parametrize("name", ["kmeans_rgb", "multi_otsu", "backprop", "mumford_shah_loss"])
def test_regions_are_the_connected_pieces_of_classes(name, quadrants, options):
    image = load_image(quadrants[0])
    pieces = dataclasses.replace(options, cut_params=CutParams(result="regions"))
    classes, regions = (
        next(METHODS[name].iter_scales(image, (4,), o)) for o in (options, pieces)
    )
    assert not np.array_equal(classes, regions)
    np.testing.assert_array_equal(connected_regions(classes), regions)


def test_a_loaded_image_runs_as_the_array_it_came_from(quadrants):
    first, second = (
        Run(image, superpixel_params=SuperpixelParams(n_superpixels=9)).superpixels
        for image in (quadrants[0], load_image(quadrants[0]))
    )
    np.testing.assert_array_equal(first, second)
