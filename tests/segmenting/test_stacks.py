"""The cut of stacks: one segmentation of the volume, from the weights for planes."""

import numpy as np
import pytest
import tifffile

import napari_dsc
from napari_dsc import CutParams, SuperpixelParams
from napari_dsc.cli import main
from napari_dsc.labels.neighbors import region_pairs

FEW = {
    "device": "cpu",
    "superpixel_params": SuperpixelParams(n_superpixels=40),
    "cut_params": CutParams(n_iterations=30),
}


@pytest.fixture(scope="module")
def volume():
    """Four boxes of different intensity with noise, (6, 40, 48) float32."""
    rng = np.random.default_rng(0)
    levels = np.zeros((6, 40, 48))
    levels[:, :, 24:] = 1
    levels[3:] += 0.5
    return (levels + rng.normal(0, 0.05, levels.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def segmented(volume):
    return napari_dsc.segment(volume, axes="ZYX", spacing=(2, 1, 1), **FEW)


def test_a_class_is_the_same_in_every_plane(segmented):
    labels = segmented.labels
    assert labels.shape == (6, 40, 48)
    inner = [labels[:3, 4:-4, 4:20], labels[:3, 4:-4, 28:-4]]
    inner += [labels[3:, 4:-4, 4:20], labels[3:, 4:-4, 28:-4]]
    largest = [np.bincount(box.ravel()).argmax() for box in inner]
    assert len(set(largest)) == 4
    for box, label in zip(inner, largest, strict=True):
        planes = [np.bincount(plane.ravel()).argmax() for plane in box]
        assert planes == [label] * 3


def test_the_record_holds_the_size_of_voxels(segmented):
    assert segmented.record["image"]["spacing"] == [2, 1, 1]
    assert segmented.record["n_superpixels"] == segmented.superpixels.max()
    assert segmented.features()["index"].tolist() == np.unique(segmented.labels).tolist()


@pytest.mark.parametrize("axes", ["XZY", "YXZ"])
def test_permuted_axes_permute_the_labels(volume, segmented, axes):
    order = ["ZYX".index(axis) for axis in axes]
    spacing = tuple((2, 1, 1)[place] for place in order)
    permuted = napari_dsc.segment(volume.transpose(order), axes=axes, spacing=spacing, **FEW)
    np.testing.assert_array_equal(permuted.labels, segmented.labels.transpose(order))


def test_regions_of_a_stack_are_connected_in_space(volume):
    regions = CutParams(n_iterations=30, result="regions")
    found = napari_dsc.segment(volume, axes="ZYX", **FEW | {"cut_params": regions})
    from scipy import ndimage

    for label in np.unique(found.labels):
        assert ndimage.label(found.labels == label)[1] == 1


def test_neighbors_are_near_in_space_not_in_voxels():
    centers = np.arange(4).repeat(2)[:, None, None] * np.ones((8, 2, 2), int)  # along Z
    flat = region_pairs(centers, 1.5, (0.1, 1.0, 1.0))
    tall = region_pairs(centers, 1.5, (10.0, 1.0, 1.0))
    assert flat.shape[1] == 16  # all with all
    assert tall.shape[1] < 16


def test_the_command_line_writes_a_stack_with_its_spacing(volume, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite(
        "stack.tif",
        (volume * 1000 + 500).astype(np.uint16),
        imagej=True,
        resolution=(2, 2),
        metadata={"axes": "ZYX", "spacing": 1.5, "unit": "um"},
    )
    command = "segment stack.tif -o labels.tif --n-superpixels 40 --n-iterations 2"
    assert main([*command.split(), "--device", "cpu", "--overlay", "overlay.png"]) == 0
    with tifffile.TiffFile("labels.tif") as file:
        assert file.series[0].shape == (6, 40, 48)
        assert file.series[0].axes == "ZYX"
    again = napari_dsc.segment("stack.tif", device="cpu")
    assert again.record["image"]["spacing"] == [1.5, 0.5, 0.5]
