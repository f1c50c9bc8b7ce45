"""Colors, filters and codebooks of the merge tree."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.color import rgb2lab

from napari_dsc.hierarchy.codebooks import (
    fit_codebook,
    hard_words,
    soft_words,
    squared_distances,
)
from napari_dsc.hierarchy.filters import N_RESPONSES, filter_responses, oriented_kernels
from napari_dsc.hierarchy.maps import perceptual


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_three_channels_become_lab(rng):
    pixels = rng.random((3, 5, 6), np.float32)
    expected = rgb2lab(pixels, channel_axis=0)
    np.testing.assert_allclose(perceptual(pixels), expected, atol=1e-3)


def test_one_channel_becomes_lightness(rng):
    pixels = rng.random((1, 5, 6), np.float32)
    np.testing.assert_allclose(perceptual(pixels), 100 * pixels)


def test_five_channels_become_their_main_components(rng):
    main = ndimage.gaussian_filter(rng.normal(size=(40, 40)), 3)
    side = ndimage.gaussian_filter(rng.normal(size=(40, 40)), 3)
    mixed = np.stack([main, 3 * main, -main, 0.1 * side, rng.normal(size=(40, 40)) * 1e-9])
    colors = perceptual(mixed.astype(np.float32))
    assert colors.shape == (3, 40, 40)
    assert (colors[0].min(), colors[0].max()) == (0, 100)
    assert abs(np.corrcoef(colors[0].ravel(), main.ravel())[0, 1]) > 0.99
    assert colors[1].std() == pytest.approx(20, rel=1e-3)


# the eigenvector of two alike channels is (-0.7, -0.7) in LAPACK, that of five is positive
@pytest.mark.parametrize("n_channels", [2, 5])
def test_lightness_is_high_where_the_channels_are(rng, n_channels):
    main = ndimage.gaussian_filter(rng.random((40, 40)), 3)
    noise = 0.001 * rng.random((n_channels, 40, 40))
    lightness = perceptual((main + noise).astype(np.float32))[0]
    assert np.corrcoef(lightness.ravel(), main.ravel())[0, 1] > 0.99


def test_the_scale_of_a_channel_does_not_matter_where_there_are_five(rng):
    pixels = ndimage.gaussian_filter(rng.random((5, 30, 30)), (0, 2, 2)).astype(np.float32)
    scaled = pixels * np.float32([1, 0.1, 0.5, 0.02, 1])[:, None, None]
    np.testing.assert_allclose(perceptual(scaled), perceptual(pixels), atol=0.05)


def test_a_flat_image_of_five_channels_has_flat_colors():
    assert np.ptp(perceptual(np.full((5, 4, 4), 0.5, np.float32)), axis=(1, 2)).max() == 0


def test_kernels_see_no_flat_image_and_weigh_the_same():
    kernels = oriented_kernels(2)
    assert kernels.shape == (12, 19, 19)
    np.testing.assert_allclose(kernels.sum(axis=(1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(np.abs(kernels).sum(axis=(1, 2)), 1)


@pytest.mark.parametrize(("number", "scale", "kernel"), [(0, 1, 0), (8, 1, 8), (13 + 5, 2, 5)])
def test_responses_are_correlations_with_the_kernels(number, scale, kernel, rng):
    lightness = 100 * rng.random((12, 17), np.float32)
    expected = ndimage.correlate(
        lightness.astype(np.float64), oriented_kernels(scale)[kernel], mode="mirror"
    )
    np.testing.assert_allclose(filter_responses(lightness)[number], expected, atol=1e-3)


def test_the_last_response_of_a_size_is_what_a_blur_takes_away(rng):
    lightness = 100 * rng.random((12, 17), np.float32)
    expected = lightness - ndimage.gaussian_filter(lightness, 2, mode="mirror")
    np.testing.assert_allclose(filter_responses(lightness)[-1], expected, atol=1e-4)


def test_a_vertical_edge_is_seen_by_the_filter_across_it():
    lightness = np.repeat([[0.0, 100.0]], 12, axis=1).repeat(24, axis=0)
    edges = np.abs(filter_responses(lightness)[:6, 12, 11:13]).max(axis=1)
    assert edges.argmax() == 0
    assert edges[3] < 1e-3 < edges[0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 40), (2, 9, 8)])
def test_responses_have_the_shape_of_the_image(shape, rng):
    lightness = rng.random(shape, np.float32)
    responses = filter_responses(lightness)
    assert responses.shape == (N_RESPONSES, *shape)
    assert np.isfinite(responses).all()


def test_the_planes_of_a_volume_are_filtered_one_by_one(rng):
    volume = rng.random((3, 20, 21), np.float32)
    np.testing.assert_array_equal(filter_responses(volume)[:, 1], filter_responses(volume[1]))


def test_a_codebook_finds_the_centers_of_blobs(rng):
    centers = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    samples = np.repeat(centers, 50, axis=0) + rng.normal(0, 0.1, (150, 2))
    words = fit_codebook(samples, 12, np.random.default_rng(4))
    assert len(words) == 12
    np.testing.assert_allclose(words[hard_words(centers, words)], centers, atol=0.2)


def test_a_codebook_of_equal_samples_has_their_value():
    words = fit_codebook(np.full((20, 2), 3.0), 4, np.random.default_rng(0))
    np.testing.assert_array_equal(words, np.full((4, 2), 3))


def test_a_codebook_has_no_more_words_than_samples(rng):
    assert len(fit_codebook(rng.normal(size=(2, 3)), 8, rng)) == 2


def test_distances_are_those_of_the_plain_formula(rng):
    samples, words = rng.normal(size=(7, 3)), rng.normal(size=(4, 3))
    expected = ((samples[:, None] - words[None]) ** 2).sum(-1)
    np.testing.assert_allclose(squared_distances(samples, words), expected, atol=1e-5)
    np.testing.assert_array_equal(hard_words(samples, words), expected.argmin(1))


def test_soft_words_fall_with_the_distance_in_units_of_the_median(rng):
    samples, words = rng.normal(size=(9, 2)), rng.normal(size=(3, 2))
    squares = ((samples[:, None] - words[None]) ** 2).sum(-1)
    width = 0.5 * np.median(squares.min(1))
    expected = np.exp(-squares / width)
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(soft_words(samples, words), expected, atol=1e-5)


def test_samples_that_are_words_are_those_words_alone(rng):
    words = rng.normal(size=(5, 2))
    np.testing.assert_allclose(soft_words(words, words), np.eye(5), atol=1e-6)
