import numpy as np
import pytest
import skimage.data
from scipy import ndimage

from napari_dsc.errors import InvalidParameterError
from napari_dsc.labels.regions import connected_regions
from napari_dsc.params import SuperpixelParams
from napari_dsc.superpixels.methods import SUPERPIXEL_METHODS, over_segment_pixels

every_method = pytest.mark.parametrize("method", SUPERPIXEL_METHODS)
PHOTOS = {
    "coffee": skimage.data.coffee()[80:280:2, 120:400:2],
    "blurred": ndimage.gaussian_filter(skimage.data.chelsea()[60:240:2, 80:320:2], (1, 1, 0)),
}


def superpixels_of(pixels, method, n_superpixels):
    params = SuperpixelParams(superpixels=method, n_superpixels=n_superpixels)
    return over_segment_pixels(pixels, params)


def photo_pixels(name):
    return np.moveaxis(PHOTOS[name], -1, 0).astype(np.float32) / 255


def smooth_noise(shape):
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.random(shape), (0, *[1.5] * (len(shape) - 1)))
    smooth -= smooth.min()
    return (smooth / smooth.max()).astype(np.float32)


def check_labels(superpixels, shape):
    assert superpixels.shape == shape
    assert superpixels.dtype == np.int64
    np.testing.assert_array_equal(superpixels, connected_regions(superpixels))


def test_every_choice_of_the_parameter_has_a_method():
    for method in SUPERPIXEL_METHODS:
        assert SuperpixelParams(superpixels=method).superpixels == method
    with pytest.raises(InvalidParameterError, match=", ".join(SUPERPIXEL_METHODS)):
        SuperpixelParams(superpixels="no such method")


@every_method
@pytest.mark.parametrize("n_superpixels", [10, 100])
@pytest.mark.parametrize("photo", PHOTOS)
def test_photos_get_the_number_of_superpixels_asked_for(method, n_superpixels, photo):
    pixels = photo_pixels(photo)
    before = pixels.copy()
    superpixels = superpixels_of(pixels, method, n_superpixels)
    check_labels(superpixels, pixels.shape[1:])
    assert abs(superpixels.max() + 1 - n_superpixels) <= 0.15 * n_superpixels
    np.testing.assert_array_equal(pixels, before)


@every_method
def test_the_same_image_gives_the_same_superpixels(method):
    pixels = photo_pixels("coffee")
    first = superpixels_of(pixels, method, 30)
    np.random.default_rng().random(3)
    np.testing.assert_array_equal(superpixels_of(pixels, method, 30), first)


@every_method
def test_superpixels_follow_colors_better_than_a_grid(method):
    pixels = photo_pixels("coffee")
    rows, columns = np.indices(pixels.shape[1:])
    grid = rows * 10 // 100 * 14 + columns * 14 // 140
    ours = superpixels_of(pixels, method, 140)

    def spread(labels):
        return ndimage.variance(pixels.sum(axis=0), labels, np.unique(labels)).mean()

    assert spread(ours) < 0.8 * spread(grid)


@every_method
def test_two_halves_are_told_apart(method):
    pixels = np.zeros((3, 16, 16), np.float32)
    pixels[:, :, 8:] = 1
    superpixels = superpixels_of(pixels, method, 2)
    halves = np.broadcast_to(np.arange(16) // 8, (16, 16))
    away = np.r_[:7, 9:16]  # egb smooths first, which moves the boundary by a pixel
    np.testing.assert_array_equal(superpixels[:, away], halves[:, away])
    assert superpixels.max() == 1


@every_method
@pytest.mark.parametrize(
    "shape", [(1, 24, 30), (3, 24, 30), (5, 24, 30), (1, 8, 8), (1, 6, 16, 18), (3, 6, 16, 18)]
)
def test_any_channels_and_dimensions_work(method, shape):
    superpixels = superpixels_of(smooth_noise(shape), method, 6)
    check_labels(superpixels, shape[1:])
    assert 5 <= superpixels.max() + 1 <= 6


@pytest.mark.parametrize("method", ["slic", "watershed"])
def test_a_constant_image_is_divided_into_cells(method):
    superpixels = superpixels_of(np.full((3, 20, 20), 0.5, np.float32), method, 16)
    check_labels(superpixels, (20, 20))
    assert 14 <= superpixels.max() + 1 <= 16


@pytest.mark.parametrize("method", ["egb", "mean_shift", "ucm"])
@pytest.mark.parametrize("shape", [(3, 20, 20), (1, 6, 10, 10)])
def test_a_constant_image_stays_one_region_where_colors_alone_divide(method, shape):
    superpixels = superpixels_of(np.full(shape, 0.5, np.float32), method, 16)
    np.testing.assert_array_equal(superpixels, np.zeros(shape[1:]))


@every_method
def test_a_half_flat_image_gets_its_superpixels(method):
    pixels = np.zeros((3, 60, 60), np.float32)
    pixels[:, :30] = smooth_noise((3, 30, 60))
    superpixels = superpixels_of(pixels, method, 20)
    check_labels(superpixels, (60, 60))
    assert 17 <= superpixels.max() + 1 <= 20


@every_method
def test_as_many_superpixels_as_pixels_are_allowed_and_one_more_is_not(method):
    pixels = smooth_noise((1, 8, 8))
    superpixels = superpixels_of(pixels, method, 64)
    check_labels(superpixels, (8, 8))
    assert 2 <= superpixels.max() + 1 <= 64
    with pytest.raises(InvalidParameterError, match=r"n_superpixels=65.*64"):
        superpixels_of(pixels, method, 65)
