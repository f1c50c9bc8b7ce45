"""Tiles, regions over bands, and what is learned from."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_dsc.cut.joint import Piece
from napari_dsc.errors import InvalidParameterError
from napari_dsc.labels.regions import connected_regions, iter_regions, region_numbers
from napari_dsc.large.tiling import Tiling, check_side, plan_tiling
from napari_dsc.large.training_windows import SEEN, montage, plan_training_windows


@given(
    shape=st.tuples(st.integers(8, 400), st.integers(8, 400)),
    side=st.integers(16, 100).map(lambda n: 4 * n),
)
def test_cores_are_the_image_and_begin_where_the_strides_do(shape, side):
    tiling = Tiling(shape, side, halo=40, margin=16)
    seen = np.zeros(shape, int)
    for tile in tiling.tiles():
        seen[tile.core] += 1
        assert all(part.start % 4 == 0 for part in (*tile.core, *tile.divided, *tile.read))
        assert all(part.stop - part.start <= side + 4 for part in tile.core)
    assert (seen == 1).all()
    assert len(list(tiling.tiles())) == tiling.n_tiles


def test_what_lies_around_a_tile_ends_at_the_image():
    first, *_, last = Tiling((100, 100), 64, halo=40, margin=16).tiles()

    assert first.core == (slice(0, 48), slice(0, 48))
    assert first.divided == (slice(0, 88), slice(0, 88))
    assert first.read == (slice(0, 100), slice(0, 100))
    assert last.divided == last.core == (slice(48, 100), slice(48, 100))
    assert last.read == (slice(32, 100), slice(32, 100))


def test_superpixels_are_as_asked_for_but_fit_into_tiles():
    tiling, width = plan_tiling((4000, 1000), 1024, 1600, 0.5)
    assert (width, tiling.halo, tiling.margin) == (50, 100, 32)

    assert plan_tiling((4000, 1000), 1024, 2, 0.5)[1] == 128


def test_tiny_tiles_are_refused():
    with pytest.raises(InvalidParameterError, match="tile=32: expected 64 or more"):
        check_side(32)


@given(seed=st.integers(0, 2**32), n_rows=st.integers(1, 9), n_labels=st.integers(1, 4))
def test_regions_found_band_by_band_are_those_of_the_whole(seed, n_rows, n_labels):
    labels = np.random.default_rng(seed).integers(1, 1 + n_labels, (17, 11)).astype(np.uint8)

    def bands():
        return (labels[top : top + n_rows] for top in range(0, 17, n_rows))

    numbers = region_numbers(bands)

    found = np.concatenate(list(iter_regions(bands, numbers)))
    np.testing.assert_array_equal(found, connected_regions(labels))


def test_a_montage_keeps_each_superpixel_on_its_pixels():
    rng = np.random.default_rng(0)
    places = [
        Piece(torch.full((1, 1, 400, 512), float(n)), rng.integers(0, 3, (400, 512)))
        for n in range(5)
    ]
    piece = montage(places, (2, 2), np.random.default_rng(1))

    assert piece.superpixels.shape == tuple(piece.image.shape[2:]) == (800, 1024)
    assert np.unique(piece.superpixels).tolist() == list(range(12))
    for number in range(12):
        assert len(np.unique(piece.image[0, 0].numpy()[piece.superpixels == number])) == 1


def test_a_montage_of_all_places_is_the_image():
    image = torch.arange(2.0 * 3).reshape(1, 1, 2, 3).repeat_interleave(8, 2)
    image = image.repeat_interleave(8, 3)
    halves = [Piece(image[:, :, top : top + 8], np.zeros((8, 24), np.int64)) for top in (0, 8)]
    piece = montage(halves, (2, 1), np.random.default_rng(0))

    assert torch.equal(piece.image, image)
    assert piece.superpixels[:, 0].tolist() == [0] * 8 + [1] * 8


def test_places_to_learn_from_lie_inside_and_hold_some_superpixels():
    training = plan_training_windows((5000, 300), 50.0, 1.0, 0)
    rows, columns = zip(*training.windows, strict=True)

    assert training.grid == (8, 1)
    assert not training.is_whole
    assert len(set(map(str, training.windows))) > 8
    assert {part.stop - part.start for part in rows} == {400}
    assert {(part.start, part.stop) for part in columns} == {(0, 300)}
    assert all(part.start >= 0 and part.stop <= 5000 for part in rows)


@given(
    shape=st.tuples(st.integers(64, 5000), st.integers(64, 5000)),
    width=st.floats(4, 300),
    scale=st.floats(0.1, 1),
)
def test_an_image_that_a_step_can_see_is_learned_from_whole(shape, width, scale):
    training = plan_training_windows(shape, width, scale, 0)
    sizes = {tuple(part.stop - part.start for part in window) for window in training.windows}
    area = math.prod(shape) * scale**2

    assert len(sizes) == 1
    assert area <= SEEN if training.is_whole else area > SEEN / 4
    if training.is_whole:
        seen = np.zeros(shape, bool)
        for window in training.windows:
            seen[window] = True
        assert seen.all()
