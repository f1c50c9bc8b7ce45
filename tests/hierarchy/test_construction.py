"""The merge tree of an image, from its pixels to its cuts."""

import numpy as np
import pytest
from scipy import ndimage

from napari_dsc import (
    ImageParams,
    InvalidImageError,
    InvalidParameterError,
    MergeTree,
    TreeParams,
    merge_tree,
)
from napari_dsc.evaluation.contingency import contingency_table
from napari_dsc.evaluation.metrics import variation_of_information
from napari_dsc.hierarchy import construction
from napari_dsc.hierarchy.construction import grow_tree, merge_superpixels, tree_regions
from napari_dsc.hierarchy.maps import (
    boundary_maps,
    fine_partition,
    local_boundaries,
    perceptual,
)
from napari_dsc.images import load_image
from napari_dsc.labels.regions import connected_regions, relabel_in_order

FIELDS = np.zeros((64, 80), int)  # no two flips of it are alike
FIELDS[:, 50:], FIELDS[40:, :30] = 1, 2
FEW = TreeParams(n_leaves=30, n_agglomerations=3)


def distance(first, second):
    return variation_of_information(contingency_table(first, second))


@pytest.fixture(scope="module")
def natural():
    """Smooth random colors in the three `FIELDS`, (64, 80, 3) in 0 to 1."""
    rng = np.random.default_rng(0)
    colors = np.array([[0.2, 0.3, 0.5], [0.8, 0.5, 0.3], [0.5, 0.7, 0.4]])
    noise = ndimage.gaussian_filter(rng.normal(size=(64, 80, 3)), (2, 2, 0))
    return (colors[FIELDS] + 0.5 * noise).clip(0, 1)


@pytest.fixture(scope="module")
def tree(natural):
    return merge_tree(natural, tree_params=FEW)


def test_quadrants_are_found_at_their_number(quadrants):
    image, labels = quadrants
    tree = merge_tree(image, tree_params=TreeParams(n_leaves=12))
    assert distance(tree.cut(n_regions=4), labels) < 0.05


def test_fields_of_unlike_colors_are_found(tree):
    assert distance(tree.cut(n_regions=3), FIELDS) < 0.3


def test_a_tree_starts_from_about_as_many_superpixels_as_asked_for(tree):
    assert 15 <= tree.n_superpixels <= 30
    np.testing.assert_array_equal(connected_regions(tree.superpixels), tree.superpixels)
    assert tree.superpixels.shape == (64, 80)


def test_regions_are_connected_at_every_level(tree):
    for n in range(1, tree.n_superpixels + 1):
        labels = tree.cut(n_regions=n)
        assert labels.max() == n
        np.testing.assert_array_equal(connected_regions(labels) + 1, labels)


def test_a_seed_gives_its_tree_again_and_another_one_another(natural, tree):
    again = merge_tree(natural, tree_params=FEW)
    np.testing.assert_array_equal(again.parents, tree.parents)
    np.testing.assert_array_equal(again.altitudes, tree.altitudes)
    other = merge_tree(
        natural, tree_params=TreeParams(n_leaves=30, n_agglomerations=3, tree_seed=1)
    )
    assert not np.array_equal(other.altitudes, tree.altitudes)


def test_the_global_random_state_and_the_image_stay_as_they_were(natural):
    before, state = natural.copy(), np.random.get_state()[1].copy()  # noqa: NPY002
    merge_tree(natural, tree_params=FEW)
    np.testing.assert_array_equal(natural, before)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("flip", [np.s_[::-1], np.s_[:, ::-1]])
def test_a_flipped_image_has_flipped_regions(natural, tree, flip):
    flipped = merge_tree(natural[flip], tree_params=FEW)
    assert distance(tree.cut(n_regions=3), flipped.cut(n_regions=3)) > 0.5
    assert distance(tree.cut(n_regions=3), flipped.cut(n_regions=3)[flip]) < 0.1


def test_superpixels_of_other_numbers_make_the_same_regions(natural, tree):
    features = perceptual(load_image(natural).pixels)
    maps = boundary_maps(features, 0)
    numbers = np.random.default_rng(0).permutation(tree.n_superpixels)
    other = merge_superpixels(features, maps, numbers[tree.superpixels], FEW)
    np.testing.assert_allclose(other.altitudes, tree.altitudes, rtol=1e-5)
    for n in (2, 4, 8):
        found = relabel_in_order(other.cut(n_regions=n)) + 1
        np.testing.assert_array_equal(found, tree.cut(n_regions=n))


def test_too_many_superpixels_are_refused_with_the_limit(natural, monkeypatch):
    monkeypatch.setattr(construction, "MOST_SUPERPIXELS", 9)
    superpixels = np.arange(64 * 80).reshape(64, 80) // 512
    features = perceptual(load_image(natural).pixels)
    with pytest.raises(InvalidParameterError, match="got 10, expected at most 9"):
        merge_superpixels(features, boundary_maps(features, 0), superpixels, FEW)


