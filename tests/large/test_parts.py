"""Tiles, regions over bands, and what is learned from."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_dsc.cut.joint import Piece
from napari_dsc.errors import InvalidParameterError
from napari_dsc.large.connecting import iter_regions, region_numbers
from napari_dsc.large.learning import SEEN, montage, windows_to_learn_from
from napari_dsc.large.tiling import Tiling, bytes_of, check_side, choose_side, plan_tiling
from napari_dsc.params import CutParams
from napari_dsc.regions import connected_regions


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


def test_tiles_are_larger_where_more_memory_is_free(monkeypatch):
    def side(gigabytes):
        monkeypatch.setattr("napari_dsc.large.tiling.free_bytes", lambda _: gigabytes * 2**30)
        return choose_side(torch.device("cpu"), CutParams(), 0.7)

    assert side(64) == 2048
    assert 256 < side(6) < 2048
    assert side(0.1) == 256
    allowed = 3 * 2**30
    assert bytes_of((side(6) * 3 // 2) ** 2, CutParams(), 0.7) <= allowed


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
    piece = montage(places, np.random.default_rng(1))

    assert piece.superpixels.shape == tuple(piece.image.shape[2:]) == (800, SEEN)
    assert np.unique(piece.superpixels).tolist() == list(range(12))
    for number in range(12):
        assert len(np.unique(piece.image[0, 0].numpy()[piece.superpixels == number])) == 1


def test_places_to_learn_from_lie_inside_and_hold_some_superpixels():
    windows = windows_to_learn_from((5000, 300), 50.0, 0)
    rows, columns = zip(*windows, strict=True)

    assert len(set(map(str, windows))) > 8
    assert {part.stop - part.start for part in rows} == {400}
    assert {(part.start, part.stop) for part in columns} == {(0, 300)}
    assert all(part.start >= 0 and part.stop <= 5000 for part in rows)
