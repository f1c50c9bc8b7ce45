import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import oracles
from napari_dsc.evaluation.contingency import (
    average_precision,
    best_union,
    contingency_table,
    error_map,
)
from napari_dsc.labels import measurement, regions

small_labels = arrays(
    np.int64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 3)
)


@settings(max_examples=200)
@given(
    arrays(
        st.sampled_from([np.int64, np.uint8, np.int16]),
        st.lists(st.integers(1, 4), min_size=1, max_size=5).map(tuple),
        elements=st.integers(0, 3),
    )
)
def test_connected_regions_are_numbered_as_by_a_loop_over_labels(labels):
    before = labels.copy()

    found = regions.connected_regions(labels)

    np.testing.assert_array_equal(found, oracles.connected_regions(labels), strict=True)
    np.testing.assert_array_equal(labels, before)


@settings(max_examples=60)
@given(small_labels)
def test_relabeling_keeps_the_partition_and_counts_from_zero(labels):
    before = labels.copy()

    relabeled = regions.relabel_in_order(labels)

    pairs = set(zip(labels.ravel().tolist(), relabeled.ravel().tolist(), strict=True))
    assert len(pairs) == len(np.unique(labels)) == relabeled.max() + 1
    first_seen = list(dict.fromkeys(relabeled.ravel().tolist()))
    assert first_seen == sorted(first_seen)
    np.testing.assert_array_equal(labels, before)


@pytest.mark.parametrize("offset", [0, 7, -3])
def test_connected_regions_take_any_integers(offset):
    labels = np.array([[0, 1, 0]]) + offset

    assert regions.connected_regions(labels).tolist() == [[0, 1, 2]]


def test_labels_that_fill_their_type_stay_apart():
    labels = np.array([255, 0, 255, 0, 7], np.uint8)
    assert regions.connected_regions(labels).tolist() == [0, 1, 2, 3, 4]


FAR_APART = {
    "ten million": [1, 10**7],
    "64-bit identifiers": [0, 720_575_940_379_279_312, 2**60],
    "both ends of int64": [-(2**63), 2**63 - 1, 0],
    "both ends of uint64": [0, 2**63, 2**64 - 1],
}
far_apart = pytest.mark.parametrize("values", FAR_APART.values(), ids=FAR_APART.keys())
LINEAR = np.eye(2, 3)
TAKES_LABELS = {
    "connected_regions": regions.connected_regions,
    "relabel_in_order": regions.relabel_in_order,
    "compact_labels": lambda labels: regions.compact_labels(labels)[1],
    "split_into_regions": lambda labels: measurement.split_into_regions(labels)[0] > 0,
    "measure_segments": lambda labels: measurement.measure_segments(
        labels, None, LINEAR, ("y", "x")
    )["area_px"],
    "segment_table": lambda labels: measurement.segment_table(
        labels, np.ones_like(labels), np.array([0]), np.zeros((1, 0))
    )["class"],
    "contingency_table": lambda labels: contingency_table(labels, labels).toarray(),
    "error_map": lambda labels: error_map(labels, labels[::-1]),
    "average_precision": lambda labels: average_precision(labels, labels[::-1]),
    "best_union": lambda labels: best_union(labels, labels == labels[0, 0]),
}


def image_of(values, side=64):
    """Blocks of 8 pixels with labels drawn from values."""
    drawn = np.random.default_rng(0).integers(0, len(values), (side // 8, side // 8))
    dtype = np.uint64 if max(values) > np.iinfo(np.int64).max else np.int64
    return np.array(values, dtype)[np.kron(drawn, np.ones((8, 8), int))]


@far_apart
@pytest.mark.parametrize("function", TAKES_LABELS.values(), ids=TAKES_LABELS.keys())
def test_labels_far_apart_take_milliseconds_and_megabytes(function, values):
    labels = image_of(values)
    function(labels)  # modules load
    tracemalloc.start()
    begin = time.process_time()
    found = function(labels)
    seconds = time.process_time() - begin
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert most < 2 * 2**20
    assert seconds < 0.1
    close = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
    if min(values) == 0:
        close = close.astype(np.uint8)  # 0 stays background
    elif min(values) > 0:
        close = close + 1
    else:
        close = close - 1
    np.testing.assert_array_equal(found, function(close))


@far_apart
def test_labels_far_apart_are_numbered_in_the_order_of_their_values(values):
    labels = image_of(values)

    kept, numbers = regions.compact_labels(labels)

    assert kept.tolist() == sorted(values)
    np.testing.assert_array_equal(kept[numbers], labels)


@settings(max_examples=60)
@given(small_labels, st.sampled_from([1, 10**6]))
def test_numbers_are_those_of_sorting(labels, step):
    kept, numbers = regions.compact_labels(labels * step)

    values, ranks = np.unique(labels * step, return_inverse=True)
    np.testing.assert_array_equal(kept, values, strict=True)
    np.testing.assert_array_equal(numbers, ranks.reshape(labels.shape), strict=True)


def test_labels_of_no_pixel_have_no_number():
    kept, numbers = regions.compact_labels(np.zeros((0, 4), np.uint8))
    assert (kept.shape, numbers.shape) == ((0,), (0, 4))


def seconds_of(function, labels):
    begin = time.process_time()
    function(labels)
    return time.process_time() - begin


def test_scattered_labels_take_a_twentieth_of_the_time_of_a_loop_over_labels():
    labels = np.random.default_rng(0).permutation(4096) % 3000
    labels = np.kron(labels.reshape(64, 64), np.ones((8, 8), int))  # 512 x 512
    pairs = [
        (
            seconds_of(oracles.connected_regions, labels),
            seconds_of(regions.connected_regions, labels),
        )
        for _ in range(3)
    ]
    loop, ours = np.min(pairs, axis=0)
    assert loop > 20 * ours
