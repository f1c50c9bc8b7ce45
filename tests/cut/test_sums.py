import numpy as np
import pytest
import torch
from torch import nn

import oracles
from napari_dsc.cut import sums as module
from napari_dsc.cut.sums import superpixel_sums

HEIGHT, WIDTH, N_CLASSES = 7, 9, 4


@pytest.fixture(params=[2048, 20], ids=["one strip", "several strips"])
def strips(request, monkeypatch):
    monkeypatch.setattr(module, "STRIP_PIXELS", request.param)


def random_case(dtype):
    """Features with two rows and one column too many, superpixels and a batch norm."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(
        1, N_CLASSES, HEIGHT + 2, WIDTH + 1, generator=generator, dtype=torch.float64
    )
    superpixels = torch.randint(0, 3, (HEIGHT, WIDTH), generator=generator)
    norm = nn.BatchNorm2d(N_CLASSES, dtype=torch.float64)
    with torch.no_grad():
        norm.weight += torch.arange(N_CLASSES)
        norm.bias += torch.linspace(-1, 1, N_CLASSES)
    return (3 * features + 5).to(dtype), superpixels, norm.to(dtype)


def plain_sums(features, norm, superpixels):
    normalized = norm(features[..., :HEIGHT, :WIDTH])[0].flatten(1).T
    members = nn.functional.one_hot(superpixels.flatten()).to(features.dtype).T
    return (
        members @ normalized,
        members @ normalized.softmax(1),
        members @ normalized.logsumexp(1),
    )


@pytest.mark.usefixtures("strips")
def test_sums_are_those_of_maps_made_one_after_the_other(device):
    features, superpixels, norm = random_case(torch.float32)
    features, superpixels, norm = (x.to(device) for x in (features, superpixels, norm))
    found = superpixel_sums(features, norm, superpixels, 3)
    for here, there in zip(found, plain_sums(features, norm, superpixels), strict=False):
        torch.testing.assert_close(here, there, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("strips")
def test_votes_are_those_of_equation_4():
    features, superpixels, norm = random_case(torch.float64)
    votes = superpixel_sums(features, norm, superpixels, 3).votes
    normalized = norm(features[..., :HEIGHT, :WIDTH])[0].flatten(1).T.detach().numpy()
    expected = oracles.pseudo_labels(
        oracles.softmax(normalized), superpixels.flatten().tolist()
    )
    assert votes.argmax(1)[superpixels.flatten()].tolist() == expected
    assert votes.sum(1).tolist() == torch.bincount(superpixels.flatten()).tolist()


def test_of_equal_features_the_first_gets_the_vote():
    features = torch.zeros(1, 3, 4, 4)
    votes = superpixel_sums(features, nn.BatchNorm2d(3), torch.zeros(4, 4, dtype=int), 1).votes
    assert votes.tolist() == [[16, 0, 0]]


@pytest.mark.usefixtures("strips")
def test_gradients_agree_with_finite_differences():
    features, superpixels, norm = random_case(torch.float64)
    weights = [torch.from_numpy(np.random.default_rng(0).normal(size=n)) for n in (12, 12, 3)]

    def total(maps, weight, bias):
        norm_ = nn.BatchNorm2d(N_CLASSES, dtype=torch.float64)
        del norm_.weight, norm_.bias
        norm_.weight, norm_.bias = weight, bias
        found = superpixel_sums(maps, norm_, superpixels, 3)
        return sum((x.flatten() * y).sum() for x, y in zip(found, weights, strict=False))

    inputs = (features.requires_grad_(), norm.weight, norm.bias)
    assert torch.autograd.gradcheck(total, inputs)


def test_pixels_beyond_the_superpixels_have_no_gradient():
    features, superpixels, norm = random_case(torch.float32)
    superpixel_sums(features.requires_grad_(), norm, superpixels, 3).log_totals.sum().backward()
    assert float(features.grad[..., :HEIGHT, :WIDTH].abs().max()) > 0
    assert float(features.grad[..., HEIGHT:, :].abs().max()) == 0
    assert float(features.grad[..., WIDTH:].abs().max()) == 0
