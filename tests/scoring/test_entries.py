import json

import pytest

from napari_dsc.errors import InvalidParameterError
from napari_dsc.methods import METHODS, MethodOptions
from napari_dsc.params import CutParams
from napari_dsc.scoring.entries import Entry, make_entries

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


def test_one_list_of_scales_cannot_hold_for_counts_and_thresholds():
    with pytest.raises(InvalidParameterError, match="n_superpixels and threshold"):
        make_entries(["dsc", "gpb_owt_ucm"], [], [10.0], COMMON)


@pytest.mark.parametrize("methods", [[], ["dsc", "magic"]])
def test_unknown_methods_are_answered_with_the_known_ones(methods):
    with pytest.raises(InvalidParameterError, match=r"dsc, .*gpb_owt_ucm"):
        make_entries(methods, [], [], COMMON)


def test_unknown_superpixels_are_refused():
    with pytest.raises(InvalidParameterError, match="expected one of slic, egb"):
        make_entries(["dsc"], ["cubes"], [], COMMON)


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
