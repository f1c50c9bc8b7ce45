"""The cut loss of a linear head in closed form, against a search for its minimum."""

import numpy as np
from scipy.optimize import minimize

from napari_dsc.classes.graph import affinities, normalized_cut
from napari_dsc.classes.members import (
    SHRINKAGE,
    contact_scatter,
    cut_coordinates,
    region_scatter,
    total_scatter,
)

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(30, 4)) @ np.diag([3, 2, 1, 0.5])
SHARES = RNG.random(30)
SHARES /= SHARES.sum()
REGIONS = np.arange(30) % 6


def test_the_first_axis_has_the_least_scatter_within_regions_for_its_spread():
    between = total_scatter(FEATURES, SHARES)
    within = region_scatter(FEATURES, SHARES, REGIONS)
    shrunk = within + SHRINKAGE * np.trace(between) / 4 * np.eye(4)

    def loss(axis):
        return (axis @ shrunk @ axis) / (axis @ between @ axis)

    starts = RNG.normal(size=(8, 4))
    best = min((minimize(loss, start) for start in starts), key=lambda one: one.fun).x
    found = cut_coordinates(FEATURES, between, within)[:, 0]
    searched = FEATURES @ best
    assert abs(np.corrcoef(found, searched)[0, 1]) > 1 - 1e-6


def test_scatters_are_sums_over_superpixels():
    center = FEATURES - SHARES @ FEATURES
    np.testing.assert_allclose(
        total_scatter(FEATURES, SHARES),
        sum(p * np.outer(x, x) for p, x in zip(SHARES, center, strict=True)),
    )
    expected = np.zeros((4, 4))
    for region in range(6):
        inside = region == REGIONS
        mean = SHARES[inside] @ FEATURES[inside] / SHARES[inside].sum()
        for share, x in zip(SHARES[inside], FEATURES[inside] - mean, strict=True):
            expected += share * np.outer(x, x)
    np.testing.assert_allclose(region_scatter(FEATURES, SHARES, REGIONS), expected)
    pairs, lengths = np.array([[0, 1], [2, 5]]), np.array([3.0, 1.0])
    steps = FEATURES[[0, 1]] - FEATURES[[2, 5]]
    expected = (3 * np.outer(steps[0], steps[0]) + np.outer(steps[1], steps[1])) / 8
    np.testing.assert_allclose(contact_scatter(FEATURES, pairs, lengths), expected)


def test_without_contacts_or_features_there_is_nothing_to_scatter():
    none = np.zeros((2, 0), np.int64)
    assert not contact_scatter(FEATURES, none, np.zeros(0)).any()
    assert cut_coordinates(np.zeros((5, 0)), np.zeros((0, 0)), np.zeros((0, 0))).shape == (5, 0)


def test_the_coordinates_of_the_normalized_cut_are_those_of_a_dense_solver():
    affinity = RNG.random((25, 25))
    affinity += affinity.T
    weights = RNG.random(25)
    found = normalized_cut(affinity, weights)

    weighted = affinity * np.outer(weights, weights)
    degree = weighted.sum(1)
    values, vectors = np.linalg.eig(weighted / degree[:, None])  # random walk, unsymmetric
    order = np.argsort(-values.real)
    np.testing.assert_allclose(found.eigenvalues, values.real[order][:17], atol=1e-9)
    for place, one in enumerate(order[1:17]):
        vector = vectors[:, one].real
        vector /= np.sqrt(degree @ vector**2)
        inner = np.clip(values[one].real, 0, 0.999)
        vector *= np.sqrt(inner / (1 - inner))
        own = found.coordinates[:, place]
        np.testing.assert_allclose(own * np.sign(own @ vector), vector, atol=1e-7)


def test_blocks_without_ties_between_them_stand_out():
    consensus = np.kron(1 - np.eye(3), np.ones((10, 10))) * 5 + 0.1
    np.fill_diagonal(consensus, 0)
    affinity = affinities(consensus, consensus)
    assert normalized_cut(affinity, np.ones(30)).n_outstanding == 3


def test_every_pair_has_some_affinity_and_far_ones_weigh_as_much_as_near_ones():
    places = RNG.normal(size=(40, 2))
    far = np.linalg.norm(places[:, None] - places, axis=2)
    near = np.linalg.norm(places[:, None, ::-1] - places[:, ::-1], axis=2) / far.mean()
    found = affinities(far, near)
    assert (found > 0).all()
    np.testing.assert_allclose(found, found.T)
