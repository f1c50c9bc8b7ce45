import copy

import numpy as np
import pytest
import torch

import oracles
from napari_dsc.cut.optimize import iter_cut, normalization
from napari_dsc.params import CutParams
from napari_dsc.superae.model import Embedding, Encoder

FEW = CutParams(n_partitions=6, n_iterations=4)


@pytest.fixture
def blocks():
    """Superpixels of the two-tone image: 2 x 4 blocks of 8 x 6 pixels."""
    return np.arange(8).reshape(2, 4).repeat(8, 0).repeat(6, 1)


@pytest.fixture
def embedding():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Embedding(Encoder(1), FEW.n_partitions)


def run(image, superpixels, embedding, params):
    image = torch.from_numpy(image)[None].to(next(embedding.parameters()).device)
    free = np.full(superpixels.max() + 1, -1)
    return list(iter_cut(image, superpixels, copy.deepcopy(embedding), params, free))


def test_steps_agree_with_the_plain_loop_of_algorithm_2(two_tone, blocks, embedding):
    image = torch.from_numpy(two_tone).double()[None]
    exact = copy.deepcopy(embedding).double().train()
    expected = list(oracles.plain_cut(image, blocks, exact, FEW))

    for step, (label, cut, classes) in zip(
        run(two_tone, blocks, embedding, FEW), expected, strict=True
    ):
        assert float(step.label_loss) == pytest.approx(label, rel=2e-3)
        assert float(step.cut_loss) == pytest.approx(cut, rel=2e-3)
        assert step.classes.tolist() == classes


def test_fixed_classes_hold_in_every_step_and_spread(two_tone, blocks, embedding):
    image = torch.from_numpy(two_tone)[None]
    params = CutParams(n_partitions=6, n_iterations=60)
    fixed = np.full(8, -1)
    fixed[[0, 7]] = 4, 2
    free = run(two_tone, blocks, embedding, params)
    assert free[0].classes[[0, 7]].tolist() != [4, 2]

    steps = list(iter_cut(image, blocks, copy.deepcopy(embedding), params, fixed))

    assert all(step.classes[[0, 7]].tolist() == [4, 2] for step in steps)
    classes = steps[-1].classes.view(2, 4)
    assert (classes[:, :2] == 4).all()  # the others of the dark half follow
    assert (classes[:, 2:] == 2).sum() >= 2  # so do some of the bright half
    assert (classes[:, 2:] != 4).all()


def test_superpixels_merge_along_the_true_border(two_tone, blocks, embedding):
    params = CutParams(n_partitions=6, n_iterations=60, cut_weight=100)
    steps = run(two_tone, blocks, embedding, params)

    def halves(step):
        classes = step.classes.view(2, 4)
        return set(classes[:, :2].flatten().tolist()), set(classes[:, 2:].flatten().tolist())

    assert len(steps[0].classes.unique()) > 2
    left, right = halves(steps[-1])
    assert len(left) == len(right) == 1
    assert left != right


def test_the_same_weights_give_the_same_steps(two_tone, blocks, embedding, device):
    embedding = embedding.to(device)
    first, second = (run(two_tone, blocks, embedding, FEW) for _ in range(2))

    for a, b in zip(first, second, strict=True):
        assert torch.equal(a.classes, b.classes)
        assert torch.equal(a.label_loss, b.label_loss)
        assert torch.equal(a.assignment, b.assignment)


def test_a_step_reports_every_superpixel_with_probabilities(two_tone, blocks, embedding):
    steps = run(two_tone, blocks, embedding, FEW)

    assert [step.iteration for step in steps] == [1, 2, 3, 4]
    assert steps[-1].classes.shape == (8,)
    assert torch.allclose(steps[-1].assignment.sum(1), torch.ones(8))
    assert not steps[-1].label_loss.requires_grad


def test_the_cut_weight_lowers_the_cut(two_tone, blocks, embedding):
    def final_cut(cut_weight):
        params = CutParams(n_partitions=6, n_iterations=40, cut_weight=cut_weight)
        return float(run(two_tone, blocks, embedding, params)[-1].cut_loss)

    assert final_cut(100.0) < 0.1 * final_cut(0.0)


def test_beta_falls_with_the_square_of_superpixels_or_with_the_pairs():
    by_number, by_pairs = (
        CutParams(cut_normalization=choice) for choice in ("superpixels", "pairs")
    )

    assert normalization(by_number, 100, 1070) == normalization(by_pairs, 100, 1070) == 100**2
    assert normalization(by_number, 1000, 10_700) == 1000**2
    assert normalization(by_pairs, 1000, 10_700) == 10 * 100**2


def test_the_choice_of_normalization_reaches_the_gradient(two_tone, blocks, embedding):
    losses = [
        float(
            run(
                two_tone,
                blocks,
                embedding,
                CutParams(n_partitions=6, n_iterations=20, cut_normalization=choice),
            )[-1].cut_loss
        )
        for choice in ("superpixels", "pairs")
    ]

    assert losses[0] < 0.9 * losses[1]


def test_bfloat16_keeps_losses_in_float32_and_near(two_tone, blocks, embedding):
    exact = run(two_tone, blocks, embedding, FEW)[0]
    half = run(
        two_tone,
        blocks,
        embedding,
        CutParams(n_partitions=6, n_iterations=1, precision="bfloat16"),
    )[0]

    assert half.label_loss.dtype == torch.float32
    assert float(half.label_loss) == pytest.approx(float(exact.label_loss), rel=0.05)
    assert half.label_loss != exact.label_loss


def test_the_image_superpixels_and_random_state_stay_untouched(two_tone, blocks, embedding):
    image, superpixels = two_tone.copy(), blocks.copy()
    state = torch.random.get_rng_state()

    run(image, superpixels, embedding, FEW)

    np.testing.assert_array_equal(image, two_tone)
    np.testing.assert_array_equal(superpixels, blocks)
    assert torch.equal(torch.random.get_rng_state(), state)
