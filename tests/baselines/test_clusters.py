import itertools

import numpy as np
import pytest
from scipy import sparse
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.metrics import adjusted_rand_score

from napari_dsc.baselines.clusters import (
    affinity_graph,
    kmeans,
    normalized_cut,
    recursive_cuts,
)
from napari_dsc.params import ClusterParams

ONCE = ClusterParams(n_starts=1)


@pytest.fixture
def clouds():
    """Three clouds of ten points in four dimensions, and which point is whose."""
    rng = np.random.default_rng(0)
    centers = np.array([[0, 0, 0, 0], [5, 0, 0, 0], [0, 5, 5, 0]])
    owners = np.arange(3).repeat(10)
    return centers[owners] + rng.normal(0, 0.3, (30, 4)), owners


def spread(rows, classes):
    return sum(
        np.square(rows[classes == k] - rows[classes == k].mean(0)).sum()
        for k in np.unique(classes)
    )


def test_kmeans_finds_clouds(clouds):
    points, owners = clouds
    assert adjusted_rand_score(owners, kmeans(points, 3, seed=0)) == 1


def test_kmeans_spreads_no_more_than_that_of_scikit_learn():
    rows = np.random.default_rng(1).random((60, 3))
    theirs = KMeans(5, n_init=10, random_state=0).fit(rows).inertia_
    assert spread(rows, kmeans(rows, 5, seed=0, n_starts=50)) <= 1.001 * theirs


def test_kmeans_of_fewer_different_rows_than_classes_takes_the_rows():
    rows = np.array([[1.0], [1.0], [2.0], [2.0]])
    classes = kmeans(rows, 3, seed=0)
    assert classes[0] == classes[1] != classes[2] == classes[3]


def test_more_starts_never_spread_more():
    rows = np.random.default_rng(2).random((80, 2))
    one, many = (spread(rows, kmeans(rows, 12, 3, n_starts)) for n_starts in (1, 20))
    assert many < one


def test_affinity_follows_color_distance_between_neighbors_only():
    superpixels = np.array([[0, 1, 2, 3]])
    features = np.array([[0.0], [1.0], [3.0], [9.0]])

    params = ClusterParams(radius_factor=1.5, affinity_factor=0.5)
    affinity = affinity_graph(features, superpixels, params).toarray()

    scale = 0.5**2 * (1 + 4 + 36) / 3
    expected = np.eye(4)
    for a, square in ((0, 1), (1, 4), (2, 36)):
        expected[a, a + 1] = expected[a + 1, a] = np.exp(-square / scale)
    np.testing.assert_allclose(affinity, expected)


def ncut_of(affinity, side):
    """Shi and Malik's normalized cut of a set of nodes and the rest."""
    cut = affinity[side][:, ~side].sum()
    return cut / affinity[side].sum() + cut / affinity[~side].sum()


def test_the_cut_in_two_is_the_best_of_all_cuts():
    rng = np.random.default_rng(3)
    affinity = rng.random((8, 8)) * 0.2
    affinity[:3, :3] += 0.8
    affinity[3:, 3:] += 0.8
    affinity = (affinity + affinity.T) / 2

    classes = normalized_cut(sparse.csr_array(affinity), 2, ClusterParams())

    sides = (np.array(side) for side in itertools.product([False, True], repeat=8))
    best = min((s for s in sides if 0 < s.sum() < 8), key=lambda s: ncut_of(affinity, s))
    assert adjusted_rand_score(best, classes) == 1


def test_the_cut_in_several_agrees_with_scikit_learn(clouds):
    points, owners = clouds
    squares = np.square(points[:, None] - points).sum(2)
    affinity = np.exp(-squares / 10)
    theirs = SpectralClustering(3, affinity="precomputed", random_state=0).fit_predict(affinity)
    ours = normalized_cut(sparse.csr_array(affinity), 3, ONCE)
    assert adjusted_rand_score(theirs, ours) == adjusted_rand_score(owners, ours) == 1


def test_large_and_small_graphs_are_cut_alike(monkeypatch):
    two_rows = sparse.csr_array(sparse.block_diag([np.ones((30, 30))] * 2) + 1e-3 * np.ones(60))
    dense = normalized_cut(two_rows, 2, ONCE)
    monkeypatch.setattr("napari_dsc.baselines.clusters.DENSE", 10)
    assert adjusted_rand_score(dense, normalized_cut(two_rows, 2, ONCE)) == 1
    assert adjusted_rand_score(dense, np.arange(2).repeat(30)) == 1


def test_recursive_cuts_join_superpixels_of_one_color():
    labels = np.kron([[0, 1], [2, 3]], np.ones((16, 16), int))
    superpixels = np.arange(16).reshape(4, 4).repeat(8, 0).repeat(8, 1)
    pixels = np.eye(4, 3, dtype=np.float32)[labels].transpose(2, 0, 1)

    whole, cut = map(recursive_cuts(pixels, superpixels, seed=0), (0.0, 0.5))

    assert len(np.unique(whole)) == 1
    assert adjusted_rand_score(labels.ravel(), cut.ravel()) == 1


def test_clusters_depend_on_the_seed_alone(clouds):
    points, _ = clouds
    np.random.seed(5)  # noqa: NPY002 - the state that must stay
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    before = points.copy()

    first, second = (kmeans(points, 7, seed=4, n_starts=1) for _ in range(2))

    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(points, before)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
