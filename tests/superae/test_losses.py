import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from napari_dsc.superae.train import _example, reconstruction_loss


def equation_1(smoothed, image, colors):
    """Both terms of equation 1 as loops over images and pixels, divided by their number."""
    n_images, _, height, width = image.shape
    terms = [0.0, 0.0]
    for term, target in enumerate((image, colors)):
        for b in range(n_images):
            for y in range(height):
                for x in range(width):
                    distance = smoothed[b, :, y, x] - target[b, :, y, x]
                    terms[term] += float(sum(distance**2)) / (n_images * height * width)
    return terms


@settings(max_examples=20, deadline=None)
@given(
    shape=st.tuples(*(st.integers(1, high) for high in (2, 4, 5, 5))),
    seed=st.integers(0, 2**31),
)
def test_both_terms_are_those_of_equation_1(shape, seed):
    arrays = np.random.default_rng(seed).random((3, *shape))
    loss = reconstruction_loss(*torch.from_numpy(arrays))
    np.testing.assert_allclose([float(term) for term in loss], equation_1(*arrays), rtol=1e-10)


def test_four_pixels_by_hand():
    image = torch.tensor([[[[0.0, 0.4], [1.0, 1.0]]]])
    colors = torch.tensor([[[[0.2, 0.2], [1.0, 1.0]]]])
    smoothed = torch.tensor([[[[0.2, 0.2], [1.0, 0.0]]]])
    fidelity, smoothness = reconstruction_loss(smoothed, image, colors)
    assert float(fidelity) == pytest.approx((0.04 + 0.04 + 0 + 1) / 4)
    assert float(smoothness) == pytest.approx(1 / 4)


def test_the_optimum_lies_midway_between_image_and_template_color():
    image, colors = torch.rand(2, 1, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    smoothed = ((image + colors) / 2).requires_grad_()
    sum(reconstruction_loss(smoothed, image, colors)).backward()
    torch.testing.assert_close(smoothed.grad, torch.zeros_like(image))


def test_autograd_agrees_with_finite_differences():
    arrays = torch.rand(
        3, 2, 3, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    inputs = [array.clone().requires_grad_() for array in arrays]
    assert torch.autograd.gradcheck(reconstruction_loss, inputs)


def test_template_colors_are_the_means_of_equation_2():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (3, 6, 7), np.uint8)
    template = rng.permutation(np.arange(42) % 5).reshape(6, 7)
    colors = _example(image, template).colors
    pixels = image.reshape(3, -1).T / 255
    for j in range(5):
        expected = oracles.mean_of_region(pixels, template.ravel(), j)
        np.testing.assert_allclose(colors[j], expected, atol=1e-6)
