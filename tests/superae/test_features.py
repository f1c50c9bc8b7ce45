import numpy as np
import torch
from torch.nn import functional

import oracles
from napari_dsc.superae.applied import superpixel_features
from napari_dsc.superae.model import SuperAE, as_many_channels


def test_features_are_the_means_of_the_enlarged_levels():
    model = SuperAE(1).eval()
    image = torch.from_numpy(np.random.default_rng(0).random((1, 1, 8, 12), np.float32))
    superpixels = np.array([[0, 1, 2], [3, 3, 2]]).repeat(4, 0).repeat(4, 1)

    found = torch.from_numpy(superpixel_features(model, image[0].numpy(), superpixels))

    with torch.no_grad():
        levels = [
            functional.interpolate(level, size=(8, 12), mode="bilinear")[0].flatten(1).T
            for level in model.encoder(image)
        ]
    rows = torch.cat(levels, 1)
    assert found.shape == (4, 64 + 128 + 256)
    for j in range(4):
        expected = oracles.mean_of_region(rows, superpixels.ravel(), j)
        torch.testing.assert_close(found[j], expected, atol=1e-5, rtol=1e-4)


def test_any_size_has_features():
    model = SuperAE(1).eval()
    superpixels = np.arange(9 * 11).reshape(9, 11) // 50
    pixels = np.random.default_rng(0).random((1, 9, 11), np.float32)
    assert superpixel_features(model, pixels, superpixels).shape == (2, 448)


def test_channels_are_repeated_averaged_or_left():
    gray = torch.tensor([[[1.0, 2.0]]])
    color = torch.tensor([[[0.0]], [[3.0]], [[6.0]]])
    assert as_many_channels(gray, 3).tolist() == [[[1.0, 2.0]]] * 3
    assert as_many_channels(color, 1).tolist() == [[[3.0]]]
    assert as_many_channels(color, 3) is color
