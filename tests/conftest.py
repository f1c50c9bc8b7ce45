import os
import socket

import imageio.v3 as iio
import numpy as np
import pytest
import torch
from hypothesis import settings
from scipy.io import savemat

# before anything imports napari; an empty name: settings of the user stay as they are
os.environ["NAPARI_CONFIG"] = ""

# time limits on single examples fail on busy machines
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch):
    """No test may reach beyond this machine."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
            "127.0.0.1",
            "localhost",
            "::1",
        ):
            raise AssertionError(f"a test tried to connect to {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(
    params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)], ids=["cpu", "cuda"]
)
def device(request):
    """Every device of this machine that torch can use."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    return torch.device(request.param)


@pytest.fixture
def two_tone():
    """A dark and a bright half with a little noise, (1, 16, 24) in [0, 1].

    ::

        ............############
        ............############
    """
    rng = np.random.default_rng(0)
    image = rng.normal(0.2, 0.02, (1, 16, 24)).astype(np.float32)
    image[:, :, 12:] += 0.6
    return image.clip(0, 1)


@pytest.fixture
def quadrants():
    """Four colored quadrants, (32, 48, 3) uint8, and their labels.

    ::

        000111
        000111
        222333
        222333
    """
    labels = np.zeros((32, 48), np.int64)
    labels[:, 24:] += 1
    labels[16:] += 2
    colors = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200], [220, 220, 60]], np.uint8)
    rng = np.random.default_rng(0)
    noise = rng.integers(-8, 9, (32, 48, 3))
    return (colors[labels] + noise).clip(0, 255).astype(np.uint8), labels


@pytest.fixture
def small_bsds(tmp_path, quadrants):
    """A data set of three images in the folders of BSDS500, with its contour maps.

    The two annotations are the quadrants and the whole image; contours have the strength
    0.2 between left and right, 0.6 between top and bottom.
    """
    pixels, labels = quadrants
    root = tmp_path / "BSDS500"
    for folder in ("data/images/val", "data/groundTruth/val", "ucm2/val"):
        (root / folder).mkdir(parents=True)
    cells = np.empty((1, 2), object)
    for index, one in enumerate((labels + 1, np.ones_like(labels))):
        cells[0, index] = {"Segmentation": one.astype(np.uint16)}
    contours = np.zeros((65, 97))
    contours[:, 48] = 0.2
    contours[32] = 0.6
    for name in ("1001", "2002", "3003"):
        iio.imwrite(root / f"data/images/val/{name}.jpg", pixels)
        savemat(root / f"data/groundTruth/val/{name}.mat", {"groundTruth": cells})
        savemat(root / f"ucm2/val/{name}.mat", {"ucm2": contours})
    return root
