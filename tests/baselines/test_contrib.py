import numpy as np
import pytest

from napari_dsc.baselines import classical
from napari_dsc.baselines.classical import has_contrib, lsc_superpixels, seeds_superpixels
from napari_dsc.errors import ComputationError, InvalidParameterError
from napari_dsc.methods import METHODS

BOTH = pytest.mark.parametrize("divide", [lsc_superpixels, seeds_superpixels])
needs_contrib = pytest.mark.skipif(not has_contrib(), reason="opencv-contrib is not installed")


@pytest.fixture
def disk():
    """A bright disk in a dark image of 96 x 128 pixels, (1, Y, X), and its labels."""
    y, x = np.mgrid[:96, :128]
    labels = (np.hypot(y - 48, x - 64) < 30).astype(np.int64)
    noise = np.random.default_rng(0).normal(0, 0.02, labels.shape)
    return (0.2 + 0.6 * labels + noise).clip(0, 1).astype(np.float32)[None], labels


def test_the_two_methods_exist_where_opencv_contrib_does():
    assert ("lsc" in METHODS) == ("seeds" in METHODS) == has_contrib()


@BOTH
def test_without_opencv_contrib_the_error_says_so(divide, disk, monkeypatch):
    monkeypatch.setattr(classical, "has_contrib", lambda: False)
    with pytest.raises(ComputationError, match="opencv-contrib, which is not installed"):
        divide(disk[0], 20)


@BOTH
@pytest.mark.parametrize(("shape", "n"), [((31, 200), 4), ((100, 100), 200)])
def test_sizes_that_are_not_safe_never_reach_opencv(divide, shape, n):
    with pytest.raises(InvalidParameterError, match=f"^n_superpixels={n}: .* at least 8 "):
        divide(np.zeros((3, *shape), np.float32), n)


@needs_contrib
@BOTH
def test_superpixels_keep_to_the_disk(divide, disk):
    image, labels = disk
    superpixels = divide(image, 40)
    assert 20 <= len(np.unique(superpixels)) <= 80
    wrong = sum(
        min(np.bincount(labels[superpixels == j], minlength=2)) for j in np.unique(superpixels)
    )
    assert wrong < 0.03 * labels.size
