import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import napari_dsc
from napari_dsc import CutParams, SuperpixelParams
from napari_dsc.cut.coarse import coarse_image, coarse_shape, coarse_superpixels
from napari_dsc.superae.model import Embedding


@given(st.integers(0, 999), st.integers(1, 20), st.integers(1, 20), st.integers(1, 30))
def test_every_superpixel_has_a_coarse_superpixel(seed, height, width, n):
    rng = np.random.default_rng(seed)
    superpixels = np.unique(rng.integers(0, n, (20, 20)), return_inverse=True)[1].reshape(
        20, 20
    )
    coarse = coarse_superpixels(superpixels, (height, width))
    assert coarse.labels.shape == (height, width)
    np.testing.assert_array_equal(np.unique(coarse.labels), np.arange(len(coarse.members)))
    assert len(coarse.rows) == superpixels.max() + 1
    np.testing.assert_array_equal(coarse.rows[coarse.members], np.arange(len(coarse.members)))
    assert coarse.rows.max() < len(coarse.members)


def test_at_full_resolution_nothing_changes():
    superpixels = np.random.default_rng(0).integers(0, 9, (33, 40))
    superpixels = np.unique(superpixels, return_inverse=True)[1].reshape(33, 40)
    image = torch.rand(1, 3, 33, 40)
    shape = coarse_shape((33, 40), 1.0, 1.0)
    coarse = coarse_superpixels(superpixels, shape)
    np.testing.assert_array_equal(coarse.labels, superpixels)
    np.testing.assert_array_equal(coarse.rows, np.arange(9))
    assert torch.equal(coarse_image(image, shape), image)


def test_a_superpixel_without_a_coarse_pixel_takes_the_nearest():
    superpixels = np.zeros((1, 40), int)
    superpixels[:, 20:] = 1
    superpixels[:, 39] = 2
    coarse = coarse_superpixels(superpixels, (1, 4))
    np.testing.assert_array_equal(coarse.members, [0, 1])
    np.testing.assert_array_equal(coarse.rows, [0, 1, 1])


def test_pixels_of_the_smaller_image_are_means():
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert coarse_image(image, (2, 2)).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]


def test_short_sides_keep_their_length():
    assert coarse_shape((20, 400), 0.1, 1.0) == (20, 40)


@pytest.mark.parametrize("resolution", [0.5, 0.8])
def test_a_coarse_run_keeps_size_superpixels_and_seed(quadrants, resolution):
    image, _ = quadrants
    image = image.repeat(3, 0).repeat(3, 1)
    options = {
        "device": "cpu",
        "superpixel_params": SuperpixelParams(n_superpixels=24),
        "cut_params": CutParams(n_iterations=2, n_partitions=6, resolution=resolution),
    }
    first, second = (napari_dsc.segment(image, **options) for _ in range(2))
    assert first.labels.shape == image.shape[:2]
    np.testing.assert_array_equal(first.labels, second.labels)
    assert first.probabilities.shape == (first.superpixels.max(), 6)
    for one in np.unique(first.superpixels):
        assert len(np.unique(first.labels[first.superpixels == one])) == 1
    assert first.record["parameters"]["cut"]["resolution"] == resolution


def test_a_large_image_is_downsampled_to_the_pixels_allowed():
    assert coarse_shape((3000, 1000), 1.0, 0.75) == (1500, 500)
    assert coarse_shape((3000, 1000), 0.1, 0.75) == (300, 100)
    assert coarse_shape((300, 100), 1.0, 0.75) == (300, 100)


def test_the_limit_of_pixels_reaches_the_network(quadrants, monkeypatch):
    seen = []
    look = Embedding.levels
    monkeypatch.setattr(
        Embedding, "levels", lambda *args: seen.append(args[1].shape[-2:]) or look(*args)
    )
    image = quadrants[0].repeat(4, 0).repeat(4, 1)
    params = CutParams(n_iterations=1, megapixels=0.01)
    labels = napari_dsc.segment(image, device="cpu", cut_params=params).labels
    assert [tuple(shape) for shape in seen] == [(82, 122)]
    assert labels.shape == (128, 192)
