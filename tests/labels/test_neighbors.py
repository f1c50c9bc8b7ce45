import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from napari_dsc.labels import neighbors


def test_centroids_agree_with_loops():
    labels = np.array([[0, 0, 1], [0, 2, 1], [2, 2, 1]])

    expected = oracles.centers_of_mass(labels)

    np.testing.assert_allclose(neighbors.region_centroids(labels), expected)


def test_centroids_of_a_volume_have_three_coordinates():
    volume = np.zeros((2, 2, 2), np.int64)
    volume[1] = 1

    assert neighbors.region_centroids(volume).tolist() == [[0, 0.5, 0.5], [1, 0.5, 0.5]]


def test_a_pair_at_exactly_the_radius_is_no_pair():
    centers = np.array([[0.0, 0.0], [0.0, 3.0]])

    assert neighbors.neighbor_pairs(centers, 3.0).shape == (2, 2)
    assert neighbors.neighbor_pairs(centers, 3.0001).shape == (2, 4)


@settings(max_examples=30)
@given(st.integers(0, 99), st.sampled_from([(), (1.0, 1.0, 1.0), (4.0, 0.5, 1.0)]))
def test_pairs_in_space_agree_with_loops(seed, spacing):
    volume = np.random.default_rng(seed).permutation(np.arange(36) % 5).reshape(3, 3, 4)
    sizes = np.array(spacing or (1, 1, 1))
    centers = [np.argwhere(volume == label).mean(0) * sizes for label in range(5)]
    radius = 0.5 * (36 * sizes.prod() / 5) ** (1 / 3)

    found = set(zip(*neighbors.region_pairs(volume, 0.5, spacing).tolist(), strict=True))

    near = [[np.linalg.norm(one - other) < radius for one in centers] for other in centers]
    assert found == {(a, b) for a in range(5) for b in range(5) if near[a][b]}