@pytest.fixture(scope="module")
def grain():
    """Random colors in the units of CIELab, smooth over some pixels, (3, 320, 320)."""
    rng = np.random.default_rng(0)
    return ndimage.gaussian_filter(rng.normal(0, 300, (3, 320, 320)), (0, 4, 4))


def test_regions_of_a_part_are_those_of_the_whole(grain):
    part = grain[:, :160]
    whole = tree_regions(grain, 2000)[:150]  # what lies below sees the border of the part
    assert distance(tree_regions(part, 1000, share=0.5)[:150], whole) < 0.3
    few = tree_regions(grain, 800)[:150]
    assert distance(tree_regions(part, 400, share=0.5)[:150], few) < 0.7
    assert distance(tree_regions(part, 400)[:150], few) > 1


def test_tiles_of_700_superpixels_in_all_are_of_one_kind(grain):
    part = grain[:, :80, :64]
    np.testing.assert_array_equal(  # 45 / (45 / 700) is a little above 700
        tree_regions(part, 45, share=45 / 700), tree_regions(part, 45)
    )


def test_regions_too_small_for_the_spectral_step_are_found_without_it(grain):
    local, both = local_boundaries(grain), boundary_maps(grain, 0).strength
    for n, expected in ((1400, both), (1450, local)):  # a ninth of the pixels is 8 x 1422
        np.testing.assert_array_equal(tree_regions(grain, n), fine_partition(expected, n))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_the_type_of_an_image_changes_nothing(natural, tree, kind):
    image = np.round(natural * np.iinfo(kind).max).astype(kind)
    stretched = ImageParams(normalization="percentile")  # as for the floats of the tree
    found = merge_tree(image, image_params=stretched, tree_params=FEW)
    assert distance(found.cut(n_regions=3), tree.cut(n_regions=3)) < 0.1


def test_grey_images_have_trees_too(natural):
    tree = merge_tree(natural[..., 0], tree_params=FEW)
    assert distance(tree.cut(n_regions=3), FIELDS) < 0.3


@pytest.mark.parametrize("shape", [(1, 1, 2), (3, 1, 1), (1, 2, 2), (3, 8, 8), (1, 5, 1)])
@pytest.mark.parametrize("constant", [True, False])
def test_flat_and_tiny_images_have_trees(shape, constant):
    pixels = np.full(shape, 0.5, np.float32)
    if not constant:
        pixels.ravel()[::2] = 0
    tree = grow_tree(pixels, TreeParams(n_leaves=4, n_agglomerations=2))
    assert tree.superpixels.shape == shape[1:]
    np.testing.assert_array_equal(tree.cut(n_regions=1), np.ones(shape[1:]))
    assert np.isfinite(tree.altitudes).all()


def test_a_volume_has_a_tree():
    volume = np.zeros((1, 12, 16, 16), np.float32)
    volume[:, :, 8:] = 0.7
    volume += np.random.default_rng(0).normal(0, 0.02, volume.shape).astype(np.float32)
    labels = grow_tree(volume, TreeParams(n_leaves=10, n_agglomerations=2)).cut(n_regions=2)
    halves = np.broadcast_to(np.arange(16)[:, None] // 8, (12, 16, 16))
    assert distance(labels, halves) < 0.1


def test_the_record_says_what_made_the_tree(tree, natural):
    assert tree.record["parameters"]["tree"]["n_leaves"] == 30
    assert tree.record["image"]["sha256"] == load_image(natural).sha256
    assert "napari-dsc" in tree.record["software"]


def test_a_tree_survives_its_file(tree, tmp_path):
    tree.save(tmp_path / "a.tree.npz")
    again = MergeTree.load(tmp_path / "a.tree.npz")
    np.testing.assert_array_equal(again.cut(threshold=1), tree.cut(threshold=1))
    assert again.record == tree.record


def test_files_are_read(natural, tree, tmp_path):
    np.save(tmp_path / "a.npy", natural)
    again = merge_tree(tmp_path / "a.npy", tree_params=FEW)
    np.testing.assert_array_equal(again.parents, tree.parents)


def test_wrong_arguments_are_refused_by_name(natural):
    with pytest.raises(InvalidParameterError, match="expected TreeParams, got int"):
        merge_tree(natural, tree_params=30)
    with pytest.raises(InvalidParameterError, match="expected ImageParams, got TreeParams"):
        merge_tree(natural, image_params=FEW)
    with pytest.raises(InvalidParameterError, match="axes"):
        merge_tree(natural, axes="ABC")
    with pytest.raises(InvalidImageError, match="all values are NaN"):
        merge_tree(np.full_like(natural, np.nan))
