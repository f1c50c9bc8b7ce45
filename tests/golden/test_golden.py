"""The labels that users get stay as they are stored: ``README.md`` tells how to change them.

Its section "Tolerance" has the changes without a change of the source: at most 0.004 bits.
"""

import numpy as np
import pytest

from golden.cases import CASES
from golden.remake import main
from golden.stored import LABELS, Change, draw, largest_change, read_labels, write_labels

BITS = 0.1
SEGMENTS = 0.02  # of the stored ones, but one at least


def complaint(name, change):
    """What is wrong with a case, and how to see it; empty if nothing is."""
    allowed = max(1, round(SEGMENTS * change.n_stored))
    is_well = change.bits <= BITS and abs(change.n_found - change.n_stored) <= allowed
    if is_well and not change.renumbered:
        return ""
    return (
        f"{name}: {change.bits:.3f} bits from the stored labels, expected at most {BITS}; "
        f"{change.n_found} segments, expected {change.n_stored} +- {allowed}; "
        f"{change.renumbered:.0%} of the pixels with another number, expected none. "
        f"See the change: python tests/golden/remake.py -o golden-changes {name}"
    )


@pytest.mark.parametrize("name", CASES)
def test_labels_are_those_that_are_stored(name):
    stored = read_labels(LABELS / f"{name}.png")
    assert not complaint(name, largest_change(CASES[name](), stored))


def test_each_case_has_a_stored_image_and_no_other_is_stored():
    assert {path.stem for path in LABELS.iterdir()} == set(CASES)


def test_stored_images_are_small():
    sizes = [path.stat().st_size for path in LABELS.iterdir()]
    assert max(sizes) < 100_000
    assert sum(sizes) < 1_000_000


HALVES = np.repeat([[1, 2]], 4, axis=1).repeat(8, axis=0)  # 8 x 8, the left half is 1


def test_equal_labels_have_not_changed():
    assert largest_change(HALVES, HALVES) == (0, 2, 2, 0)


def test_a_segment_that_is_lost_changes_labels_by_its_bits():
    # half of the pixels against the other half: one bit
    assert largest_change(np.ones_like(HALVES), HALVES) == (1, 1, 2, 0)


def test_other_numbers_of_the_same_segments_are_a_change():
    other = np.where(HALVES == 1, 3, 2)
    assert largest_change(other, HALVES) == (0, 2, 2, 0.5)


def test_a_part_that_changes_is_not_averaged_with_others():
    stored = np.concatenate([HALVES] * 3)
    assert largest_change([HALVES, np.ones_like(HALVES), HALVES], stored) == (1, 5, 6, 0)


def test_planes_of_one_image_share_their_segments():
    planes = np.stack([np.ones_like(HALVES), np.full_like(HALVES, 2)])
    assert largest_change(planes, planes.reshape(-1, 8)) == (0, 2, 2, 0)


def test_another_shape_is_a_change():
    assert largest_change(HALVES[:4], HALVES).bits == np.inf


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            Change(0.2, 9, 9, 0),
            "tiles: 0.200 bits from the stored labels, expected at most 0.1",
        ),
        (Change(0.0, 8, 10, 0), "8 segments, expected 10 +- 1"),
        (Change(0.0, 9, 9, 0.5), "50% of the pixels with another number, expected none"),
        (Change(0.2, 9, 9, 0), "python tests/golden/remake.py -o golden-changes tiles"),
    ],
)
def test_a_failure_says_what_differs_and_how_to_see_it(change, words):
    assert words in complaint("tiles", change)


def test_what_rounding_may_do_is_no_failure():
    assert complaint("tiles", Change(0.05, 101, 100, 0)) == ""


def test_labels_come_back_as_they_were_stored(tmp_path):
    many = np.arange(600).reshape(20, 30) + 1
    write_labels(tmp_path / "many.png", [many, many])
    assert np.array_equal(read_labels(tmp_path / "many.png"), np.concatenate([many, many]))


def test_the_picture_is_red_where_labels_differ():
    found = HALVES.copy()
    found[0, 3] = 2
    difference = draw(found, HALVES)[::2, ::2][:, -8:]
    red = (difference == (200, 0, 0)).all(axis=-1)
    assert np.argwhere(red).tolist() == [[0, 3]]


def test_remaking_shows_what_has_changed_and_replaces_it_only_when_asked(tmp_path, capsys):
    stored, pictures = tmp_path / "labels", tmp_path / "pictures"
    for name in ("halves", "gone"):
        write_labels(stored / f"{name}.png", HALVES)
    found = {"halves": lambda: np.ones_like(HALVES)}
    asked = ["-o", str(pictures)]
    main(asked, found, stored)
    assert "1.000         2 -> 1" in capsys.readouterr().out
    assert [path.name for path in pictures.iterdir()] == ["halves.png"]
    assert np.array_equal(read_labels(stored / "halves.png"), HALVES)
    main([*asked, "--replace"], found, stored)
    assert read_labels(stored / "halves.png").max() == 1
    assert [path.name for path in stored.iterdir()] == ["halves.png"]
