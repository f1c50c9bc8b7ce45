"""What is known of each superpixel, against sums over its pixels."""

import itertools

import numpy as np
import pytest

from napari_dsc.hierarchy import samples
from napari_dsc.hierarchy.descriptors import contacts, describe
from napari_dsc.hierarchy.samples import (
    Samples,
    fit_words,
    histograms_of,
    pooling,
    sample,
    sample_places,
)


def described(features, maps, superpixels, seed):
    return describe(sample(features, superpixels), maps, superpixels, seed)


def blocks(shape, side):
    """Superpixels on a grid of cells."""
    cells = [np.arange(n) // side for n in shape]
    numbers = np.zeros(shape, np.int64)
    for cell, place in zip(cells, np.ix_(*cells), strict=True):
        numbers = numbers * (cell[-1] + 1) + place
    return numbers


@pytest.mark.parametrize("shape", [(7, 9), (4, 6, 5)])
def test_contacts_are_the_faces_between_superpixels(shape):
    rng = np.random.default_rng(0)
    superpixels = blocks(shape, 2)
    maps = rng.random((2, *shape))
    faces = {}
    for place in np.ndindex(shape):
        for axis in range(len(shape)):
            near = tuple(np.add(place, np.eye(len(shape), dtype=int)[axis]))
            if near[axis] < shape[axis] and superpixels[place] != superpixels[near]:
                pair = tuple(sorted((superpixels[place], superpixels[near])))
                strength = [(values[place] + values[near]) / 2 for values in maps]
                faces.setdefault(pair, []).append(strength)

    pairs, lengths, boundaries = contacts(superpixels, maps)

    assert [tuple(pair) for pair in pairs.T] == sorted(faces)
    for pair, length, boundary in zip(pairs.T, lengths, boundaries, strict=True):
        expected = faces[tuple(pair)]
        assert length == len(expected)
        np.testing.assert_allclose(boundary, np.mean(expected, axis=0))


def test_one_superpixel_has_no_contacts():
    pairs, lengths, boundaries = contacts(np.zeros((3, 4), int), np.ones((2, 3, 4)))
    assert (pairs.shape, lengths.shape, boundaries.shape) == ((2, 0), (0,), (0, 2))


def test_every_superpixel_has_a_sample_however_thin():
    superpixels = np.zeros((400, 400), np.int64)
    superpixels[:, 1] = 1
    superpixels[201, 201] = 2
    places, step = sample_places(superpixels)
    assert step == 2
    assert len(places) == 200 * 200 + 2
    np.testing.assert_array_equal(np.bincount(superpixels.ravel()[places]), [40_000, 1, 1])


@pytest.mark.parametrize(("shape", "step"), [((2, 1), 1), ((321, 481), 2), ((40, 100, 80), 2)])
def test_the_grid_has_about_as_many_samples_in_images_of_all_sizes(shape, step):
    places, found = sample_places(np.zeros(shape, np.int64))
    assert found == step
    assert len(places) <= 1.2 * samples.N_SAMPLES


def test_pooling_takes_means():
    pool = pooling(np.array([1, 0, 1]))
    np.testing.assert_allclose(pool @ np.array([[1.0], [5.0], [3.0]]), [[5.0], [2.0]])


def test_moments_are_means_over_the_pixels_of_a_superpixel():
    rng = np.random.default_rng(0)
    features = rng.normal(50, 20, (3, 20, 24)).astype(np.float32)
    superpixels = blocks((20, 24), 5)
    found = described(features, features[:2], superpixels, 0)
    np.testing.assert_array_equal(found.sizes, np.bincount(superpixels.ravel()))
    for j in range(superpixels.max() + 1):
        colors = features[:, superpixels == j].astype(float) / 10
        np.testing.assert_allclose(found.moments[j, 0], colors.mean(axis=1), rtol=1e-5)
        np.testing.assert_allclose(found.moments[j, 1], (colors**2).mean(axis=1), rtol=1e-5)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_histograms_are_shares_of_words(n_channels):
    rng = np.random.default_rng(0)
    features = rng.normal(50, 20, (n_channels, 40, 40)).astype(np.float32)
    found = described(features, features[:1], blocks((40, 40), 8), 0)
    assert found.histograms.shape == (25, 2, 32)
    assert found.histograms.dtype == np.float32
    assert found.histograms.min() >= 0
    np.testing.assert_allclose(found.histograms.sum(axis=-1), 1, rtol=1e-5)


def test_superpixels_of_one_color_share_words_and_others_do_not():
    features = np.zeros((3, 32, 48), np.float32)
    features[:, :, 16:32] = 60
    superpixels = blocks((32, 48), 16)  # 0 1 2 / 3 4 5
    found = described(features, features[:1], superpixels, 0)
    histograms = found.histograms[:, 0]
    same, other = (np.minimum(histograms[0], histograms[j]).sum() for j in (2, 1))
    assert same == pytest.approx(1, abs=1e-3)
    assert other == pytest.approx(0, abs=1e-3)


def test_superpixels_of_one_mean_color_differ_in_texture():
    features = np.full((1, 32, 64), 50, np.float32)
    features[:, :, 32:] += 30 * (-1.0) ** np.arange(32)
    found = described(features, features, blocks((32, 64), 32), 0)
    assert np.minimum(*found.histograms[:, 1]).sum() < 0.5


def test_a_seed_gives_its_histograms_again():
    rng = np.random.default_rng(0)
    colors, energies = rng.normal(size=(300, 3)), rng.random((300, 5))
    pool = pooling(np.arange(300) // 30)

    def histograms(seed):
        samples = Samples(colors, energies, pool)
        return histograms_of(samples, fit_words([samples], seed))

    np.testing.assert_array_equal(histograms(0), histograms(0))
    assert not np.array_equal(histograms(0), histograms(1))


def test_images_of_few_pixels_are_described():
    for shape, side in itertools.product([(1, 2), (2, 3), (1, 1)], [1, 2]):
        superpixels = blocks(shape, side)
        found = described(
            np.ones((1, *shape), np.float32), np.ones((1, *shape)), superpixels, 0
        )
        assert len(found.moments) == superpixels.max() + 1
        for values in (found.histograms, found.moments, found.boundaries):
            assert np.isfinite(values).all()
