import copy
import dataclasses

import numpy as np
import pytest
import torch

import oracles
from napari_dsc.cut.objective import cut_weight_divisor
from napari_dsc.cut.optimize import Settled, iter_cut
from napari_dsc.params import CutParams
from napari_dsc.segmenting.settings import Settings
from napari_dsc.superae.model import Embedding, Encoder

PAPER = dataclasses.replace(Settings.preset("paper").cut_params, n_partitions=6)
FEW = dataclasses.replace(PAPER, n_iterations=4)


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
    params = dataclasses.replace(PAPER, n_iterations=60)
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
    params = dataclasses.replace(PAPER, n_iterations=60, cut_weight=100)
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
        params = dataclasses.replace(PAPER, n_iterations=40, cut_weight=cut_weight)
        return float(run(two_tone, blocks, embedding, params)[-1].cut_loss)

    assert final_cut(100.0) < 0.1 * final_cut(0.0)


def test_beta_falls_with_the_square_of_superpixels_or_with_the_pairs():
    by_number, by_pairs = (
        CutParams(cut_normalization=choice) for choice in ("superpixels", "pairs")
    )

    assert (
        cut_weight_divisor(by_number, 100, 1070)
        == cut_weight_divisor(by_pairs, 100, 1070)
        == 100**2
    )
    assert cut_weight_divisor(by_number, 1000, 10_700) == 1000**2
    assert cut_weight_divisor(by_pairs, 1000, 10_700) == 10 * 100**2


def test_the_choice_of_normalization_reaches_the_gradient(two_tone, blocks, embedding):
    losses = [
        float(
            run(
                two_tone,
                blocks,
                embedding,
                dataclasses.replace(PAPER, n_iterations=20, cut_normalization=choice),
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
        dataclasses.replace(PAPER, n_iterations=1, precision="bfloat16"),
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


def test_a_frozen_encoder_stays_as_it_is_and_classes_merge_all_the_same(
    two_tone, blocks, embedding
):
    network = copy.deepcopy(embedding)
    params = dataclasses.replace(PAPER, encoder="frozen", n_iterations=60)
    free = np.full(8, -1)
    steps = list(iter_cut(torch.from_numpy(two_tone)[None], blocks, network, params, free))
    for name, weight in embedding.named_parameters():
        same = torch.equal(weight, dict(network.named_parameters())[name])
        assert same == name.startswith("encoder."), name
    assert len(steps[-1].classes.unique()) < len(steps[0].classes.unique())


def test_the_first_step_is_the_same_with_a_frozen_encoder(two_tone, blocks, embedding):
    trained = run(two_tone, blocks, embedding, FEW)
    frozen = run(two_tone, blocks, embedding, dataclasses.replace(FEW, encoder="frozen"))
    assert torch.equal(trained[0].label_loss, frozen[0].label_loss)
    assert not torch.equal(trained[1].label_loss, frozen[1].label_loss)


def test_the_cut_ends_when_the_classes_are_settled(two_tone, blocks, embedding):
    def steps(patience):
        params = dataclasses.replace(PAPER, n_iterations=60, patience=patience)
        return [step.classes for step in run(two_tone, blocks, embedding, params)]

    whole, ended = steps(0), steps(5)
    assert len(whole) == 60
    assert len(ended) < 60
    assert all(torch.equal(a, b) for a, b in zip(whole, ended, strict=False))
    last = ended[-6:]
    assert all(torch.equal(classes, last[0]) for classes in last)
    assert not torch.equal(ended[-7], last[0])


def test_few_changes_among_many_superpixels_count_as_settled():
    is_settled = Settled(1)
    classes = torch.zeros(1000, dtype=int)
    assert not is_settled(classes)
    changed = classes.clone()
    changed[:6] = 1
    assert not is_settled(changed)
    changed = changed.clone()
    changed[:5] = 2
    assert is_settled(changed)
