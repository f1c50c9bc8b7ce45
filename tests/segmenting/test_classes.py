"""Segmenting by the class tree, from the image to its classes."""

import numpy as np
import pytest

import napari_dsc
from napari_dsc import ClassParams, Settings, segment
from napari_dsc.evaluation.contingency import contingency_table
from napari_dsc.evaluation.metrics import adjusted_rand_index
from napari_dsc.files import read_image
from napari_dsc.sample_data import sample_path

GRAINS = ("fine", "texture", "regions")


def classes(image, **changes):
    return segment(image, method="classes", device="cpu", **changes)


def agreement(one, other):
    return adjusted_rand_index(contingency_table(one, other))


@pytest.fixture(scope="module")
def tissue():
    return np.ascontiguousarray(read_image(sample_path()).pixels[60:156, 80:208])


@pytest.fixture(scope="module")
def found(tissue):
    return classes(tissue)


@pytest.fixture
def bands():
    """Four bands of gray with a little noise, the first and the last alike."""
    image = np.repeat(np.array([60, 120, 180, 60]), 16).repeat(48).reshape(64, 48).T
    noise = np.random.default_rng(0).integers(0, 6, image.shape)
    return (image + noise).astype(np.uint8)


TRUE_BANDS = np.repeat([0, 1, 2, 0], 16)[None].repeat(48, 0)


@pytest.mark.parametrize("grain", GRAINS)
def test_two_colors_are_two_classes(grain):
    image = np.full((32, 40), 30, np.uint8)
    image[:, 22:] = 220
    result = classes(image, class_params=ClassParams(grain=grain))
    np.testing.assert_array_equal(result.labels, np.where(image > 100, 2, 1))
    assert result.record["n_classes"] == result.record["n_outstanding"] == 2


def test_parts_far_apart_share_a_class(bands):
    labels = classes(bands, class_params=ClassParams(classes=3)).labels
    assert agreement(labels, TRUE_BANDS) > 0.95


def test_every_number_of_classes_follows_without_a_new_run(found):
    before = None
    for n in (2, 3, 5, 9, 20):
        result = found.classes(n)
        assert list(np.unique(result.labels)) == list(range(1, n + 1))
        assert result.probabilities.shape == (len(result.classes_of_superpixels), n)
        assert result.record["n_classes"] == n
        assert len(result.features()["index"]) == n
        if before is not None:  # each class lies in one class of the coarser level
            pairs = np.unique(np.stack([result.labels.ravel(), before.ravel()]), axis=1)
            assert len(pairs.T) == n
        before = result.labels


def test_the_record_of_any_number_repeats_its_labels(tissue, found):
    nine = found.classes(9)
    settings = Settings.from_record(nine.record)
    assert settings.class_params == ClassParams(classes=9)
    again = segment(tissue, settings)
    np.testing.assert_array_equal(again.labels, nine.labels)
    np.testing.assert_array_equal(again.probabilities, nine.probabilities)


def test_regions_of_the_result_are_those_of_the_merge_tree(tissue, found):
    regions = found.regions(7)
    tree = segment(tissue, Settings.from_record(regions.record))
    assert tree.record["method"] == regions.record["method"] == "tree"
    assert regions.record["n_regions"] == tree.record["n_regions"] == 7
    np.testing.assert_array_equal(regions.labels, tree.labels)
    np.testing.assert_array_equal(regions.superpixels, tree.superpixels)


def test_results_of_other_methods_have_no_class_tree(bands):
    tree = segment(bands, method="tree")
    with pytest.raises(napari_dsc.InvalidParameterError, match="no class tree"):
        tree.classes(3)
    assert tree.regions(3).labels.max() == 3


def test_a_finer_type_of_the_same_intensities_gives_the_same_classes(bands):
    wide = classes(bands.astype(np.uint16) * 257)
    np.testing.assert_array_equal(wide.labels, classes(bands).labels)


def test_the_order_of_channels_does_not_matter_to_many_channels(bands):
    rng = np.random.default_rng(0)
    image = np.stack([bands, bands[:, ::-1], 255 - bands]).astype(np.float32)
    image = np.concatenate([image, image[:2] * 0.5 + rng.random((2, *bands.shape)) * 9])
    one, other = (
        classes(image[order], axes="CYX") for order in ([0, 1, 2, 3, 4], [3, 0, 4, 2, 1])
    )
    # the network sees means of every third channel, so agreement is not exact
    assert agreement(one.classes(3).labels, other.classes(3).labels) > 0.9


@pytest.mark.parametrize("flip", [np.s_[::-1], np.s_[:, ::-1]])
def test_a_flipped_image_has_flipped_classes(bands, flip):
    params = ClassParams(classes=3)
    one, other = classes(bands, class_params=params), classes(bands[flip], class_params=params)
    assert agreement(one.labels[flip], other.labels) > 0.95


