"""Pixels without a value have label 0, and change nothing else."""

import base64
import struct

import numpy as np
import pytest
import tifffile
import zarr
from scipy import ndimage

import napari_dsc
from napari_dsc import CutParams, SuperpixelParams
from napari_dsc.files import read_image
from napari_dsc.images import load_image

FEW = {
    "superpixel_params": SuperpixelParams(superpixels="slic", n_superpixels=30),
    "cut_params": CutParams(n_iterations=3, n_partitions=4),
}
EMPTY = np.zeros((40, 64), bool)
EMPTY[:, :9] = True
EMPTY[12:20, 40:50] = True


def scene(dtype=np.float32):
    """Two halves with noise."""
    noise = np.random.default_rng(0).integers(0, 30, EMPTY.shape)
    noise[:, 30:] += 150
    return noise.astype(dtype)


def spoiled(value, dtype=np.float32):
    pixels = scene(dtype)
    pixels[EMPTY] = value
    return pixels


def masked():
    return np.ma.array(spoiled(77), mask=EMPTY)


def write_geotiff(path, value, dtype):
    tag = (42113, "s", 0, str(value), True)
    tifffile.imwrite(path, spoiled(value, dtype), metadata=None, extratags=[tag])
    return path


def write_xarray_zarr(path, value, dtype):
    array = zarr.create_array(path, data=spoiled(value, dtype))
    # xarray encodes floats, since JSON has no NaN
    encoded = base64.b64encode(struct.pack("<d", value)).decode()
    array.attrs["_FillValue"] = value if dtype[0] == "i" else encoded
    return path


@pytest.fixture(params=["NaN", "masked", "GDAL f4", "GDAL u2", "zarr i2", "zarr f8"])
def image(request, tmp_path):
    """The scene without some of its values, in every way they can be missing."""
    return {
        "NaN": lambda: spoiled(np.nan),
        "masked": masked,
        "GDAL f4": lambda: write_geotiff(tmp_path / "a.tif", -9999, "f4"),
        "GDAL u2": lambda: write_geotiff(tmp_path / "a.tif", 65535, "u2"),
        "zarr i2": lambda: write_xarray_zarr(tmp_path / "a.zarr", -1, "i2"),
        "zarr f8": lambda: write_xarray_zarr(tmp_path / "a.zarr", 1e20, "f8"),
    }[request.param]()


def test_missing_values_have_no_part_in_the_stretch(image):
    loaded = load_image(image)
    valid = load_image(np.ma.getdata(scene()[:, 9:]))
    assert loaded.normalization.low == valid.normalization.low
    assert loaded.normalization.high == pytest.approx(valid.normalization.high, rel=0.02)
    np.testing.assert_array_equal(~loaded.valid, EMPTY)
    assert loaded.notes == (
        f"{EMPTY.sum()} of {EMPTY.size} pixels have no value: their label is 0",
    )
    np.testing.assert_allclose(
        loaded.pixels[0][~EMPTY],
        loaded.normalization.apply(scene()[None])[0][~EMPTY],
        atol=1e-6,
    )


def test_missing_pixels_have_label_0_and_others_have_none(image):
    found = napari_dsc.segment(image, **FEW)
    np.testing.assert_array_equal(found.labels == 0, EMPTY)
    np.testing.assert_array_equal(found.superpixels == 0, EMPTY)
    assert 0 not in found.features()["index"]
    assert len(found.parts().colors) == len(found.probabilities)
    assert found.record["n_classes"] == len(np.unique(found.labels)) - 1
    whole = napari_dsc.segment(scene(), **FEW).labels
    for side in (slice(9, 30), slice(30, 64)):
        kept = ~EMPTY[:, side]
        both = [one[:, side][kept] for one in (found.labels, whole)]
        assert len(np.unique(both[0])) <= len(np.unique(both[1])) + 1


def test_values_under_a_mask_change_nothing():
    first, second = masked(), np.ma.array(spoiled(-1e6), mask=EMPTY)
    one, other = (napari_dsc.segment(image, **FEW).labels for image in (first, second))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("method", ["dsc", "tree"])
@pytest.mark.parametrize("axes", ["TYX", "ZYX"])
@pytest.mark.parametrize("series", ["together", "apart"])
def test_missing_pixels_of_each_image_of_a_series_have_label_0(method, axes, series):
    pixels = np.stack([scene(), spoiled(np.nan), scene()[::-1]])
    params = CutParams(n_iterations=2, n_partitions=3, series=series)
    few = FEW | {"cut_params": params}
    found = napari_dsc.segment(pixels, axes=axes, method=method, **few)
    missing = np.stack([EMPTY * False, EMPTY, EMPTY * False])
    np.testing.assert_array_equal(found.labels == 0, missing)
    np.testing.assert_array_equal(found.superpixels == 0, missing)


def test_a_frame_without_any_value_is_label_0():
    pixels = np.stack([scene(), np.full(EMPTY.shape, np.nan, np.float32)])
    found = napari_dsc.segment(pixels, axes="TYX", **FEW)
    assert found.labels[0].min() > 0
    assert found.labels[1].max() == 0


def test_steps_show_label_0_too():
    step = next(napari_dsc.iter_segment(spoiled(np.nan), **FEW))
    np.testing.assert_array_equal(step.labels() == 0, EMPTY)


def test_a_smoothed_image_has_no_value_where_there_was_none():
    found = napari_dsc.segment(spoiled(np.nan), **FEW)
    np.testing.assert_array_equal(np.isnan(found.smoothed), EMPTY)


@pytest.mark.parametrize("result", ["classes", "regions"])
def test_missing_pixels_of_tiles_have_label_0(tmp_path, image, result):
    if not isinstance(image, np.ndarray) or isinstance(image, np.ma.MaskedArray):
        given = image
    else:
        given = np.pad(image, ((0, 24), (0, 40)), mode="symmetric")  # two tiles
    params = CutParams(n_iterations=2, n_partitions=4, result=result)
    superpixels = SuperpixelParams(n_superpixels=130)
    record = napari_dsc.segment_large(
        given, tmp_path / "o.tif", tile=64, superpixel_params=superpixels, cut_params=params
    )
    labels = read_image(tmp_path / "o.tif").pixels
    np.testing.assert_array_equal(labels[:40, :64] == 0, EMPTY)
    numbers = np.unique(labels[labels > 0])
    assert len(numbers) == record["n_classes" if result == "classes" else "n_regions"]
    if result == "regions":
        assert numbers.tolist() == list(range(1, len(numbers) + 1))
        assert all(ndimage.label(labels == number)[1] == 1 for number in numbers)


def test_black_in_one_channel_of_colors_is_a_value(tmp_path):
    pixels = np.random.default_rng(0).integers(1, 255, (16, 16, 3)).astype(np.uint8)
    pixels[3, 3], pixels[5, 5, 0] = 0, 0
    tag = (42113, "s", 0, "0", True)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extratags=[tag])
    valid = load_image(tmp_path / "a.tif").valid
    assert np.argwhere(~valid).tolist() == [[3, 3]]


def test_a_mask_is_an_image():
    mask = scene() > 100
    loaded = load_image(mask)
    np.testing.assert_array_equal(loaded.pixels[0], mask)
    assert napari_dsc.segment(mask, **FEW).labels.shape == mask.shape
