"""Every method behind the one interface: shape, order and what the options reach."""

import dataclasses

import numpy as np
import pytest
import torch

from napari_dsc import Run, segment
from napari_dsc.evaluation.contingency import contingency_table
from napari_dsc.evaluation.metrics import variation_of_information
from napari_dsc.images import load_image
from napari_dsc.methods import METHODS, MethodOptions, sweeps
from napari_dsc.params import (
    BackpropParams,
    CaeTvlParams,
    CutParams,
    MumfordShahParams,
    SuperpixelParams,
    WNetParams,
)
from napari_dsc.regions import connected_regions
from napari_dsc.superpixels import over_segment_pixels

SCALES = {
    "n_superpixels": (12, 6),
    "n_partitions": (4, 2),
    "n_regions": (4, 2),
    "threshold": (0.1, 0.5),
}
OWN_SCALES = {"felzenszwalb": (20, 200), "cae_tvl": (20, 200)}
GRID = {"lsc", "seeds"}  # they refuse images as small as these

every_method = pytest.mark.parametrize("name", sorted(METHODS.keys() - GRID))


def scales_of(name):
    return OWN_SCALES.get(name, SCALES[METHODS[name].scale])


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


@every_method
def test_a_second_run_gives_the_same_labels(name, quadrants, options):
    image = load_image(quadrants[0])
    scale = scales_of(name)[:1]
    first, second = (next(METHODS[name].iter_scales(image, scale, options)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@every_method
def test_grey_images_are_segmented_too(name, quadrants, options):
    image = load_image(quadrants[0][..., 0])
    scale = scales_of(name)[:1]
    assert next(METHODS[name].iter_scales(image, scale, options)).shape == (32, 48)


@every_method
def test_a_method_says_what_it_is(name):
    method = METHODS[name]
    assert method.scale in SCALES
    assert min(method.scales) <= method.default <= max(method.scales)
    assert method.summary
    assert method.source[-1].isdigit() or "gPb" in method.source or "table III" in method.source


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
    smoothed = dataclasses.replace(options, superpixel_params=SuperpixelParams())
    one, other = (
        next(METHODS["slic"].iter_scales(image, (12,), o)) for o in (options, smoothed)
    )
    assert distance(one, other) > 0
    expected = over_segment_pixels(Run(image).smoothed, SuperpixelParams(n_superpixels=12))
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
    options = dataclasses.replace(options, superpixel_params=SuperpixelParams())

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
