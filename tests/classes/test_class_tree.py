"""Classes at every number: nested, numbered without gaps, and kept while they stay."""

import dataclasses

import numpy as np
import pytest

from napari_dsc import InvalidParameterError
from napari_dsc.classes.class_tree import ClassTree, without_empty_nodes
from napari_dsc.classes.descent import parents_of
from napari_dsc.classes.linkage import ward_linkage


@pytest.fixture
def tree():
    rng = np.random.default_rng(0)
    linkage = ward_linkage(rng.normal(size=(20, 2)), np.ones(20))
    nodes = np.concatenate([np.arange(20), rng.integers(0, 20, 60)])
    branches = rng.random((80, 6)).astype(np.float32)
    sizes = rng.integers(1, 9, 80).astype(float)
    return ClassTree(nodes, sizes, parents_of(linkage), linkage[:, 2], branches, 3, 3)


def test_each_level_divides_one_class_of_the_level_before(tree):
    for n in range(2, tree.most + 1):
        coarse, fine = tree.classes(n - 1), tree.classes(n)
        assert list(np.unique(fine)) == list(range(n))
        moved = coarse != fine
        assert (fine[moved] == n - 1).all()  # the new class has the new number
        [divided] = np.unique(coarse[moved])
        kept = (coarse == divided) & ~moved
        # the larger part keeps the number
        assert tree.sizes[kept].sum() >= tree.sizes[moved].sum() > 0


def test_probabilities_are_shared_out_at_each_division(tree):
    before = tree.probabilities(1)
    for n in range(2, tree.most + 1):
        found = tree.probabilities(n)
        np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)
        changed = np.flatnonzero((found[:, : n - 1] != before).any(0))
        assert len(changed) <= 1
        whole = found[:, changed].sum(1) + found[:, n - 1]
        np.testing.assert_allclose(whole, before[:, changed].sum(1), rtol=1e-4, atol=1e-6)
        before = found


def test_divisions_without_classifiers_are_certain(tree):
    alone = dataclasses.replace(tree, branches=tree.branches[:, :0])
    for n in (2, 7, tree.most):
        np.testing.assert_array_equal(alone.probabilities(n).argmax(1), alone.classes(n))
        assert alone.probabilities(n).max(1).min() == 1


@pytest.mark.parametrize("n_classes", [0, 21, 2.5, None])
def test_a_level_that_does_not_exist_is_refused(tree, n_classes):
    with pytest.raises(InvalidParameterError, match=r"from 1 .* to 20"):
        tree.classes(n_classes)
    with pytest.raises(InvalidParameterError, match=r"n_classes="):
        tree.probabilities(n_classes)


def test_nodes_that_no_superpixel_has_are_left_out(tree):
    missing = np.isin(tree.nodes, [3, 4, 11])
    some = dataclasses.replace(
        tree,
        nodes=tree.nodes[~missing],
        sizes=tree.sizes[~missing],
        branches=tree.branches[~missing],
    )
    found = without_empty_nodes(some)
    assert found.most == 17
    for n in range(1, 18):
        assert list(np.unique(found.classes(n))) == list(range(n))
    # the partitions are those of some level of the tree with all nodes
    levels = [tree.classes(n)[~missing] for n in range(1, 21)]
    for n in range(1, 18):
        mine = found.classes(n)
        same = [len(np.unique(np.stack([mine, one]), axis=1).T) for one in levels]
        assert n in [s for s, one in zip(same, levels, strict=True) if len(np.unique(one)) == n]


def test_scribbled_nodes_have_their_number_at_every_level(tree):
    three = tree.classes(3)
    node_of = [int(tree.nodes[np.flatnonzero(three == number)[0]]) for number in range(3)]
    fixed = dataclasses.replace(tree, fixed=((node_of[0], 2), (node_of[1], 0)))
    assert fixed.least == 3
    for n in (3, 4, 9, 20):
        classes, probabilities = fixed.classes(n), fixed.probabilities(n)
        assert set(classes[fixed.nodes == node_of[0]]) == {2}
        assert set(classes[fixed.nodes == node_of[1]]) == {0}
        assert list(np.unique(classes)) == list(range(n))
        plain = tree.probabilities(n)
        np.testing.assert_array_equal(np.sort(probabilities, 1), np.sort(plain, 1))
    with pytest.raises(InvalidParameterError, match="from 3"):
        fixed.classes(2)
