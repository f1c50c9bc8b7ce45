import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from napari_dsc.cut.guide import pair_affinity
from napari_dsc.cut.objective import cut_loss, label_loss
from napari_dsc.cut.sums import SuperpixelSums
from napari_dsc.labels.means import region_mean
from napari_dsc.labels.neighbors import region_pairs


def random_case(seed, n_classes=5):
    """Random superpixels of a 6 x 9 image, and features of its pixels."""
    rng = np.random.default_rng(seed)
    columns = np.searchsorted(np.sort(rng.choice(8, 3, replace=False)), np.arange(9))
    superpixels = columns[None, :] + 4 * (np.arange(6) >= 3)[:, None]
    return superpixels, rng.normal(0, 2, (superpixels.size, n_classes))


def sums_of(features, superpixels):
    """Sums over superpixels, differentiable and written as one thinks of them."""
    members = torch.nn.functional.one_hot(superpixels).to(features.dtype).T
    winners = torch.nn.functional.one_hot(features.argmax(1), features.shape[1])
    return SuperpixelSums(
        members @ features,
        members @ features.softmax(1),
        members @ features.logsumexp(1),
        (members @ winners.to(features.dtype)).long(),
    )


@pytest.mark.parametrize("seed", range(3))
def test_label_loss_is_equation_3_averaged_over_pixels(seed):
    superpixels, features = random_case(seed)
    labels = oracles.pseudo_labels(oracles.softmax(features), superpixels.ravel())
    sums = sums_of(torch.from_numpy(features), torch.from_numpy(superpixels.ravel()))

    loss = label_loss(sums, sums.votes.argmax(1), torch.full((8,), 1 / superpixels.size))

    assert float(loss) == pytest.approx(oracles.label_loss(oracles.softmax(features), labels))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("radius_factor", [0.5, 2.0, 9.0])
def test_affinity_of_pairs_is_the_matrix_of_equation_7(seed, radius_factor):
    superpixels, features = random_case(seed)
    means = np.stack(
        [oracles.mean_of_region(features, superpixels.ravel(), j) for j in range(8)]
    )
    radius = radius_factor * np.sqrt(superpixels.size / 8)
    expected = oracles.affinity_matrix(
        means, oracles.centers_of_mass(superpixels), sigma=3.0, d=radius
    )

    pairs = region_pairs(superpixels, radius_factor)
    affinity = pair_affinity(torch.from_numpy(means), torch.from_numpy(pairs), scale=3.0)

    matrix = np.zeros((8, 8))
    matrix[tuple(pairs)] = affinity
    np.testing.assert_allclose(matrix, expected, rtol=1e-12)
    assert len(set(map(tuple, pairs.T))) == pairs.shape[1]


@pytest.mark.parametrize("seed", range(3))
def test_cut_loss_over_pairs_is_equation_8(seed):
    superpixels, features = random_case(seed)
    flat = superpixels.ravel()
    probabilities = oracles.softmax(features)
    q = np.stack([oracles.mean_of_region(probabilities, flat, j) for j in range(8)])
    g = np.stack([oracles.mean_of_region(features, flat, j) for j in range(8)])
    pairs = torch.from_numpy(region_pairs(superpixels, 2.0))
    radius = 2 * np.sqrt(superpixels.size / 8)
    w = oracles.affinity_matrix(g, oracles.centers_of_mass(superpixels), sigma=10.0, d=radius)

    assignment = region_mean(torch.from_numpy(probabilities), torch.from_numpy(flat), 8)
    means = region_mean(torch.from_numpy(features), torch.from_numpy(flat), 8)
    loss = cut_loss(assignment, pairs, pair_affinity(means, pairs, scale=10.0))

    assert float(loss) == pytest.approx(oracles.cut_loss(q, w))


def test_cut_loss_of_one_shared_class_is_zero_and_of_two_is_the_weight_between():
    together = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    apart = torch.eye(2)
    pairs = torch.tensor([[0, 1, 0, 1], [1, 0, 0, 1]])
    affinity = torch.tensor([0.25, 0.25, 1.0, 1.0])

    assert cut_loss(together, pairs, affinity) == 0
    assert cut_loss(apart, pairs, affinity) == 0.5


def test_gradient_of_the_cut_loss_is_equation_11():
    superpixels, features = random_case(0)
    pairs = torch.from_numpy(region_pairs(superpixels, 2.0))
    affinity = torch.rand(pairs.shape[1], dtype=torch.float64)
    w = torch.zeros(8, 8, dtype=torch.float64)
    w[tuple(pairs)] = affinity
    w = (w + w.T) / 2
    q = torch.from_numpy(oracles.softmax(features[:8])).requires_grad_()

    cut_loss(q, pairs, w[tuple(pairs)]).backward()

    # Rows of Q sum to one: the two forms of equation 8 differ by a constant per row.
    expected = w @ torch.ones_like(q) - 2 * w @ q
    difference = (q.grad - expected).detach()
    assert torch.allclose(difference, difference.mean(1, keepdim=True).expand_as(difference))
    assert not torch.allclose(q.grad, torch.zeros_like(q.grad))


def test_gradients_of_both_losses_agree_with_finite_differences():
    superpixels, features = random_case(1)
    flat = torch.from_numpy(superpixels.ravel())
    pairs = torch.from_numpy(region_pairs(superpixels, 2.0))
    affinity = torch.rand(pairs.shape[1], dtype=torch.float64)
    weights = torch.full((8,), 1 / len(flat), dtype=torch.float64)

    def total(f):
        sums = sums_of(f, flat)
        assignment = sums.probabilities / torch.bincount(flat).unsqueeze(1)
        label = label_loss(sums, sums.votes.argmax(1), weights)
        return label + cut_loss(assignment, pairs, affinity)

    assert torch.autograd.gradcheck(total, torch.from_numpy(features).requires_grad_())


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.permutations(range(5)))
def test_the_losses_ignore_the_order_of_classes(seed, order):
    superpixels, features = random_case(seed)
    flat = torch.from_numpy(superpixels.ravel())
    pairs = torch.from_numpy(region_pairs(superpixels, 2.0))

    def losses(f):
        f = torch.from_numpy(f)
        g = region_mean(f, flat, 8)
        q = region_mean(f.softmax(1), flat, 8)
        w = pair_affinity(g, pairs, scale=10.0)
        return float(cut_loss(q, pairs, w))

    assert losses(features) == pytest.approx(losses(features[:, order]))
