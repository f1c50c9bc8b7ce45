import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from holds import is_once_below, measures_holds
from napari_dsc.correction.granularity import Granularity
from napari_dsc.correction.parts import Parts
from napari_dsc.machine.side_process import side_process


def partition(labels):
    return {frozenset(np.flatnonzero(labels == one)) for one in np.unique(labels) if one}


def refines(fine, coarse):
    return all(any(part <= whole for whole in partition(coarse)) for part in partition(fine))


def parts_of_grid(rng, side=4):
    n = side * side
    superpixels = np.arange(1, n + 1).reshape(side, side).repeat(2, 0)
    return Parts(superpixels, rng.random((n, 3)), rng.dirichlet(np.ones(4), n))


@given(arrays.arrays(np.int64, 16, elements=st.integers(0, 3)), st.integers(0, 99))
@settings(max_examples=50)
def test_cuts_are_nested_and_hold_the_segments_of_the_run(labels, seed):
    parts = parts_of_grid(np.random.default_rng(seed))
    tree = Granularity.of(labels, parts)
    n_parts = int((labels > 0).sum())
    cuts = [tree.cut(n) for n in range(1, n_parts + 1)]
    for number, cut in enumerate(cuts, start=1):
        assert len(partition(cut)) == number
        np.testing.assert_array_equal(cut == 0, labels == 0)
    for coarse, fine in itertools.pairwise(cuts):
        assert refines(fine, coarse)
    if n_parts:
        np.testing.assert_array_equal(tree.cut(tree.n_segments), labels)


def test_segments_that_stay_keep_their_labels():
    parts = parts_of_grid(np.random.default_rng(0))
    labels = np.repeat([5, 2, 9, 1], 4)
    tree = Granularity.of(labels, parts)
    finer = tree.cut(6)
    assert {5, 2, 9, 1} <= set(finer.tolist())
    untouched = [one for one in (5, 2, 9, 1) if len(np.unique(finer[labels == one])) == 1]
    assert untouched
    for one in untouched:
        assert (finer[labels == one] == one).all()


def test_a_piece_has_the_same_number_in_every_cut():
    parts = parts_of_grid(np.random.default_rng(3))
    labels = np.ones(16, int)
    tree = Granularity.of(labels, parts)
    numbers = {}
    for n in range(1, 17):
        cut = tree.cut(n)
        for one in np.unique(cut[cut > 1]):
            piece = frozenset(np.flatnonzero(cut == one))
            assert numbers.setdefault(piece, one) == one


def test_the_most_alike_merge_first():
    superpixels = np.arange(1, 5)[None]
    colors = np.array([[0.0], [0.1], [0.6], [1.0]])
    tree = Granularity.of(np.arange(1, 5), Parts(superpixels, colors, np.zeros((4, 0))))
    assert partition(tree.cut(3)) == {frozenset([0, 1]), frozenset([2]), frozenset([3])}
    assert partition(tree.cut(2)) == {frozenset([0, 1]), frozenset([2, 3])}


def test_numbers_out_of_range_are_clipped():
    parts = parts_of_grid(np.random.default_rng(0))
    tree = Granularity.of(np.repeat([1, 2], 8), parts)
    np.testing.assert_array_equal(tree.cut(0), tree.cut(1))
    np.testing.assert_array_equal(tree.cut(99), tree.cut(16))


@measures_holds
@pytest.mark.parametrize("side", [120, 256])
def test_a_tree_of_many_superpixels_lets_other_threads_move(side):
    n = side * side  # with 120 to a side it is made in this process, with 256 in the helper
    rng = np.random.default_rng(0)
    parts = Parts(np.arange(1, n + 1).reshape(side, side), rng.random((n, 3)), np.zeros((n, 0)))
    assert parts.pairs.shape[1] == 2 * side * (side - 1)
    with side_process(lambda: None, 1):
        assert is_once_below(0.2, (Granularity.of, np.repeat([1, 2], n // 2), parts))
