import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_dsc.evaluation.measures import boundary_pixels, boundary_recall, near

TWO_LABEL_IMAGES = arrays(np.uint8, (2, 5, 6), elements=st.integers(0, 3))


def recall_by_loops(found, annotated, tolerance):
    """Boundary recall, pixel by pixel."""

    def boundary(labels):
        rows, columns = labels.shape
        return {
            (y, x)
            for y in range(rows)
            for x in range(columns)
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))
            if 0 <= y + dy < rows
            and 0 <= x + dx < columns
            and labels[y, x] != labels[y + dy, x + dx]
        }

    wanted, at_hand = boundary(annotated), boundary(found)
    hits = [
        any(max(abs(y - v), abs(x - u)) <= tolerance for v, u in at_hand) for y, x in wanted
    ]
    return sum(hits) / len(hits) if hits else 1.0


@pytest.mark.parametrize("tolerance", [0, 1, 2])
@given(images=TWO_LABEL_IMAGES)
def test_recall_is_that_of_slow_loops(tolerance, images):
    found, annotated = images
    zone = near(boundary_pixels(found), tolerance)
    assert boundary_recall(zone, boundary_pixels(annotated)) == pytest.approx(
        recall_by_loops(found, annotated, tolerance)
    )


def test_a_boundary_is_found_up_to_the_tolerance_and_no_farther():
    found = np.repeat([[1, 2]], [5, 5], axis=1)
    annotated = np.repeat([[1, 2]], [2, 8], axis=1)  # columns 1, 2 against 4, 5
    wanted = boundary_pixels(annotated)
    recalls = [boundary_recall(near(boundary_pixels(found), r), wanted) for r in range(4)]
    assert recalls == [0.0, 0.0, 0.5, 1.0]


def test_an_annotation_of_one_region_has_nothing_to_find():
    nothing = boundary_pixels(np.ones((3, 3), int))
    assert not nothing.any()
    assert boundary_recall(nothing, nothing) == 1.0
