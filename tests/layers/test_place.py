"""Labels lie where their image lies, whatever the order of its axes."""

import itertools

import numpy as np
import pytest
import zarr
from napari.layers import Image

import napari_dsc
from napari_dsc import CutParams, SuperpixelParams
from napari_dsc.layers import geometry_of, physical_place, read_layer

FEW = {
    "superpixel_params": SuperpixelParams(n_superpixels=8),
    "cut_params": CutParams(n_iterations=1, n_partitions=2),
}
SIZES = {"T": 2, "Z": 4, "C": 3, "Y": 16, "X": 12}
SCALE = {"T": 60.0, "Z": 1.75, "C": 1.0, "Y": 0.8, "X": 0.5}


def layer_of(axes, **options):
    pixels = np.random.default_rng(0).integers(0, 900, [SIZES[axis] for axis in axes])
    scale = [SCALE[axis] for axis in axes]
    translate = [10.0 * number for number in range(len(axes))]
    units = ["pixel" if axis in "TC" else "um" for axis in axes]
    return Image(
        pixels.astype(np.uint16), scale=scale, translate=translate, units=units, **options
    )


ORDERS = ["YX", "CYX", "YXC", "YCX", "ZYX", "TYX", "YXZ"]
ORDERS += ["".join(order) + "YX" for order in itertools.permutations("ZC")]
ORDERS += ["TCYX", "CTYX"]


@pytest.mark.parametrize("axes", ORDERS)
def test_a_result_lies_on_its_layer(axes):
    image = layer_of(axes)
    labels = napari_dsc.segment(image, axes=axes, **FEW).to_layer()
    named = axes[1:] if axes[0] == "C" else axes
    assert labels.data.shape == tuple(1 if axis == "C" else SIZES[axis] for axis in named)
    # pixels have the same centers; along channels, one label is amid all of them
    shown = image.extent.world[:, len(axes) - len(named) :]
    is_kept = [axis != "C" for axis in named]
    np.testing.assert_allclose(labels.extent.world[:, is_kept], shown[:, is_kept])
    np.testing.assert_allclose(labels.extent.world.mean(0), shown.mean(0))
    assert [str(unit) for unit in labels.units] == [
        str(unit) for unit in image.units[len(axes) - len(named) :]
    ]


def test_a_rotated_layer_with_channels_amid_its_axes_keeps_its_rotation():
    turn = np.eye(4)
    turn[2:, 2:] = [[0.8, -0.6], [0.6, 0.8]]
    image = layer_of("ZCYX", rotate=turn)
    labels = napari_dsc.segment(image, axes="ZCYX", **FEW).to_layer()
    np.testing.assert_allclose(labels.rotate, turn)
    np.testing.assert_allclose(labels.extent.world.mean(0), image.extent.world.mean(0))


def test_axes_of_length_one_keep_their_place():
    pixels = np.random.default_rng(0).integers(0, 900, (4, 1, 16, 12)).astype(np.uint16)
    image = Image(pixels, scale=(2, 60, 0.8, 0.5), translate=(7, 120, 0, 3))
    labels = napari_dsc.segment(image, axes="ZTYX", **FEW).to_layer()
    assert labels.data.shape == (4, 1, 16, 12)
    np.testing.assert_allclose(labels.translate, image.translate)
    np.testing.assert_allclose(labels.scale, image.scale)


def test_sizes_in_several_units_become_sizes_in_one():
    image = layer_of("ZYX")
    image.units = ("nm", "um", "mm")
    place = physical_place(geometry_of(image), "ZYX", "ZYX")
    assert place == ((1.75e-6, 0.0008, 0.5), "mm", (0, 0.01, 20))
    image.units = ("pixel", "um", "um")
    assert physical_place(geometry_of(image), "ZYX", "ZYX")[:2] == ((0, 0.8, 0.5), "µm")


def test_four_channels_are_colors_with_opacity_in_an_rgb_layer_only():
    pixels = np.random.default_rng(0).random((16, 12, 4)).astype(np.float32)
    assert read_layer(Image(pixels, rgb=True)).has_alpha
    assert not read_layer(Image(pixels, rgb=False), "YXC").has_alpha


def test_a_result_of_ome_zarr_lies_where_the_file_says(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (4, 1, 16, 12)).astype(np.uint8)
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=2)
    group.create_array("0", data=pixels)
    steps = [{"type": "scale", "scale": [2, 1, 0.8, 0.5]}]
    steps += [{"type": "translation", "translation": [1, 0, 30, 40]}]
    axes = [{"name": name, "unit": "micrometer"} for name in "zcyx"]
    dataset = {"path": "0", "coordinateTransformations": steps}
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": [dataset]}]
    found = napari_dsc.segment(tmp_path / "a.zarr", **FEW)
    layer = found.to_layer()
    np.testing.assert_allclose(layer.scale, (2, 0.8, 0.5))
    np.testing.assert_allclose(layer.translate, (1, 30, 40))
    assert {str(unit) for unit in layer.units} == {"micrometer"}
    found.save(tmp_path / "a.tif")
    assert napari_dsc.files.read_image(tmp_path / "a.tif")[2:4] == ((2, 0.8, 0.5), "µm")
    assert napari_dsc.files.read_image(tmp_path / "a.tif").translation == (1, 30, 40)
