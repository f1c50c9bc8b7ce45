import numpy as np
import pytest
import skimage.data

from napari_dsc.hierarchy.construction import make_template
from napari_dsc.labels.regions import connected_regions
from napari_dsc.params import TemplateParams

METHODS = ["mumford_shah", "tree", "mean_boundary"]
every_method = pytest.mark.parametrize("method", METHODS)


@pytest.fixture(scope="module")
def coffee():
    photo = skimage.data.coffee()[100:300:2, 150:390:2]
    return np.moveaxis(photo, -1, 0).astype(np.float32) / 255


def within_variance(pixels, labels):
    sizes = np.bincount(labels.ravel())
    total = 0.0
    for channel in pixels.astype(np.float64):
        means = np.bincount(labels.ravel(), channel.ravel()) / sizes
        total += ((channel - means[labels]) ** 2).mean()
    return total


@every_method
@pytest.mark.parametrize("n_regions", [10, 40])
def test_a_photo_gets_about_the_regions_asked_for(coffee, method, n_regions):
    before = coffee.copy()
    params = TemplateParams(template_method=method, n_template_regions=n_regions)
    template = make_template(coffee, params)
    assert template.shape == coffee.shape[1:]
    assert 0.75 * n_regions <= template.max() + 1 <= n_regions
    np.testing.assert_array_equal(template, connected_regions(template))
    np.testing.assert_array_equal(make_template(coffee, params), template)
    np.testing.assert_array_equal(coffee, before)


@every_method
def test_templates_follow_colors_better_than_a_grid(coffee, method):
    params = TemplateParams(template_method=method, n_template_regions=40)
    template = make_template(coffee, params)
    rows, columns = np.indices(coffee.shape[1:])
    grid = rows * 5 // 100 * 8 + columns * 8 // 120
    assert grid.max() + 1 == 40
    assert within_variance(coffee, template) < 0.5 * within_variance(coffee, grid)


@every_method
def test_the_quarters_of_a_checkerboard_are_its_template(method):
    board = np.kron([[0.1, 0.9], [0.9, 0.1]], np.ones((12, 12))).astype(np.float32)
    params = TemplateParams(template_method=method, n_template_regions=4)
    template = make_template(board[None], params)
    quarters = np.kron([[0, 1], [2, 3]], np.ones((12, 12)))
    assert (template == quarters).mean() > 0.98  # gradients round the crossing


@every_method
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 9), (5, 20, 20), (1, 6, 16, 16)])
def test_templates_work_for_any_channels_and_dimensions(method, shape):
    pixels = np.random.default_rng(0).random(shape).astype(np.float32)
    params = TemplateParams(template_method=method, n_template_regions=5)
    template = make_template(pixels, params)
    assert template.shape == shape[1:]
    assert 2 <= template.max() + 1 <= 6
    np.testing.assert_array_equal(template, connected_regions(template))


@every_method
def test_more_regions_than_pixels_give_what_there_is(method):
    pixels = np.random.default_rng(0).random((1, 8, 8)).astype(np.float32)
    template = make_template(
        pixels, TemplateParams(template_method=method, n_template_regions=500)
    )
    assert 2 <= template.max() + 1 <= 64


@every_method
def test_a_constant_image_stays_one_region(method):
    template = make_template(
        np.full((3, 10, 10), 0.5, np.float32), TemplateParams(template_method=method)
    )
    np.testing.assert_array_equal(template, np.zeros((10, 10)))
