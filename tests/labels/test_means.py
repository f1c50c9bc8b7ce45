import numpy as np
import torch

import oracles
from napari_dsc.labels import means


def test_mean_of_four_pixels_by_hand():
    values = torch.tensor([[1.0, 0.0], [3.0, 0.0], [5.0, 8.0], [7.0, 0.0]])

    found = means.region_mean(values, torch.tensor([1, 1, 0, 0]), 2)

    assert found.tolist() == [[6.0, 4.0], [2.0, 0.0]]


def test_mean_agrees_with_loops():
    rng = np.random.default_rng(0)
    values, flat = rng.normal(size=(30, 3)), np.arange(30) % 4

    found = means.region_mean(torch.from_numpy(values), torch.from_numpy(flat), 4)

    expected = [oracles.mean_of_region(values, flat, j) for j in range(4)]
    np.testing.assert_allclose(found, expected)


def test_mean_has_exact_gradients():
    values = torch.rand(6, 2, dtype=torch.float64, requires_grad=True)
    flat = torch.tensor([0, 1, 1, 2, 2, 2])

    assert torch.autograd.gradcheck(lambda v: means.region_mean(v, flat, 3), values)


def test_majority_takes_the_smallest_of_tied_labels():
    labels, flat = torch.tensor([2, 1, 1, 2, 0]), torch.tensor([0, 0, 0, 0, 1])

    assert means.region_majority(labels, flat, 2, 3).tolist() == [1, 0]
