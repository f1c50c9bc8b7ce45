import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

import oracles
from napari_dsc.baselines.fitted import (
    iter_backprop,
    labels_at_counts,
    mumford_shah_classes,
    mumford_shah_loss,
    smooth_by_cae_tvl,
)
from napari_dsc.baselines.networks import UNet, total_variation
from napari_dsc.baselines.wnet import (
    pixel_graph,
    soft_ncut_loss,
    train_wnet,
    wnet_probabilities,
)
from napari_dsc.params import BackpropParams, CaeTvlParams, MumfordShahParams, WNetParams

CPU = torch.device("cpu")
HALVES = np.arange(24)[None].repeat(16, 0) // 12


@pytest.fixture
def blocks():
    """Superpixels of the two-tone image: 4 x 6 blocks of 4 x 4 pixels."""
    return np.arange(24).reshape(4, 6).repeat(4, 0).repeat(4, 1)


@pytest.fixture
def probabilities():
    logits = torch.from_numpy(np.random.default_rng(1).normal(size=(3, 5, 6)))
    return logits.softmax(0)


def agreement(labels):
    return adjusted_rand_score(HALVES.ravel(), labels.ravel())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_backprop_merges_superpixels_of_two_tones(precision, two_tone, blocks, device):
    params = BackpropParams(n_features=16, n_iterations=40, seed=2, precision=precision)
    first, *_, last = iter_backprop(two_tone, blocks, params, device)
    assert agreement(first) < 0.9
    assert agreement(last) > 0.99


def test_labels_of_backprop_keep_superpixels_whole(two_tone, blocks):
    (labels,) = iter_backprop(two_tone, blocks, BackpropParams(n_iterations=1), CPU)
    assert all(len(np.unique(labels[blocks == j])) == 1 for j in range(24))
    assert len(np.unique(labels)) > 1


def test_backprop_sees_the_planes_of_a_stack_as_one(two_tone, blocks):
    # the second plane mirrors the first: its halves change places, its classes do not
    stack = np.stack([two_tone, two_tone[:, :, ::-1].copy()], 1)
    superpixels = np.stack([blocks, blocks[:, ::-1] + 24])
    params = BackpropParams(n_features=16, n_iterations=40, seed=2)
    *_, last = iter_backprop(stack, superpixels, params, CPU)
    assert last.shape == stack.shape[1:]
    assert agreement(last[0]) > 0.99
    np.testing.assert_array_equal(last[1], last[0][:, ::-1])


def test_a_run_is_read_only_until_every_count_is_met():
    taken = []

    def steps():
        for n in (9, 5, 5, 2, 1):
            taken.append(n)
            yield np.arange(9) % n

    found = labels_at_counts(steps(), (4, 9, 5))

    assert [len(np.unique(labels)) for labels in found] == [2, 9, 5]
    assert taken == [9, 5, 5, 2]


def test_a_count_that_is_never_met_takes_the_last_labels():
    found = labels_at_counts(iter([np.arange(5), np.arange(4)]), (1, 4))
    assert [len(labels) for labels in found] == [4, 4]
    with pytest.raises(ValueError, match="got none"):
        labels_at_counts(iter([]), (1,))


def test_the_mumford_shah_loss_is_that_of_the_plain_loops(probabilities):
    image = torch.from_numpy(np.random.default_rng(2).random((2, 5, 6)))
    loss = float(mumford_shah_loss(image[None], probabilities[None], 0.3))
    expected = oracles.mumford_shah(image.numpy(), probabilities.numpy(), 0.3)
    assert loss == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_mumford_shah_loss_separates_two_tones(precision, two_tone, device):
    few, many = (
        mumford_shah_classes(
            two_tone, 2, MumfordShahParams(n_iterations=n, precision=precision), device
        )
        for n in (1, 60)
    )
    assert agreement(few) < 0.9
    assert agreement(many) > 0.95


def test_cae_tvl_varies_less_than_the_image_and_stays_like_it(two_tone, device):
    image = torch.from_numpy(two_tone)[None]
    smoothed = smooth_by_cae_tvl(two_tone, CaeTvlParams(n_iterations=150), device)
    assert smoothed.shape == two_tone.shape
    assert total_variation(torch.from_numpy(smoothed)[None]) < 0.7 * total_variation(image)
    assert agreement(smoothed[0] > 0.5) > 0.9


