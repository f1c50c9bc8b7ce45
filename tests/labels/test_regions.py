import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label as skimage_label

import oracles
from napari_dsc.labels import regions

small_labels = arrays(
    np.int64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 3)
)


def test_mean_of_four_pixels_by_hand():
    values = torch.tensor([[1.0, 0.0], [3.0, 0.0], [5.0, 8.0], [7.0, 0.0]])

    means = regions.region_mean(values, torch.tensor([1, 1, 0, 0]), 2)

    assert means.tolist() == [[6.0, 4.0], [2.0, 0.0]]


def test_mean_agrees_with_loops():
    rng = np.random.default_rng(0)
    values, flat = rng.normal(size=(30, 3)), np.arange(30) % 4

    means = regions.region_mean(torch.from_numpy(values), torch.from_numpy(flat), 4)

    expected = [oracles.mean_of_region(values, flat, j) for j in range(4)]
    np.testing.assert_allclose(means, expected)


def test_mean_has_exact_gradients():
    values = torch.rand(6, 2, dtype=torch.float64, requires_grad=True)
    flat = torch.tensor([0, 1, 1, 2, 2, 2])

    assert torch.autograd.gradcheck(lambda v: regions.region_mean(v, flat, 3), values)


def test_majority_takes_the_smallest_of_tied_labels():
    labels, flat = torch.tensor([2, 1, 1, 2, 0]), torch.tensor([0, 0, 0, 0, 1])

    assert regions.region_majority(labels, flat, 2, 3).tolist() == [1, 0]


def test_centroids_agree_with_loops():
    labels = np.array([[0, 0, 1], [0, 2, 1], [2, 2, 1]])

    expected = oracles.centers_of_mass(labels)

    np.testing.assert_allclose(regions.region_centroids(labels), expected)


def test_centroids_of_a_volume_have_three_coordinates():
    volume = np.zeros((2, 2, 2), np.int64)
    volume[1] = 1

    assert regions.region_centroids(volume).tolist() == [[0, 0.5, 0.5], [1, 0.5, 0.5]]


def test_a_pair_at_exactly_the_radius_is_no_pair():
    centers = np.array([[0.0, 0.0], [0.0, 3.0]])

    assert regions.neighbour_pairs(centers, 3.0).shape == (2, 2)
    assert regions.neighbour_pairs(centers, 3.0001).shape == (2, 4)


@settings(max_examples=30)
@given(st.integers(0, 99), st.sampled_from([(), (1.0, 1.0, 1.0), (4.0, 0.5, 1.0)]))
def test_pairs_in_space_agree_with_loops(seed, spacing):
    volume = np.random.default_rng(seed).permutation(np.arange(36) % 5).reshape(3, 3, 4)
    sizes = np.array(spacing or (1, 1, 1))
    centers = [np.argwhere(volume == label).mean(0) * sizes for label in range(5)]
    radius = 0.5 * (36 * sizes.prod() / 5) ** (1 / 3)

    found = set(zip(*regions.region_pairs(volume, 0.5, spacing).tolist(), strict=True))

    near = [[np.linalg.norm(one - other) < radius for one in centers] for other in centers]
    assert found == {(a, b) for a in range(5) for b in range(5) if near[a][b]}


@settings(max_examples=60)
@given(small_labels)
def test_connected_regions_are_those_of_scikit_image(labels):
    ours = regions.connected_regions(labels)
    theirs = skimage_label(labels + 1, connectivity=1)

    pairs = set(zip(ours.ravel().tolist(), theirs.ravel().tolist(), strict=True))
    assert len(pairs) == ours.max() + 1 == theirs.max()


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
