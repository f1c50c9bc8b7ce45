"""The greedy runs and their consensus, against slow code straight from the definitions."""

import itertools

import numpy as np
import pytest

from napari_dsc.hierarchy.agglomeration import Merges, Variants, agglomerate
from napari_dsc.hierarchy.consensus import average_linkage, draw_variants, mean_altitudes
from napari_dsc.hierarchy.descriptors import Descriptors


def adjacency(rows, columns):
    """Pairs of a grid of regions with one diagonal, (2, E)."""
    grid = np.arange(rows * columns).reshape(rows, columns)
    steps = (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[:-1, :-1], np.s_[1:, 1:]),
    )
    return np.concatenate(
        [np.stack([grid[one].ravel(), grid[other].ravel()]) for one, other in steps], axis=1
    )


def random_descriptors(rows=4, columns=5, seed=0, n_channels=3):
    rng = np.random.default_rng(seed)
    pairs = adjacency(rows, columns)
    n, n_edges = rows * columns, pairs.shape[1]
    mean = rng.normal(size=(n, n_channels))
    return Descriptors(
        sizes=rng.integers(5, 50, n).astype(float),
        moments=np.stack([mean, mean**2 + rng.random(mean.shape)], axis=1),
        histograms=rng.dirichlet(np.full(6, 0.3), (n, 2)).astype(np.float32),
        pairs=pairs,
        lengths=rng.integers(1, 30, n_edges).astype(float),
        boundaries=rng.random((n_edges, 2)),
    )


def random_variants(n_runs=3, seed=0):
    rng = np.random.default_rng(seed)
    return Variants(rng.random((n_runs, 6)), rng.random(n_runs), rng.random(n_runs) / 20)


def slow_cost(one, other, descriptors, variants, run):
    """Cost of merging two sets of superpixels, everything summed anew."""
    sides = [sorted(one), sorted(other)]
    sizes = [descriptors.sizes[side].sum() for side in sides]

    def means(values):
        return [
            np.average(values[side], axis=0, weights=descriptors.sizes[side]) for side in sides
        ]

    between = [
        edge
        for edge, (a, b) in enumerate(descriptors.pairs.T)
        if (a in one and b in other) or (a in other and b in one)
    ]
    lengths = descriptors.lengths[between]
    terms = list(np.average(descriptors.boundaries[between], axis=0, weights=lengths))
    for which in range(2):
        x, y = means(descriptors.histograms[:, which].astype(float))
        terms.append(
            np.sqrt(0.5 * sum((a - b) ** 2 / (a + b) for a, b in zip(x, y, strict=True)))
        )
    (mean, square), (mean2, square2) = means(descriptors.moments)
    terms.append(np.linalg.norm(mean - mean2))
    terms.append(np.linalg.norm(np.sqrt(square - mean**2) - np.sqrt(square2 - mean2**2)))
    share = min(sizes) / descriptors.sizes.sum()
    factor = (share / (share + variants.offsets[run])) ** variants.exponents[run]
    return np.dot(variants.weights[run], terms) * factor


def touching(regions, pairs):
    """Pairs of regions, sets of superpixels, that some pair of superpixels joins."""
    for one, other in itertools.combinations(regions, 2):
        if any((a in one and b in other) or (a in other and b in one) for a, b in pairs.T):
            yield one, other


def slow_agglomeration(descriptors, cost):
    """Each merge, as the set that it makes, and its altitude."""
    regions = [frozenset([j]) for j in range(len(descriptors.sizes))]
    made, altitude = [], 0.0
    while len(regions) > 1:
        pairs = list(touching(regions, descriptors.pairs))
        prices = [cost(one, other) for one, other in pairs]
        one, other = pairs[int(np.argmin(prices))]
        altitude = max(altitude, min(prices))
        regions = [region for region in regions if region not in (one, other)]
        regions.append(one | other)
        made.append((one | other, altitude))
    return made


def made_sets(merges, run):
    """Each merge of a run, as the set that it makes, and its altitude."""
    n = merges.kept.shape[1] + 1
    regions = {j: frozenset([j]) for j in range(n)}
    made = []
    for kept, absorbed, altitude in zip(
        merges.kept[run], merges.absorbed[run], merges.altitudes[run], strict=True
    ):
        regions[kept] |= regions.pop(absorbed)
        made.append((regions[kept], altitude))
    assert list(regions.values()) == [frozenset(range(n))]
    return made


def assert_same_merges(found, expected):
    assert [region for region, _ in found] == [region for region, _ in expected]
    np.testing.assert_allclose([a for _, a in found], [a for _, a in expected], rtol=1e-5)


@pytest.mark.parametrize("seed", [0, 1])
def test_runs_in_step_merge_as_a_slow_run_of_each(seed):
    descriptors, variants = random_descriptors(seed=seed), random_variants(seed=seed)
    merges = agglomerate(descriptors, variants)
    for run in range(3):

        def cost(one, other, run=run):
            return slow_cost(one, other, descriptors, variants, run)

        assert_same_merges(made_sets(merges, run), slow_agglomeration(descriptors, cost))
    assert made_sets(merges, 0) != made_sets(merges, 1)


