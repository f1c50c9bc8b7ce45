import dataclasses

import numpy as np
import pytest
import torch

from napari_dsc.cut.joint import N_SAMPLES, Piece, assign, iter_joint_cut, iter_piece_cut
from napari_dsc.cut.optimize import iter_cut
from napari_dsc.params import CutParams
from napari_dsc.superae.model import Embedding, Encoder

PARAMS = CutParams(n_partitions=4, n_iterations=24, resolution=1.0)


@pytest.fixture
def tones():
    """Dark, gray, bright and gray bands of 32 rows, (1, 1, 128, 48), in blocks of 8 x 8."""
    rng = np.random.default_rng(0)
    image = np.array([0.1, 0.5, 0.9, 0.5]).repeat(32)[:, None] + rng.normal(0, 0.02, (128, 48))
    blocks = np.arange(16 * 6).reshape(16, 6).repeat(8, 0).repeat(8, 1)
    return Piece(torch.from_numpy(image.astype(np.float32)[None, None]), blocks)


def rows(piece, start, stop):
    labels = piece.superpixels[start:stop]
    return Piece(piece.image[:, :, start:stop], labels - labels.min())


def learned(tones, params):
    """A network that learned from pieces of 64 rows, and the steps it took."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        embedding = Embedding(Encoder(1), params.n_partitions)

    def draw(rng):
        start = 8 * int(rng.integers(0, 9))
        return rows(tones, start, start + 64)

    return embedding, list(iter_joint_cut(draw, embedding, params))


@pytest.mark.parametrize("encoder", ["frozen", "trained"])
def test_a_class_means_the_same_in_pieces_that_share_nothing_else(tones, encoder):
    params = dataclasses.replace(PARAMS, encoder=encoder)
    embedding, steps = learned(tones, params)

    upper = assign(embedding, rows(tones, 32, 64), params).classes.tolist()
    lower = assign(embedding, rows(tones, 96, 128), params).classes.tolist()
    dark = assign(embedding, rows(tones, 0, 32), params).classes.tolist()

    assert len(steps) == params.n_iterations
    assert max(upper, key=upper.count) == max(lower, key=lower.count)
    assert max(dark, key=dark.count) != max(upper, key=upper.count)


def test_the_class_of_a_superpixel_does_not_depend_on_the_piece(tones):
    embedding, _ = learned(tones, dataclasses.replace(PARAMS, n_iterations=3))

    whole = assign(embedding, tones, PARAMS)
    part = assign(embedding, rows(tones, 32, 96), PARAMS)

    inner = slice(6 * 6, 10 * 6)  # 16 rows and more from the rim of the part
    torch.testing.assert_close(part.assignment[2 * 6 : 6 * 6], whole.assignment[inner])
    assert part.classes[2 * 6 : 6 * 6].tolist() == whole.classes[inner].tolist()


def test_the_statistics_are_those_of_all_samples_together(tones):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        embedding = Embedding(Encoder(1), 4)
    drawn = []

    def draw(rng):
        drawn.append(rows(tones, 0, 64) if len(drawn) % 2 else rows(tones, 64, 128))
        return drawn[-1]

    list(iter_joint_cut(draw, embedding, dataclasses.replace(PARAMS, n_iterations=2)))

    first, last = (drawn[place : place + N_SAMPLES] for place in (0, N_SAMPLES + 2))
    with torch.no_grad():
        seen = [embedding.encoder.fine[0](piece.image) for piece in first]
        made = [embedding.mixed(embedding.levels(piece.image)) for piece in last]
    for norm, maps in ((embedding.encoder.fine[1], seen), (embedding.norm, made)):
        together = torch.cat(maps)
        torch.testing.assert_close(norm.running_mean, together.mean((0, 2, 3)))
        torch.testing.assert_close(
            norm.running_var, together.var((0, 2, 3), correction=0), rtol=1e-4, atol=1e-7
        )


@pytest.mark.parametrize("encoder", ["frozen", "trained"])
def test_a_network_trained_on_one_piece_gives_it_the_classes_of_the_cut(tones, encoder):
    params = dataclasses.replace(PARAMS, encoder=encoder, n_iterations=5, patience=0)
    nets = []
    for _ in range(2):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            nets.append(Embedding(Encoder(1), params.n_partitions))
    assert len(list(iter_piece_cut(tones, nets[0], params))) == 5

    longer = dataclasses.replace(params, n_iterations=6)
    free = np.full(96, -1)
    *_, last = iter_cut(tones.image, tones.superpixels, nets[1], longer, free)

    found = assign(nets[0], tones, params)
    assert torch.equal(found.classes, last.classes)
    torch.testing.assert_close(found.assignment, last.assignment, atol=1e-4, rtol=1e-4)


def test_the_same_seed_gives_the_same_network(tones):
    few = dataclasses.replace(PARAMS, n_iterations=3)
    first, again = (learned(tones, few)[0] for _ in range(2))
    other, _ = learned(tones, dataclasses.replace(few, seed=5))

    weights, same, unlike = (net.parts[0].weight for net in (first, again, other))
    assert torch.equal(weights, same)
    assert not torch.equal(weights, unlike)


def test_superpixels_without_a_coarse_pixel_have_a_class_too(tones):
    coarse = dataclasses.replace(PARAMS, n_iterations=1, resolution=0.05)
    embedding, _ = learned(tones, coarse)
    pixels = Piece(tones.image, np.arange(128 * 48).reshape(128, 48))

    assigned = assign(embedding, pixels, coarse)

    assert assigned.classes.shape == (128 * 48,)
    torch.testing.assert_close(assigned.assignment.sum(1), torch.ones(128 * 48))