def test_the_variation_weight_lowers_the_variation(two_tone):
    free, charged = (
        total_variation(
            torch.from_numpy(
                smooth_by_cae_tvl(
                    two_tone, CaeTvlParams(n_iterations=80, variation_weight=weight), CPU
                )
            )[None]
        )
        for weight in (0.0, 1.0)
    )
    assert charged < 0.8 * free


@pytest.fixture
def dense():
    """Graph of a random image of 5 x 6 pixels with two channels, and its full matrix W."""
    image = np.random.default_rng(0).random((2, 5, 6))
    params = WNetParams(radius=2, color_scale=100, place_scale=1.5)
    return (
        pixel_graph(torch.from_numpy(image), params),
        torch.from_numpy(oracles.pixel_affinity(image, 2, 100 / 255, 1.5)),
    )


def test_the_pixel_graph_holds_the_full_matrix(dense, probabilities):
    graph, matrix = dense
    torch.testing.assert_close(graph.degrees.flatten(), matrix.sum(0))
    spread = graph.spread(probabilities).flatten(1)
    assert matrix[0, 12:].any()
    torch.testing.assert_close(spread, probabilities.flatten(1) @ matrix)


def test_the_soft_cut_and_its_gradient_are_those_of_the_full_matrix(dense, probabilities):
    graph, matrix = dense

    def plain(p):
        p = p.flatten(1)
        return sum(1 - (q @ matrix @ q) / (q @ matrix.sum(1)) for q in p)

    results = []
    for loss in (lambda p: soft_ncut_loss(p, graph), plain):
        leaf = probabilities.clone().requires_grad_()
        value = loss(leaf)
        value.backward()
        results.append((value.detach(), leaf.grad))
    torch.testing.assert_close(results[0], results[1])


def test_wnet_separates_two_tones(two_tone, device):
    def separated(n_iterations):
        params = WNetParams(n_partitions=2, n_iterations=n_iterations, color_scale=60)
        encoder = train_wnet([two_tone], params, device)
        return agreement(wnet_probabilities(two_tone, encoder, params, device).argmax(0))

    assert separated(1) < 0.9
    assert separated(60) > 0.9


def test_wnet_trains_on_several_images_of_several_sizes(two_tone):
    params = WNetParams(n_partitions=3, n_iterations=2, longest_side=16)
    encoder = train_wnet([two_tone, two_tone[:, :9, :13]], params, CPU)
    found = wnet_probabilities(two_tone, encoder, params, CPU)
    assert found.shape == (3, 16, 24)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)


@pytest.mark.parametrize("size", [(8, 8), (9, 13), (17, 10)])
def test_a_unet_keeps_every_size(size):
    assert UNet(1, 4, width=2)(torch.zeros(1, 1, *size)).shape == (1, 4, *size)


def runs(two_tone, blocks):
    return {
        "backprop": lambda: [
            *iter_backprop(two_tone, blocks, BackpropParams(n_iterations=2), CPU)
        ][1],
        "mumford_shah": lambda: mumford_shah_classes(
            two_tone, 4, MumfordShahParams(n_iterations=2), CPU
        ),
        "cae_tvl": lambda: smooth_by_cae_tvl(two_tone, CaeTvlParams(n_iterations=2), CPU),
        "wnet": lambda: train_wnet(
            [two_tone], WNetParams(n_iterations=2), CPU
        ).last.weight.detach(),
    }


@pytest.mark.parametrize("name", ["backprop", "mumford_shah", "cae_tvl", "wnet"])
def test_the_seed_decides_and_nothing_else_changes(name, two_tone, blocks):
    before, state = two_tone.copy(), torch.random.get_rng_state()
    run = runs(two_tone, blocks)[name]

    first = run()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        np.testing.assert_array_equal(first, run())

    np.testing.assert_array_equal(two_tone, before)
    assert torch.equal(torch.random.get_rng_state(), state)