def test_the_arguments_stay_as_they_were():
    descriptors, variants = random_descriptors(), random_variants()
    before = [np.copy(values) for values in (*descriptors, *variants)]
    merges = agglomerate(descriptors, variants)
    levels = mean_altitudes(merges)
    kept = levels.copy()
    average_linkage(levels, descriptors.pairs, descriptors.sizes)
    for one, other in zip(before, (*descriptors, *variants), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(levels, kept)


def test_two_superpixels_cost_what_the_formula_says():
    # chi is 1 for histograms without a common word; means 3 and 4 apart, no spread
    descriptors = Descriptors(
        sizes=np.array([1.0, 3.0]),
        moments=np.array([[[0.0, 0.0], [0.0, 0.0]], [[3.0, 4.0], [9.0, 16.0]]]),
        histograms=np.array([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], np.float32),
        pairs=np.array([[0], [1]]),
        lengths=np.array([2.0]),
        boundaries=np.array([[0.5, 7.0]]),
    )
    weights = np.array([[10.0, 1.0, 100.0, 1000.0, 0.1, 50.0]])
    variants = Variants(weights, np.array([2.0]), np.array([0.25]))
    merges = agglomerate(descriptors, variants)
    # (10 * 0.5 + 7 + 100 * 1 + 0 + 0.1 * 5 + 0) * (0.25 / 0.5) ** 2
    np.testing.assert_allclose(merges.altitudes, [[112.5 / 4]], rtol=1e-6)


def test_one_superpixel_has_nothing_to_merge():
    descriptors = Descriptors(
        np.ones(1),
        np.zeros((1, 2, 1)),
        np.ones((1, 2, 1), np.float32),
        np.zeros((2, 0), int),
        np.zeros(0),
        np.zeros((0, 2)),
    )
    merges = agglomerate(descriptors, random_variants(2))
    assert merges.kept.shape == merges.altitudes.shape == (2, 0)
    levels = mean_altitudes(merges)
    np.testing.assert_array_equal(levels, [[0.0]])
    assert average_linkage(levels, descriptors.pairs, descriptors.sizes).kept.shape == (1, 0)


def test_the_mean_altitude_of_two_superpixels_is_that_of_their_first_common_region():
    descriptors = random_descriptors()
    merges = agglomerate(descriptors, random_variants())
    n = len(descriptors.sizes)
    expected = np.zeros((n, n))
    for run in range(3):
        made = made_sets(merges, run)
        for a, b in itertools.permutations(range(n), 2):
            step = next(k for k, (region, _) in enumerate(made) if {a, b} <= region)
            expected[a, b] += 0.65 * made[step][1] + 0.0525 * np.log(n / (n - step))
    np.testing.assert_allclose(mean_altitudes(merges), expected / 3)


def test_average_linkage_takes_the_mean_over_all_pairs_of_pixels():
    descriptors = random_descriptors(seed=3)
    rng = np.random.default_rng(3)
    levels = rng.random((20, 20))
    levels += levels.T
    sizes = descriptors.sizes

    def cost(one, other):
        one, other = sorted(one), sorted(other)
        return (
            sizes[one]
            @ levels[np.ix_(one, other)]
            @ sizes[other]
            / (sizes[one].sum() * sizes[other].sum())
        )

    merges = average_linkage(levels, descriptors.pairs, sizes)
    assert_same_merges(made_sets(merges, 0), slow_agglomeration(descriptors, cost))


def test_altitudes_never_fall():
    descriptors = random_descriptors(8, 9, seed=5)
    merges = agglomerate(descriptors, random_variants(4))
    linked = average_linkage(mean_altitudes(merges), descriptors.pairs, descriptors.sizes)
    assert isinstance(linked, Merges)
    for altitudes in (merges.altitudes, linked.altitudes):
        assert (np.diff(altitudes, axis=1) >= 0).all()
        assert altitudes.min() > 0


def test_another_numbering_of_superpixels_makes_the_same_regions():
    descriptors, variants = random_descriptors(6, 7), random_variants()
    number = np.random.default_rng(1).permutation(42)  # new number of each superpixel
    old = np.argsort(number)
    renumbered = Descriptors(
        descriptors.sizes[old],
        descriptors.moments[old],
        descriptors.histograms[old],
        number[descriptors.pairs[::-1]],
        descriptors.lengths,
        descriptors.boundaries,
    )
    first, second = (agglomerate(given, variants) for given in (descriptors, renumbered))
    linked = [
        average_linkage(mean_altitudes(merges), given.pairs, given.sizes)
        for merges, given in ((first, descriptors), (second, renumbered))
    ]
    for one, other, run in ((first, second, 0), (first, second, 2), (*linked, 0)):
        expected = [(frozenset(number[list(r)]), a) for r, a in made_sets(one, run)]
        assert_same_merges(made_sets(other, run), expected)


def test_the_first_run_of_a_bag_is_the_plain_one_and_no_other_is():
    variants = draw_variants(16, 0)
    assert (variants.exponents[0], variants.offsets[0]) == (0.5, 0.003)
    np.testing.assert_allclose(variants.weights[0, [0, 4]], [0.5 / 0.995, 0.1 / 2.19])
    assert len(np.unique(variants.weights, axis=0)) == 16
    assert len(np.unique(variants.exponents)) == 2


def test_a_bag_depends_on_nothing_but_its_seed():
    for one, other in zip(draw_variants(5, 3), draw_variants(5, 3), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(draw_variants(5, 3).weights, draw_variants(5, 4).weights)
