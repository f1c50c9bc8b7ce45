import numpy as np

from napari_dsc.scoring.pictures import SIDE, overlay


def test_boundaries_on_a_small_image_are_thin_and_its_pixels_large():
    gray, labels = np.full((1, 10, 12), 0.5, np.float32), np.zeros((10, 12), np.int64)
    labels[:, 6:] = 1
    drawn = overlay(gray, labels)
    assert SIDE == 480
    assert drawn.shape == (400, 480, 3)
    yellow = (drawn == [255, 255, 0]).all(axis=-1)
    assert np.flatnonzero(yellow.any(axis=0)).tolist() == [239, 240]


def test_larger_images_keep_their_pixels():
    drawn = overlay(np.zeros((3, 30, 300), np.float32), np.zeros((30, 300), np.int64))
    assert drawn.shape == (30, 300, 3)
