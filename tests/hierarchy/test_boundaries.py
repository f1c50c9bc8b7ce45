"""Boundary maps, and the superpixels that the merge tree starts from."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.sparse import csr_array

from napari_dsc.hierarchy.maps import boundary_maps, fine_partition
from napari_dsc.hierarchy.region_trees import gradient_magnitude
from napari_dsc.hierarchy.spectral import (
    half_disk,
    mutual_information,
    pixel_affinity,
    reduced,
    slow_vectors,
    spectral_boundaries,
)
from napari_dsc.labels.regions import connected_regions


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def halves(rng):
    """Dark and bright spots left, red and green ones right, (3, 72, 96) in Lab units."""
    colors = np.zeros((3, 12, 16), np.float32)
    colors[0] = 50 + 20 * rng.choice([-1, 1], (12, 16))
    colors[0, :, 8:] = 50
    colors[1, :, 8:] = 20 * rng.choice([-1, 1], (12, 8))
    return ndimage.gaussian_filter(colors.repeat(6, 1).repeat(6, 2), (0, 1, 1))


def test_half_of_the_steps_within_a_radius_are_given():
    offsets = half_disk(2.5)
    both = {(row, column) for row, column in offsets} | {(-r, -c) for r, c in offsets}
    disk = {(r, c) for r in range(-3, 4) for c in range(-3, 4) if 0 < r * r + c * c <= 2.5**2}
    assert both == disk
    assert len(offsets) == len(disk) / 2


@pytest.mark.parametrize(("shape", "small"), [((9, 12), (3, 4)), ((1, 7), (1, 2))])
def test_a_reduced_image_has_the_mean_of_each_block(shape, small, rng):
    colors = rng.random((2, *shape))
    found = reduced(colors, 3, 10**6)
    assert found.shape == (2, *small)
    if shape == (9, 12):
        expected = colors.reshape(2, 3, 3, 4, 3).mean(axis=(2, 4))
        np.testing.assert_allclose(found, expected)


def test_a_huge_image_is_reduced_to_the_most_pixels(rng):
    height, width = reduced(rng.random((1, 200, 300)), 3, 600)[0].shape
    assert height * width <= 630
    assert width / height == pytest.approx(1.5, rel=0.05)


def test_mutual_information_is_that_of_the_plain_loops(rng):
    codes, words = rng.integers(4, size=(9, 11)), rng.normal(0, 0.3, (4, 2))
    joint = np.zeros((4, 4))
    places = np.argwhere(np.ones_like(codes))
    for one in places:
        for other in places:
            distance = np.hypot(*(one - other))
            if 2 <= distance <= 6:
                joint[codes[tuple(one)], codes[tuple(other)]] += np.exp(-(distance**2) / 18)
    kernel = np.exp(-((words[:, None] - words[None]) ** 2).sum(-1) / (2 * 0.25**2))
    kernel /= kernel.sum(0)
    density = kernel @ joint @ kernel.T
    density /= density.sum()
    share = density.sum(1)
    expected = np.log(density**1.25 / np.outer(share, share))

    found = mutual_information(codes, words)

    np.testing.assert_allclose(found, np.clip(expected, -12, 8), atol=1e-5)
    np.testing.assert_allclose(found, found.T)


def test_the_affinity_of_two_pixels_is_read_from_the_table(rng):
    codes, information = rng.integers(3, size=(7, 8)), rng.normal(size=(3, 3))
    information += information.T
    affinity = pixel_affinity(codes, information).toarray()
    places = np.argwhere(np.ones_like(codes))
    for i, one in enumerate(places):
        for j, other in enumerate(places):
            distance = np.hypot(*(one - other))
            expected = np.exp(information[codes[tuple(one)], codes[tuple(other)]])
            expected = expected if 0 < distance <= 5 else 1e-3 * (distance == 0)
            assert affinity[i, j] == pytest.approx(expected)


def test_slow_vectors_are_those_of_the_dense_laplacian(rng):
    weights = rng.random((60, 60))
    weights += weights.T
    values, vectors = slow_vectors(csr_array(weights), 4)
    degrees = weights.sum(1)
    laplacian = np.eye(60) - weights / np.sqrt(np.outer(degrees, degrees))
    expected, dense = np.linalg.eigh(laplacian)
    np.testing.assert_allclose(values, expected[1:5], rtol=1e-2)
    first = dense[:, 1] / np.sqrt(degrees)
    assert abs(np.corrcoef(first, vectors[:, 0])[0, 1]) > 0.99


def test_the_border_of_two_textures_is_stronger_than_what_is_in_them(halves):
    strength = spectral_boundaries(halves, seed=0)
    local = boundary_maps(halves, 0).local
    for strength_of_border, is_stronger in ((strength, True), (local, False)):
        border, inside = strength_of_border[:, 45:51].mean(), strength_of_border[:, 9:39].mean()
        assert (border > 1.5 * inside) == is_stronger


def test_the_same_seed_gives_the_same_boundaries(halves):
    np.testing.assert_array_equal(
        spectral_boundaries(halves, seed=1), spectral_boundaries(halves, seed=1)
    )


def test_a_mirrored_image_has_mirrored_boundaries_about(halves):
    one = spectral_boundaries(halves, seed=0)
    other = spectral_boundaries(halves[..., ::-1], seed=0)[..., ::-1]
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 2), (3, 20, 20), (1, 30, 40)])
def test_flat_and_tiny_images_have_no_boundaries(shape):
    maps = boundary_maps(np.full(shape, 40, np.float32), 0)
    assert [one.shape for one in maps] == [shape[1:]] * 2
    assert maps.local.max() == 0
    assert maps.spectral.max() < 1e-3


def test_the_local_map_is_the_mean_gradient_of_two_scales(halves):
    expected = (gradient_magnitude(halves, 1.0) / 8 + gradient_magnitude(halves, 2.0) / 8.5) / 2
    np.testing.assert_allclose(boundary_maps(halves, 0).local, expected, rtol=1e-5)


def test_the_spectral_map_of_a_volume_is_that_of_its_planes(halves):
    volume = np.stack([halves, halves[..., ::-1]], axis=1)
    found = boundary_maps(volume, 0).spectral
    np.testing.assert_array_equal(found[1], spectral_boundaries(halves[..., ::-1], 0))


def test_superpixels_follow_the_boundaries(rng):
    strength = 0.01 * rng.random((40, 60))
    strength[19:21], strength[:, 29:31] = 1.0, 1.0
    superpixels = fine_partition(strength, 4)
    corners = superpixels[[5, 5, 35, 35], [5, 55, 5, 55]]
    assert sorted(corners) == [0, 1, 2, 3]
    assert (superpixels[:18, :28] == superpixels[0, 0]).all()


@pytest.mark.parametrize("n_superpixels", [2, 30, 200])
def test_superpixels_are_as_many_as_asked_for_connected_and_no_specks(n_superpixels, rng):
    strength = ndimage.gaussian_filter(rng.random((80, 90)), 1)
    superpixels = fine_partition(strength, n_superpixels)
    sizes = np.bincount(superpixels.ravel())
    assert len(sizes) == n_superpixels
    assert sizes.min() >= strength.size / n_superpixels / 7
    np.testing.assert_array_equal(superpixels, connected_regions(superpixels))


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (6, 6), (2, 3, 4)])
def test_flat_maps_give_one_superpixel(shape):
    assert fine_partition(np.zeros(shape), 5).tolist() == np.zeros(shape, int).tolist()


def test_a_volume_is_divided_too(rng):
    strength = ndimage.gaussian_filter(rng.random((8, 20, 20)), 1)
    superpixels = fine_partition(strength, 12)
    assert superpixels.shape == strength.shape
    assert superpixels.max() == 11
