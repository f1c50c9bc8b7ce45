import dataclasses
import json

import pytest

from napari_dsc.errors import InvalidParameterError
from napari_dsc.methods import METHODS, MethodOptions
from napari_dsc.params import BackpropParams, ClusterParams, CutParams, SuperpixelParams
from napari_dsc.scoring.entries import Entry, check_scales, make_entries

COMMON = Entry("", "", (), MethodOptions(device="cpu"))


def test_only_methods_that_merge_superpixels_are_tried_with_each_kind():
    entries = make_entries(["dsc", "ucm"], ["egb", "slic"], [], COMMON)
    assert [entry.name for entry in entries] == ["dsc-egb", "dsc-slic", "ucm"]
    assert [entry.options.superpixel_params.superpixels for entry in entries[:2]] == [
        "egb",
        "slic",
    ]


def test_scales_are_those_of_the_method_unless_given():
    assert make_entries(["ucm"], [], [], COMMON)[0].scales == METHODS["ucm"].scales
    assert make_entries(["ucm"], [], [7.0], COMMON)[0].scales == (7.0,)


@pytest.mark.parametrize("other", ["gpb_owt_ucm", "felzenszwalb", "ncut", "ucm_altitude"])
def test_one_list_of_scales_cannot_hold_for_methods_that_vary_different_things(other):
    meanings = f"{METHODS['cae_tvl'].scale}|{METHODS[other].scale}"
    methods = ["dsc" if other == "felzenszwalb" else "cae_tvl", other]
    with pytest.raises(InvalidParameterError, match=rf"different meanings .*({meanings})"):
        make_entries(methods, [], [0.5], COMMON)


@pytest.mark.parametrize(
    ("method", "scale"),
    [("multi_otsu", 1), ("kmeans_rgb", -3), ("ucm", 0), ("felzenszwalb", -5), ("dsc", 1)],
)
def test_a_scale_without_meaning_is_refused(method, scale):
    meaning = METHODS[method].scale
    with pytest.raises(
        InvalidParameterError, match=rf"scales={scale}: .* {meaning} of {method}"
    ):
        make_entries([method], [], [scale], COMMON)


@pytest.mark.parametrize("name", METHODS)
def test_no_method_takes_negative_scales_and_each_takes_its_own(name):
    check_scales("scales", name, METHODS[name].scales)
    with pytest.raises(InvalidParameterError, match="scales=-1"):
        check_scales("scales", name, [-1])


@pytest.mark.parametrize("methods", [[], ["dsc", "magic"]])
def test_unknown_methods_are_answered_with_the_known_ones(methods):
    with pytest.raises(InvalidParameterError, match=r"dsc, .*gpb_owt_ucm"):
        make_entries(methods, [], [], COMMON)


def test_unknown_superpixels_are_refused():
    with pytest.raises(
        InvalidParameterError, match="superpixels='cubes': expected one or more"
    ):
        make_entries(["dsc"], ["cubes"], [], COMMON)


def test_a_scale_named_twice_is_scored_once():
    (entry,) = make_entries(["ucm"], [], [4, 2, 4], COMMON)
    assert entry.scales == (4, 2)


def test_a_method_named_twice_is_scored_once():
    assert len(make_entries(["ucm", "ucm"], [], [], COMMON)) == 1


def test_settings_differ_where_a_score_may_differ():
    (entry,) = make_entries(["dsc"], [], [], COMMON)
    longer = MethodOptions(device="cpu", cut_params=CutParams(n_iterations=7))
    others = [
        entry._replace(scales=(1.0,)),
        entry._replace(zero="background"),
        entry._replace(options=longer),
    ]
    texts = [json.dumps(one.settings()) for one in (entry, entry._replace(), *others)]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 4


@pytest.mark.parametrize(
    ("method", "change", "value"),
    [
        ("ucm", "cut_params", CutParams(n_iterations=7)),
        ("ucm", "weights", "nowhere"),
        ("kmeans_rgb", "cut_params", CutParams(n_iterations=7)),
        ("kmeans_rgb", "cluster_params", ClusterParams(affinity_factor=2.0)),
        ("dsc", "backprop_params", BackpropParams(n_iterations=7)),
        ("dsc", "superpixel_params", SuperpixelParams(n_superpixels=7)),
        ("dsc_partitions", "cut_params", CutParams(n_partitions=7)),
    ],
)
def test_settings_stay_equal_where_no_score_can_differ(method, change, value):
    (entry,) = make_entries([method], [], [], COMMON)
    options = dataclasses.replace(entry.options, **{change: value})
    assert entry._replace(options=options).settings() == entry.settings()


@pytest.mark.parametrize(
    ("method", "change", "value"),
    [
        ("kmeans_rgb", "cut_params", CutParams(result="regions")),
        ("ncut_rgb", "cluster_params", ClusterParams(affinity_factor=2.0)),
        ("ncut_rgb", "superpixel_params", SuperpixelParams(n_superpixels=7)),
        ("slic", "superpixel_params", SuperpixelParams(source="smoothed")),
        ("backprop", "backprop_params", BackpropParams(n_iterations=7)),
    ],
)
def test_settings_differ_where_a_parameter_is_read(method, change, value):
    (entry,) = make_entries([method], [], [], COMMON)
    options = dataclasses.replace(entry.options, **{change: value})
    assert entry._replace(options=options).settings() != entry.settings()


def test_weights_and_device_count_where_the_image_is_smoothed():
    (original,) = make_entries(["slic"], [], [], COMMON)
    params = SuperpixelParams(source="smoothed")
    smoothed = original._replace(
        options=dataclasses.replace(COMMON.options, superpixel_params=params)
    )
    assert {"weights", "device"} <= smoothed.settings().keys()
    assert not {"weights", "device"} & original.settings().keys()
