import numpy as np
import pytest
from scipy import ndimage

from napari_dsc.hierarchy import region_trees
from napari_dsc.hierarchy.region_trees import (
    contour_tree,
    gradient_magnitude,
    grid_graph,
    horizontal_cut,
    mean_boundary_tree,
    mumford_shah_tree,
    observation_scale_tree,
    ward_tree,
)
from napari_dsc.labels.regions import connected_regions

BUILDERS = [mean_boundary_tree, mumford_shah_tree, observation_scale_tree]
every_builder = pytest.mark.parametrize("build", BUILDERS)


def natural(shape, seed=0):
    """Smooth random colors with sharp blobs, something like a photograph."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, (0, *[3] * (len(shape) - 1)))
    return smooth / smooth.std() + np.sign(smooth[:1]) + 0.05 * noise


@pytest.fixture
def stripes():
    """Three stripes of clearly different colors, (3, 24, 36)."""
    columns = np.repeat([0, 1, 2], 12)
    colors = np.array([[0.1, 0.5, 0.2], [0.9, 0.4, 0.3], [0.2, 0.1, 0.9]])
    noise = np.random.default_rng(0).normal(0, 0.01, (3, 24, 36))
    return colors.T[:, None, columns] + noise


@pytest.mark.parametrize(("shape", "n_edges"), [((2, 3), 7), ((2, 3, 4), 12 + 16 + 18)])
def test_the_grid_joins_pixels_through_faces_once(shape, n_edges):
    sources, targets = grid_graph(shape).edge_list()[:2]
    assert len(sources) == n_edges
    steps = np.abs(
        np.array(np.unravel_index(sources, shape)) - np.unravel_index(targets, shape)
    )
    assert (steps.sum(axis=0) == 1).all()


def test_the_gradient_of_a_ramp_is_its_slope_times_the_scale():
    ramp = np.broadcast_to(0.5 * np.arange(40.0), (1, 40, 40))
    assert gradient_magnitude(ramp, 2.0)[20, 20] == pytest.approx(1.0, rel=1e-3)


def test_channels_that_change_together_add_up_as_squares():
    ramp = np.arange(40.0) * np.ones((3, 40, 1))
    one, three = gradient_magnitude(ramp[:1], 2.0), gradient_magnitude(ramp, 2.0)
    assert three[20, 20] == pytest.approx(np.sqrt(3) * one[20, 20])


def test_channels_that_change_across_each_other_do_not_add_up():
    ramp = np.broadcast_to(np.arange(40.0), (40, 40))
    crossed = gradient_magnitude(np.stack([ramp, ramp.T]), 2.0)
    assert crossed[20, 20] == pytest.approx(gradient_magnitude(ramp[None], 2.0)[20, 20])


@every_builder
def test_stripes_are_found(build, stripes):
    labels = horizontal_cut(build(stripes), 3)
    assert labels.max() == 2
    inside = np.r_[3:9, 15:21, 27:33]
    np.testing.assert_array_equal(
        labels[:, inside], np.broadcast_to(np.repeat([0, 1, 2], 6), (24, 18))
    )


@every_builder
@pytest.mark.parametrize("shape", [(3, 60, 70), (1, 60, 70), (5, 40, 50), (2, 12, 20, 22)])
def test_cuts_are_connected_numbered_in_order_and_near_the_count(build, shape):
    image = natural(shape)
    before = image.copy()
    for n_regions in (5, 20, 40):
        labels = horizontal_cut(build(image), n_regions)
        assert labels.shape == shape[1:]
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, connected_regions(labels))
        assert 0.5 * n_regions <= labels.max() + 1 <= 1.2 * n_regions
    np.testing.assert_array_equal(image, before)


@every_builder
def test_a_tree_may_be_cut_again_and_again(build):
    tree = build(natural((3, 50, 60)))
    first = horizontal_cut(tree, 30)
    assert horizontal_cut(tree, 4).max() < first.max()
    np.testing.assert_array_equal(horizontal_cut(tree, 30), first)


@every_builder
@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 6, 9, 8)])
def test_a_constant_image_stays_one_region(build, shape):
    np.testing.assert_array_equal(
        horizontal_cut(build(np.full(shape, 0.5)), 10), np.zeros(shape[1:])
    )


def test_specks_below_the_floor_do_not_count_as_regions(stripes):
    stripes[:, 10, 18] = 5.0
    floor = stripes[0].size / (region_trees.FLOOR_FACTOR * 4)
    labels = horizontal_cut(mumford_shah_tree(stripes), 4)
    assert np.bincount(labels.ravel()).min() >= floor > 1


def test_the_observation_scale_is_size_times_evidence():
    # pixels 0 and 1 join at k = 1 * 0.1; with pixel 2: max(2 * (0.6 - 0.1), 1 * 0.6) = 1
    tree = observation_scale_tree(np.array([[[0.0, 0.1, 0.7]]]))
    np.testing.assert_allclose(np.sort(tree.altitudes), [0, 0, 0, 0.1, 1.0])


def test_altitudes_never_fall_towards_the_root():
    image = natural((3, 30, 30))
    blocks = np.arange(900).reshape(30, 30) // 7
    for tree in [build(image) for build in BUILDERS] + [ward_tree(image, blocks)]:
        assert (tree.altitudes[tree.tree.parents()] >= tree.altitudes).all()


def test_ward_merges_the_pair_that_costs_least():
    image = np.array([[[0.0, 0.0, 0.3, 1.0, 1.0, 1.4]]])
    labels = np.array([[0, 0, 1, 2, 2, 3]])
    # 2/3 * 0.3^2 is less than 2/3 * 0.4^2 and than 2/3 * 0.7^2
    np.testing.assert_array_equal(
        horizontal_cut(ward_tree(image, labels), 3), [[0, 0, 0, 1, 1, 2]]
    )
    np.testing.assert_array_equal(
        horizontal_cut(ward_tree(image, labels), 2), [[0, 0, 0, 1, 1, 1]]
    )


def test_ward_counts_are_exact_even_where_colors_are_equal():
    blocks = np.kron(np.arange(36).reshape(6, 6), np.ones((4, 4), int))
    for n_regions in range(9, 37):  # cells of 16 pixels are above the floor
        labels = horizontal_cut(ward_tree(np.zeros((1, 24, 24)), blocks), n_regions)
        assert labels.max() + 1 == n_regions


def test_a_label_in_two_pieces_starts_as_two_regions():
    labels = horizontal_cut(ward_tree(np.zeros((1, 1, 3)), np.array([[4, 2, 4]])), 3)
    np.testing.assert_array_equal(labels, [[0, 1, 2]])


def test_a_contour_map_is_cut_at_its_strongest_lines():
    # a line of strength 9 between columns 1 and 2, of strength 4 between rows 1 and 2
    strength = np.zeros((9, 9), np.uint8)
    strength[4, :] = 4
    strength[:, 4] = 9
    tree = contour_tree(strength)
    halves = np.broadcast_to([0, 0, 1, 1], (4, 4))
    np.testing.assert_array_equal(horizontal_cut(tree, 2), halves)
    np.testing.assert_array_equal(
        horizontal_cut(tree, 4), halves + 2 * np.array([0, 0, 1, 1])[:, None]
    )
