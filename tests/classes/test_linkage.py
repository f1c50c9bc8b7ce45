"""Hierarchical clustering with weights, against SciPy's without."""

import numpy as np
import pytest
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform

from napari_dsc.classes.linkage import average_linkage, unit_mean, ward_levels, ward_linkage


def points(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3))


@pytest.mark.parametrize("n", [2, 3, 40])
def test_equal_weights_give_the_linkages_of_scipy(n):
    ones, places = np.ones(n), points(n)
    distances = squareform(pdist(places))

    np.testing.assert_allclose(
        average_linkage(distances, ones), hierarchy.linkage(places, "average"), atol=1e-12
    )
    # the height of SciPy's is the root of twice the growth of the sum of squares
    found = ward_linkage(places, ones)
    found[:, 2] = np.sqrt(2 * found[:, 2])
    np.testing.assert_allclose(found, hierarchy.linkage(places, "ward"), atol=1e-12)


def test_distances_are_not_changed():
    distances = squareform(pdist(points(9)))
    before = distances.copy()
    average_linkage(distances, np.ones(9))
    np.testing.assert_array_equal(distances, before)


def test_an_item_of_weight_two_counts_as_two_items_in_one_place():
    places, weights = points(12), np.ones(12)
    weights[[2, 7]] = 2
    twice = np.concatenate([places, places[[2, 7]]])

    heavy = ward_linkage(places, weights)
    doubled = ward_linkage(twice, np.ones(14))
    np.testing.assert_allclose(doubled[2:, 2], heavy[:, 2])

    of_pairs = squareform(pdist(places)), squareform(pdist(twice))
    heavy = average_linkage(of_pairs[0], weights)
    doubled = average_linkage(of_pairs[1], np.ones(14))
    np.testing.assert_allclose(doubled[2:, 2], heavy[:, 2])


def test_heights_never_fall_even_among_ties():
    rng = np.random.default_rng(3)
    distances = squareform(rng.integers(1, 4, 60 * 59 // 2).astype(float))
    linkage = average_linkage(distances, rng.integers(1, 5, 60).astype(float))
    assert (np.diff(linkage[:, 2]) >= 0).all()
    assert hierarchy.is_valid_linkage(linkage)
    assert sorted(linkage[:, :2].ravel()) == list(range(118))


def test_levels_are_the_heights_at_which_two_items_meet():
    places = np.array([[0.0], [1.0], [10.0]])
    levels = ward_levels(places, np.ones(3))
    assert levels[0, 1] < levels[0, 2] == levels[1, 2]
    np.testing.assert_allclose(levels.mean(), 1)
    np.testing.assert_array_equal(levels, levels.T)
    np.testing.assert_array_equal(ward_levels(np.zeros((3, 1)), np.ones(3)), np.zeros((3, 3)))


def test_the_mean_over_pairs_counts_weights_on_both_sides():
    distances = np.array([[0.0, 4.0], [4.0, 0.0]])
    found = unit_mean(distances, np.array([3.0, 1.0]))
    assert found[0, 1] == pytest.approx(4 / (2 * 0.75 * 0.25 * 4))
    np.testing.assert_array_equal(unit_mean(distances * 0, np.ones(2)), distances * 0)
