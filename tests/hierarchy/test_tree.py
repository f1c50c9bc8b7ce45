"""Cuts of a merge tree, and its file."""

import itertools
import json

import numpy as np
import pytest

from napari_dsc import InvalidImageError, InvalidParameterError, MergeTree, OutputError
from napari_dsc.hierarchy.agglomeration import Merges
from napari_dsc.hierarchy.consensus import leaf_altitudes
from napari_dsc.hierarchy.tree import tree_of_merges
from napari_dsc.labels.regions import connected_regions

#   0 0 1
#   2 3 3     1 and 3 merge at 0.1, 0 and 2 at 0.4, all at 0.9
SUPERPIXELS = np.array([[0, 0, 1], [2, 3, 3]])
PARENTS = np.array([5, 4, 5, 4, 6, 6, 6])
ALTITUDES = np.array([0, 0, 0, 0, 0.1, 0.4, 0.9])


def tree(**changes):
    given = {"superpixels": SUPERPIXELS, "parents": PARENTS, "altitudes": ALTITUDES}
    return MergeTree(**given | changes)


def random_tree(n=60, seed=0):
    """Tree of a strip of superpixels of two pixels each, merged at random."""
    rng = np.random.default_rng(seed)
    left = list(range(n))
    kept, absorbed = [], []
    while len(left) > 1:
        place = rng.integers(len(left) - 1)
        kept.append(left[place])
        absorbed.append(left.pop(place + 1))
    levels = np.sort(rng.integers(1, n // 2, n - 1) / 7)
    merges = Merges(np.array([kept]), np.array([absorbed]), levels[None])
    return tree_of_merges(np.arange(2 * n).reshape(1, -1) // 2, merges)


@pytest.mark.parametrize(
    ("n_regions", "threshold", "expected"),
    [
        (4, 0.0, [[1, 1, 2], [3, 4, 4]]),
        (3, 0.1, [[1, 1, 2], [3, 2, 2]]),
        (2, 0.8999, [[1, 1, 2], [1, 2, 2]]),
        (1, 0.9, [[1, 1, 1], [1, 1, 1]]),
    ],
)
def test_a_cut_undoes_the_last_merges(n_regions, threshold, expected):
    for labels in (tree().cut(n_regions=n_regions), tree().cut(threshold=threshold)):
        np.testing.assert_array_equal(labels, expected)
        assert labels.dtype == np.uint8


def test_a_tree_of_merges_has_them_in_their_order():
    merges = Merges(np.array([[1, 0, 0]]), np.array([[3, 2, 1]]), np.array([[0.1, 0.4, 0.9]]))
    made = tree_of_merges(SUPERPIXELS, merges)
    np.testing.assert_array_equal(made.parents, PARENTS)
    np.testing.assert_array_equal(made.altitudes, ALTITUDES)


def test_children_and_sizes_of_nodes():
    np.testing.assert_array_equal(tree().children(), [[1, 3], [0, 2], [4, 5]])
    np.testing.assert_array_equal(tree().sizes(), [2, 1, 1, 2, 3, 3, 6])


def test_every_number_of_regions_is_met_and_finer_cuts_divide_coarser_ones():
    many = random_tree()
    labels = [many.cut(n_regions=n) for n in range(1, 61)]
    for n, (coarse, fine) in enumerate(itertools.pairwise(labels), start=1):
        assert (coarse.min(), coarse.max()) == (1, n)
        assert len(np.unique(np.stack([coarse, fine]).reshape(2, -1), axis=1).T) == n + 1
        np.testing.assert_array_equal(connected_regions(fine) + 1, fine)


def test_a_higher_threshold_never_divides_a_region():
    many = random_tree()
    levels = np.unique(many.altitudes)
    thresholds = np.sort(np.concatenate([levels, levels - 1e-9, levels + 1e-9]))
    cuts = [many.cut(threshold=threshold) for threshold in thresholds]
    assert (cuts[0].max(), cuts[-1].max()) == (60, 1)
    for fine, coarse in itertools.pairwise(cuts):
        pairs = np.unique(np.stack([fine, coarse]).reshape(2, -1), axis=1)
        assert pairs.shape[1] == fine.max()


def test_a_lasting_label_stays_with_its_region_and_the_larger_part_of_a_divided_one():
    many = random_tree()
    cuts = [many.cut(n_regions=n, lasting=True) for n in range(1, 61)]
    for n, (coarse, fine) in enumerate(itertools.pairwise(cuts), start=1):
        np.testing.assert_array_equal(
            connected_regions(coarse), many.cut(n_regions=n).astype(int) - 1
        )
        changed = coarse != fine
        (divided,), (new,) = np.unique(coarse[changed]), np.unique(fine[changed])
        assert np.count_nonzero(fine == divided) >= np.count_nonzero(changed)
        assert new not in coarse
    np.testing.assert_array_equal(cuts[-1], many.superpixels + 1)


def test_lasting_labels_of_a_threshold_are_those_of_its_number_of_regions():
    np.testing.assert_array_equal(
        tree().cut(threshold=0.2, lasting=True), tree().cut(n_regions=3, lasting=True)
    )


def test_more_regions_than_superpixels_are_the_superpixels():
    np.testing.assert_array_equal(tree().cut(n_regions=99), SUPERPIXELS + 1)


def test_labels_are_in_the_smallest_type_that_holds_them():
    n = 300
    many = random_tree(n)
    assert many.cut(n_regions=255).dtype == np.uint8
    assert many.cut(n_regions=256).dtype == np.uint16


def test_one_superpixel_is_a_tree():
    one = MergeTree(np.zeros((1, 2), int), np.zeros(1, int), np.zeros(1))
    np.testing.assert_array_equal(one.cut(n_regions=1), [[1, 1]])
    np.testing.assert_array_equal(one.cut(threshold=5), [[1, 1]])
    assert one.children().shape == (0, 2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exactly one"),
        ({"n_regions": 3, "threshold": 0.1}, "exactly one"),
        ({"n_regions": 0}, "n_regions=0: expected a whole number from 1"),
        ({"n_regions": 2.5}, r"n_regions=2\.5"),
        ({"n_regions": "3"}, "n_regions='3'"),
        ({"n_regions": True}, "n_regions=True"),
        ({"threshold": float("nan")}, "threshold=nan"),
        ({"threshold": "0.3"}, r"threshold='0\.3'"),
    ],
)
def test_what_is_no_level_is_refused_by_name(given, message):
    with pytest.raises(InvalidParameterError, match=message):
        tree().cut(**given)


@pytest.mark.parametrize(
    "changes",
    [
        {"parents": PARENTS[:-1]},
        {"parents": PARENTS.astype(float)},
        {"parents": np.array([5, 4, 5, 4, 6, 6, 5])},
        {"parents": np.array([5, 4, 5, 4, 4, 6, 6])},
        {"parents": np.array([5, 5, 5, 4, 6, 6, 6])},
        {"parents": np.array([5, 4, 5, 4, 7, 6, 6])},
        {"altitudes": ALTITUDES[:-1]},
        {"altitudes": ALTITUDES[::-1]},
        {"altitudes": ALTITUDES + 0.1},
        {"altitudes": ALTITUDES.astype(int)},
        {"altitudes": np.where(ALTITUDES == 0.9, np.inf, ALTITUDES)},
        {"superpixels": SUPERPIXELS + 1},
        {"superpixels": SUPERPIXELS - 1},
        {"superpixels": np.minimum(SUPERPIXELS, 2)},
        {"superpixels": np.where(SUPERPIXELS == 1, 0, SUPERPIXELS)},
        {"superpixels": np.zeros((0, 3), int)},
    ],
)
def test_arrays_that_make_no_tree_are_refused(changes):
    with pytest.raises(InvalidParameterError, match="tree: expected"):
        tree(**changes)


def test_a_tree_comes_back_from_its_file_as_it_was(tmp_path):
    path = tmp_path / "a.tree.npz"
    tree(record={"parameters": {"tree": {"seed": 3}}}).save(path)
    again = MergeTree.load(str(path))
    np.testing.assert_array_equal(again.superpixels, SUPERPIXELS)
    np.testing.assert_array_equal(again.parents, PARENTS)
    np.testing.assert_array_equal(again.altitudes, ALTITUDES)
    assert again.record == {"parameters": {"tree": {"seed": 3}}}


def test_a_file_that_exists_is_replaced(tmp_path):
    path = tmp_path / "a.tree.npz"
    path.write_bytes(b"old")
    tree().save(path)
    assert MergeTree.load(path).n_superpixels == 4
    assert [file.name for file in tmp_path.iterdir()] == ["a.tree.npz"]


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(OutputError, match="folder does not exist"):
        tree().save(tmp_path / "missing" / "a.tree.npz")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut"])
def test_other_files_are_refused_by_name(tmp_path, content):
    path = tmp_path / "a.tree.npz"
    path.write_bytes(content)
    with pytest.raises(InvalidImageError, match=r"a\.tree\.npz: is not a merge tree"):
        MergeTree.load(path)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(InvalidImageError, match="no such file"):
        MergeTree.load(tmp_path / "a.tree.npz")


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "a.tree.npz"
    tree().save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InvalidImageError, match="not a merge tree"):
        MergeTree.load(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"parents": PARENTS[:3]},
        {"altitudes": np.array([{"code": 1}], object)},
        {"about": np.array("no json")},
        {"about": np.array('{"format": 1}')},
        {"about": np.array("[]")},
    ],
)
def test_a_file_with_other_content_is_refused(tmp_path, changes):
    path = tmp_path / "a.tree.npz"
    about = np.array(json.dumps({"format": 1, "record": {}}))
    arrays = {"superpixels": SUPERPIXELS, "parents": PARENTS, "altitudes": ALTITUDES}
    np.savez(path, **arrays, about=about)
    MergeTree.load(path)
    np.savez(path, **{**arrays, "about": about, **changes})
    with pytest.raises(InvalidImageError, match="not a merge tree"):
        MergeTree.load(path)


