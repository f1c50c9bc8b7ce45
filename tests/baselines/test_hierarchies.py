import numpy as np
import pytest
from scipy import ndimage
from skimage.segmentation import felzenszwalb
from sklearn.metrics import adjusted_rand_score

from napari_dsc.baselines.classical import egb_regions, otsu_classes
from napari_dsc.baselines.hierarchies import contour_cuts, counted_cuts, threshold_cuts
from napari_dsc.errors import InvalidImageError
from napari_dsc.hierarchy.region_trees import mean_boundary_tree, mumford_shah_tree


@pytest.fixture
def stripes():
    """Four stripes of 8 x 32 pixels with steps of 0.1, 0.4 and 0.2, and their labels."""
    levels = np.array([0.1, 0.2, 0.6, 0.8])
    labels = np.arange(4).repeat(8)[:, None].repeat(32, 1)
    return levels[labels][None], labels


@pytest.mark.parametrize("make_tree", [mean_boundary_tree, mumford_shah_tree])
def test_weak_steps_go_first(stripes, make_tree):
    image, labels = stripes
    four, three, two, one = map(counted_cuts(make_tree(image), min_size=1), (4, 3, 2, 1))
    for found, expected in (
        (four, labels),
        (three, np.array([0, 0, 1, 2])[labels]),
        (two, np.array([0, 0, 1, 1])[labels]),
        (one, 0 * labels),
    ):
        assert adjusted_rand_score(expected.ravel(), found.ravel()) == 1


def test_specks_below_the_floor_are_merged_first(stripes):
    image, labels = stripes
    image = image.copy()
    image[0, 3, 3] = 1.0
    tree = mumford_shah_tree(image)

    bare, floored = (counted_cuts(tree, floor)(4) for floor in (1, 20))

    assert np.bincount(bare.ravel()).min() == 1
    np.testing.assert_array_equal(floored, labels)


def test_cuts_at_altitudes_lie_between_the_steps(stripes):
    image, _ = stripes
    tree = mean_boundary_tree(image)
    top = tree.altitudes.max()
    cuts = map(threshold_cuts(tree), (top * 0.4, top))
    assert [len(np.unique(cut)) for cut in cuts] == [3, 1]


def contour_map(levels, strengths):
    """Contours of nested label images at double size; a corner is as strong as its sides."""
    height, width = levels[0].shape
    contours = np.zeros((2 * height + 1, 2 * width + 1), np.uint8)
    for labels, strength in zip(levels, strengths, strict=True):
        for y, x in np.argwhere(labels[1:] != labels[:-1]):
            contours[2 * y + 2, 2 * x + 1] = strength
        for y, x in np.argwhere(labels[:, 1:] != labels[:, :-1]):
            contours[2 * y + 1, 2 * x + 2] = strength
    for y, x in np.argwhere(np.ones((height - 1, width - 1))) * 2 + 2:
        sides = contours[y - 1, x], contours[y + 1, x], contours[y, x - 1], contours[y, x + 1]
        contours[y, x] = max(sides)
    for map_ in (contours, contours.T):  # contours go on to the rim
        map_[0], map_[-1] = map_[1], map_[-2]
    return contours


def test_contours_separate_what_the_official_code_separates():
    tree = mean_boundary_tree(np.random.default_rng(0).random((1, 12, 15)))
    levels = list(map(counted_cuts(tree, min_size=1), (10, 6, 4, 2)))
    contours = contour_map(levels, (20, 60, 120, 250))

    counts = []
    for threshold in (0.0, 0.1, 60 / 255, 0.3, 0.5, 0.98, 1.0):
        pieces, n_pieces = ndimage.label(contours <= 255 * threshold, np.ones((3, 3)))
        found = contour_cuts(contours, (12, 15))(threshold)
        counts.append(n_pieces)
        assert adjusted_rand_score(pieces[1::2, 1::2].ravel(), found.ravel()) == 1
    assert counts == [10, 6, 4, 4, 2, 2, 1]


@pytest.mark.parametrize(
    "contours", [np.zeros((0, 0), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((9, 9))]
)
def test_a_contour_map_that_does_not_fit_is_refused(contours):
    with pytest.raises(InvalidImageError, match=r"^contours: .* expected uint8 .*\(9, 9\)"):
        contour_cuts(contours, (4, 4))


def test_otsu_separates_three_levels():
    labels = np.array([[0, 0, 1], [1, 2, 2]])
    noise = np.random.default_rng(0).normal(0, 0.02, (1, 40, 60))
    labels = labels.repeat(20, 0).repeat(20, 1)
    pixels = (np.array([0.1, 0.5, 0.9])[labels] + noise).astype(np.float32)
    np.testing.assert_array_equal(otsu_classes(pixels, 3), labels)
    assert set(np.unique(otsu_classes(pixels, 2))) == {0, 1}


def test_otsu_of_fewer_values_than_classes_gives_each_value_its_class():
    pixels = np.array([[[0.2, 0.9], [0.9, 0.2]]], np.float32)
    assert otsu_classes(pixels, 5).tolist() == [[0, 1], [1, 0]]


def test_egb_is_that_of_scikit_image(two_tone):
    theirs = felzenszwalb(two_tone[0], scale=60, sigma=0.8, min_size=20)
    np.testing.assert_array_equal(egb_regions(two_tone, 60), theirs)
    assert len(np.unique(theirs)) == 2
