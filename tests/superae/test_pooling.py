"""Encoder levels pooled at their own resolution, against enlarging them first."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from napari_dsc.superae.blocks import pad_to_stride
from napari_dsc.superae.model import SuperAE, as_many_channels
from napari_dsc.superae.pooling import pool_levels


def blocks(shape, side):
    cells = np.meshgrid(*(np.arange(n) // side for n in shape), indexing="ij")
    return np.unique(np.stack(cells).reshape(len(shape), -1), axis=1, return_inverse=True)[
        1
    ].reshape(shape)


def enlarged(model, pixels):
    """Levels of the whole image at its size, (448, *S)."""
    many = as_many_channels(torch.from_numpy(pixels), model.n_channels)
    padded = pad_to_stride(many[None])
    mode = "bilinear" if model.ndim == 2 else "trilinear"
    with torch.no_grad():
        levels = [
            functional.interpolate(one, size=padded.shape[2:], mode=mode)[0]
            for one in model.encoder(padded)
        ]
    inside = tuple(slice(n) for n in pixels.shape[1:])
    return torch.cat(levels)[:, *inside].numpy()


def means(values, regions):
    flat = regions.ravel()
    sizes = np.bincount(flat)
    return np.stack([np.bincount(flat, one.ravel()) / sizes for one in values], 1)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return SuperAE(3).eval()


# several tiles; sides that are no multiples of the stride
@pytest.mark.parametrize("shape", [(9, 13), (30, 41), (530, 37)])
def test_means_are_those_of_the_enlarged_levels(model, shape):
    pixels = np.random.default_rng(0).random((3, *shape), np.float32)
    regions = blocks(shape, 7)
    [found] = pool_levels(model, pixels, [regions])
    expected = means(enlarged(model, pixels), regions)
    np.testing.assert_allclose(found.means, expected, atol=2e-5)
    # of the finest level, which is not enlarged, the squares are exact too
    squares = means(np.square(enlarged(model, pixels)[:64]), regions)
    np.testing.assert_allclose(found.squares[:, :64], squares, atol=2e-5)


def test_several_partitions_are_pooled_at_once(model):
    pixels = np.random.default_rng(0).random((3, 24, 20), np.float32)
    partitions = [blocks((24, 20), side) for side in (5, 9)]
    both = pool_levels(model, pixels, partitions)
    for one, regions in zip(both, partitions, strict=True):
        [alone] = pool_levels(model, pixels, [regions])
        np.testing.assert_array_equal(one.means, alone.means)


def test_pixels_that_do_not_count_are_left_out(model):
    pixels = np.random.default_rng(0).random((3, 24, 20), np.float32)
    regions, valid = blocks((24, 20), 8), np.ones((24, 20), bool)
    valid[2:7, 3:15] = False
    [found] = pool_levels(model, pixels, [regions], valid)
    values = enlarged(model, pixels)
    expected = [values[:, valid & (regions == one)].mean(1) for one in range(regions.max() + 1)]
    np.testing.assert_allclose(found.means, expected, atol=2e-5)


def test_a_network_of_planes_sees_a_stack_plane_by_plane(model):
    stack = np.random.default_rng(0).random((3, 4, 12, 16), np.float32)
    regions = blocks((4, 12, 16), 6)
    [found] = pool_levels(model, stack, [regions])
    planes = np.stack([enlarged(model, stack[:, z]) for z in range(4)], 1)
    np.testing.assert_allclose(found.means, means(planes, regions), atol=2e-5)


def test_a_network_of_stacks_sees_the_stack():
    torch.manual_seed(0)
    model = SuperAE(1, ndim=3).eval()
    stack = np.random.default_rng(0).random((1, 6, 12, 10), np.float32)
    regions = blocks((6, 12, 10), 5)
    [found] = pool_levels(model, stack, [regions])
    np.testing.assert_allclose(found.means, means(enlarged(model, stack), regions), atol=2e-5)


def test_channels_are_averaged_or_repeated_as_the_network_sees_them(model):
    pixels = np.random.default_rng(0).random((5, 16, 16), np.float32)
    regions = blocks((16, 16), 8)
    [found] = pool_levels(model, pixels, [regions])
    np.testing.assert_allclose(found.means, means(enlarged(model, pixels), regions), atol=2e-5)