def test_a_file_of_another_format_says_so(tmp_path):
    path = tmp_path / "a.tree.npz"
    about = np.array(json.dumps({"format": 2, "record": {}}))
    np.savez(path, superpixels=SUPERPIXELS, parents=PARENTS, altitudes=ALTITUDES, about=about)
    with pytest.raises(InvalidImageError, match="reads format 1"):
        MergeTree.load(path)


def test_two_superpixels_are_as_far_apart_as_the_lowest_cut_that_joins_them():
    np.testing.assert_allclose(
        leaf_altitudes(tree()),
        [[0, 0.9, 0.4, 0.9], [0.9, 0, 0.9, 0.1], [0.4, 0.9, 0, 0.9], [0.9, 0.1, 0.9, 0]],
    )
    many = random_tree()
    altitudes = leaf_altitudes(many)
    for threshold in np.unique(many.altitudes):
        labels = many.cut(threshold=threshold)[0, ::2]
        np.testing.assert_array_equal(
            altitudes <= threshold + 1e-6, labels[:, None] == labels[None]
        )


def test_the_only_superpixel_of_a_tree_is_at_its_own_place():
    one = MergeTree(np.zeros((2, 2), int), np.array([0]), np.zeros(1))
    np.testing.assert_array_equal(leaf_altitudes(one), [[0]])