def test_values_under_a_mask_take_no_part(bands):
    image = bands.astype(np.float32)
    image[10:30, 20:40] = np.nan
    params = ClassParams(classes=3)
    result = classes(image, class_params=params)
    assert (result.labels[10:30, 20:40] == 0).all()
    assert agreement(result.labels[np.isfinite(image)], TRUE_BANDS[np.isfinite(image)]) > 0.9
    # masked arrays keep values under the mask, which must not matter
    other = np.ma.masked_array(np.where(np.isnan(image), 1e4, image), np.isnan(image))
    masked = classes(other, class_params=params)
    np.testing.assert_array_equal(masked.labels, result.labels)


def test_the_grain_texture_tells_textures_of_one_brightness_apart():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:96, :96]
    stripes = np.where(x < 48, np.sin(y * 1.6), np.sin(x * 0.9 + y * 0.9))
    image = (128 + 70 * stripes + rng.normal(0, 4, (96, 96))).clip(0, 255).astype(np.uint8)
    params = ClassParams(classes=2, grain="texture")
    assert agreement(classes(image, class_params=params).labels, x // 48) > 0.6


def test_scribbles_get_the_class_that_they_name(bands):
    scribbles = np.zeros(bands.shape, np.uint8)
    scribbles[20, 5], scribbles[30, 24], scribbles[40, 60] = 3, 1, 2
    result = classes(bands, scribbles=scribbles)
    assert result.record["numbering"] == "scribbles"
    for n in (3, 4, 8):
        labels = result.classes(n).labels
        assert [labels[20, 5], labels[30, 24], labels[40, 60]] == [3, 1, 2]
    with pytest.raises(napari_dsc.InvalidParameterError, match="from 3"):
        result.classes(2)


@pytest.mark.parametrize("grain", GRAINS)
def test_given_superpixels_stay_whole(bands, grain):
    y, x = np.indices(bands.shape)
    given = y // 8 * 8 + x // 8 + 1
    params = ClassParams(classes=3, grain=grain)
    result = classes(bands, superpixels=given, class_params=params)
    assert len(np.unique(np.stack([given.ravel(), result.labels.ravel()]), axis=1).T) == 48


def test_a_stack_has_classes_in_three_dimensions():
    stack = np.zeros((6, 32, 40), np.uint8)
    stack[:, :, 20:], stack[3:, 16:, :12] = 110, 230
    result = classes(stack, axes="ZYX", spacing=(3, 1, 1), class_params=ClassParams(classes=3))
    assert agreement(result.labels, stack) > 0.95


def test_frames_of_a_series_share_their_classes(bands):
    film = np.stack([np.roll(bands, 4 * t, axis=1) for t in range(3)])
    truth = np.stack([np.roll(TRUE_BANDS, 4 * t, axis=1) for t in range(3)])
    result = classes(film, axes="TYX", class_params=ClassParams(classes=3))
    assert result.labels.shape == film.shape
    assert agreement(result.labels, truth) > 0.9
    two = result.classes(2)
    assert list(np.unique(two.labels)) == [1, 2]
    assert two.record["n_images"] == 3


def test_files_share_their_classes_whatever_their_order(bands):
    images = [bands, bands[:, :32], bands[::-1, 16:]]
    truths = [TRUE_BANDS, TRUE_BANDS[:, :32], TRUE_BANDS[:, 16:]]
    params = ClassParams(classes=3)
    found = list(napari_dsc.iter_joint(images, method="classes", class_params=params))
    assert {one.record["numbering"] for one in found} == {"common"}
    joined = [
        np.concatenate([one.ravel() for one in many])
        for many in ([result.labels for result in found], truths)
    ]
    assert agreement(*joined) > 0.9
    turned = list(napari_dsc.iter_joint(images[::-1], method="classes", class_params=params))
    for one, other in zip(found, turned[::-1], strict=True):
        np.testing.assert_array_equal(one.labels, other.labels)


def test_tiles_have_the_classes_of_the_whole(bands, tmp_path):
    large = np.tile(bands, (4, 3))
    truth = np.tile(TRUE_BANDS, (4, 3))
    record = napari_dsc.segment_large(
        large,
        tmp_path / "labels.tif",
        method="classes",
        tile=96,
        class_params=ClassParams(classes=3),
    )
    labels = read_image(tmp_path / "labels.tif").pixels
    assert record["n_classes"] == 3
    assert agreement(labels, truth) > 0.9


def test_noise_is_told_and_never_one_class():
    noise = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    result = classes(noise, class_params=ClassParams(grain="regions"))
    assert result.record["n_outstanding"] == 1
    assert result.record["n_classes"] >= 2
    assert any("no number of classes stands out" in note for note in result.record["notes"])


def test_more_classes_than_there_are_are_told():
    image = np.full((16, 16), 9, np.uint8)
    image[:, 8:] = 99
    result = classes(image, class_params=ClassParams(classes=400))
    assert result.record["n_classes"] < 400
    assert any("no more than" in note for note in result.record["notes"])


@pytest.mark.parametrize("shape", [(8, 8), (8, 90), (5, 16, 16)])
def test_small_images_have_classes(shape):
    image = np.random.default_rng(0).random(shape, np.float32)
    axes = "CYX" if len(shape) == 3 else "YX"
    result = classes(image, axes=axes)
    assert result.labels.max() >= 2
