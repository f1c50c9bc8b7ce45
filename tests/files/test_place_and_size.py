"""Pixel size and position in files, whoever wrote them, and in what is written."""

from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
import zarr

from napari_dsc.errors import OutputError
from napari_dsc.files import read_image, write_image
from napari_dsc.files.lazy import open_lazily
from napari_dsc.files.units import in_one_unit, sizes_in_words, unit_symbol
from napari_dsc.images import load_image
from napari_dsc.large.source import open_source
from napari_dsc.large.writers import Labels, write_labels

ROWS, COLUMNS = 24, 32
STACK = np.arange(5 * ROWS * COLUMNS, dtype=np.uint16).reshape(5, ROWS, COLUMNS)
PLACE = {"spacing": (1.75, 0.8, 0.5), "unit": "µm", "translation": (-3.0, 100.0, 0.25)}


# ---- units and words ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "names"),
    [
        ("µm", "um µm μm micron microns micrometer Micrometers micrometre \\u00B5m"),
        ("nm", "nm nanometer nanometre nanometers"),
        ("mm", "mm millimeter millimetres"),
        ("cm", "cm centimeter"),
        ("m", "m meter metre"),
        ("km", "km kilometer"),
        ("pm", "pm picometer"),
        ("Å", "Å angstrom Angstrom angstroms"),
        ("inch", 'inch in inches "'),
        ("ft", "ft foot"),
        ("", "pixel pixels px dimensionless"),
        ("ly", "ly"),
    ],
)
def test_each_name_of_a_unit_is_understood(symbol, names):
    assert {unit_symbol(name) for name in names.split()} == {symbol}


def test_lengths_become_those_in_one_unit_without_digits_of_rounding():
    lengths = {"Z": (0.0003, "cm"), "Y": (300, "nm"), "X": (0.1, "µm")}
    assert in_one_unit(lengths) == ({"Z": 3.0, "Y": 0.3, "X": 0.1}, "µm")
    assert in_one_unit({"Y": (3, "ly"), "X": (5, "ly")}) == ({"Y": 3, "X": 5}, "ly")
    assert in_one_unit({"Y": ("a", "m"), "X": (None, "m")}) == ({}, "")


@pytest.mark.parametrize(
    ("sizes", "unit", "words"),
    [
        ((6.5e-07, 6.5e-07), "m", "0.65 x 0.65 µm"),
        ((0.14999992500003747,), "µm", "0.15 µm"),
        ((5e-05, 0.0002), "cm", "0.5 x 2 µm"),
        ((0.05, 0.025), "cm", "0.05 x 0.025 cm"),
        ((1750.0, 0, 320.5), "nm", "1750 x ? x 320.5 nm"),
        ((3e-09,), "ly", "3e-09 ly"),
        ((2, 1), "", "2 x 1"),
    ],
)
def test_sizes_are_written_as_people_do(sizes, unit, words):
    assert sizes_in_words(sizes, unit) == words


def test_a_resolution_tag_has_no_more_digits_than_its_fraction(tmp_path):
    path = tmp_path / "a.tif"
    metadata = {"unit": "um", "axes": "ZYX"}
    tifffile.imwrite(
        path, STACK, imagej=True, resolution=(1 / 0.15, 1 / 0.065), metadata=metadata
    )
    assert load_image(path).describe().endswith("pixels of 1 x 0.065 x 0.15 µm")


# ---- what is malformed -------------------------------------------------------------------


def test_a_malformed_distance_of_planes_leaves_the_other_sizes(tmp_path):
    path = tmp_path / "a.tif"
    text = "ImageJ=1.11a\nimages=5\nslices=5\nunit=micron\nspacing=wide\n"
    tifffile.imwrite(path, STACK, description=text, metadata=None, resolution=(2, 4))
    raw = read_image(path)
    assert (raw.axes, raw.spacing, raw.unit) == ("ZYX", (0, 0.25, 0.5), "µm")


def test_a_unit_of_ome_that_is_unknown_leaves_the_other_sizes(tmp_path):
    metadata = {"axes": "ZYX", "PhysicalSizeZ": 3, "PhysicalSizeZUnit": "furlong"}
    metadata |= {"PhysicalSizeY": 500, "PhysicalSizeYUnit": "nm", "PhysicalSizeX": 2}
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, metadata=metadata)
    assert read_image(tmp_path / "a.ome.tif")[1:4] == ("ZYX", (0, 0.5, 2), "µm")


def ome_zarr(path, levels, transforms, units=("micrometer",) * 3):
    """A stack in OME-Zarr 0.4 with the transforms of each level."""
    group = zarr.create_group(path, zarr_format=2)
    for number, level in enumerate(levels):
        group.create_array(str(number), data=level)
    axes = [{"name": a, "type": "space", "unit": u} for a, u in zip("zyx", units, strict=True)]
    datasets = [
        {"path": str(number), "coordinateTransformations": one}
        for number, one in enumerate(transforms)
    ]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]


@pytest.mark.parametrize(
    ("scale", "units", "spacing"),
    [
        ([None, 0.8, 0.5], ("micrometer",) * 3, (0, 0.8, 0.5)),
        (["wide", 0.8, 0.5], ("micrometer",) * 3, (0, 0.8, 0.5)),
        ([-2, 0.8, 0.5], ("micrometer",) * 3, (0, 0.8, 0.5)),
        ([1750, 0.8, 0.5], ("nanometer", "micrometer", "micrometer"), (1.75, 0.8, 0.5)),
        ([1750, 0.8, 0.5], ("", "micrometer", "micrometer"), (0, 0.8, 0.5)),
        ([0.8, 0.5], ("micrometer",) * 3, ()),
    ],
)
def test_a_malformed_size_of_ome_zarr_leaves_the_others(tmp_path, scale, units, spacing):
    ome_zarr(tmp_path / "a.zarr", [STACK], [[{"type": "scale", "scale": scale}]], units)
    raw = read_image(tmp_path / "a.zarr")
    np.testing.assert_array_equal(raw.pixels, STACK)
    assert (raw.axes, raw.spacing) == ("ZYX", spacing)


# ---- position ----------------------------------------------------------------------------


def test_the_position_of_ome_zarr_is_that_of_the_level_read(tmp_path):
    def transforms(step):
        moved = [0, 100 + (step - 1) / 4, 200 + (step - 1) / 4]
        return [
            {"type": "scale", "scale": [2, step / 2, step / 2]},
            {"type": "translation", "translation": moved},
        ]

    levels = [STACK, STACK[:, ::2, ::2]]
    ome_zarr(tmp_path / "a.zarr", levels, [transforms(1), transforms(2)])
    for level, (step, start) in enumerate([(0.5, 0.0), (1.0, 0.25)]):
        with open_lazily(tmp_path / "a.zarr", level) as raw:
            assert raw.spacing == (2, step, step)
            assert raw.translation == (0, 100 + start, 200 + start)


def test_pixels_of_a_coarse_level_of_a_tiff_lie_amid_those_of_the_finest(tmp_path):
    path = tmp_path / "a.ome.tif"
    metadata = {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 2}
    plane = STACK[0]
    with tifffile.TiffWriter(path) as file:
        file.write(plane, subifds=1, tile=(16, 16), metadata=metadata)
        file.write(plane[::2, ::2], subfiletype=1, tile=(16, 16))
    with open_source(path) as source:
        np.testing.assert_array_equal(source.read(slice(0, 24), slice(0, 32))[0], plane)
        assert (source.spacing, source.translation) == ((2, 0.5), ())
    with open_source(path, level=1) as source:
        assert (source.spacing, source.translation) == ((4, 1), (1, 0.25))


@pytest.mark.parametrize("suffix", [".ome.zarr", ".tif", ".ome.tif"])
def test_labels_lie_where_their_image_lies(tmp_path, suffix):
    path = tmp_path / f"labels{suffix}"
    plane = np.arange(2000 * 30, dtype=np.uint32).reshape(2000, 30)
    labels = Labels(
        plane.shape, plane.dtype, lambda: iter(np.split(plane, range(1024, 2000, 1024)))
    )
    place = {"spacing": (0.5, 0.25), "unit": "µm", "translation": (100.0, -7.5)}
    write_labels(path, labels, record={}, **place)
    for level in range(2 if suffix == ".ome.zarr" else 1):
        with open_lazily(path, level) as raw:
            # the first label of each level is the first label of the finest
            assert (raw.translation, raw.unit) == ((100, -7.5), "µm")
            assert raw.spacing == (0.5 * 2**level, 0.25 * 2**level)


# ---- what other software finds -----------------------------------------------------------


def ome_pixels(path):
    with tifffile.TiffFile(path) as file:
        assert file.series[0].kind == "ome"
        root = ElementTree.fromstring(file.ome_metadata)
        return file.series[0].axes, root.find(".//{*}Pixels")


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.ome.tiff"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_other_software_finds_axes_sizes_and_place_of_a_label_stack(tmp_path, name, dtype):
    path = tmp_path / name
    write_image(
        path, STACK.astype(dtype), record={"x": 1}, overwrite=False, axes="ZYX", **PLACE
    )
    axes, pixels = ome_pixels(path)
    assert axes == "ZYX"
    for axis, size in zip("ZYX", PLACE["spacing"], strict=True):
        assert float(pixels.get(f"PhysicalSize{axis}")) == size
        assert pixels.get(f"PhysicalSize{axis}Unit") == "µm"
    planes = pixels.findall("{*}Plane")
    assert [float(one.get("PositionZ")) for one in planes] == [-3, -1.25, 0.5, 2.25, 4]
    assert {float(one.get("PositionY")) for one in planes} == {100}
    raw = read_image(path)
    assert (raw.axes, raw.spacing, raw.unit, raw.translation) == ("ZYX", *PLACE.values())
    np.testing.assert_array_equal(raw.pixels, STACK.astype(dtype))


def test_the_same_labels_are_the_same_bytes(tmp_path):
    for name in ("a.tif", "b.tif"):
        write_image(
            tmp_path / name, STACK, record={"x": 1}, overwrite=False, axes="ZYX", **PLACE
        )
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_axes_that_ome_does_not_have_are_transposed_in_ome_tiff_only(tmp_path):
    turned = np.ascontiguousarray(STACK.transpose(1, 2, 0))
    place = {"spacing": (0.8, 0.5, 1.75), "unit": "µm", "translation": (1.0, 2.0, 3.0)}
    for name, axes in (("a.tif", "YXZ"), ("a.ome.tif", "ZYX")):
        write_image(tmp_path / name, turned, record={}, overwrite=False, axes="YXZ", **place)
        raw = read_image(tmp_path / name)
        found = dict(zip(raw.axes, zip(raw.spacing, raw.translation, strict=True), strict=True))
        assert raw.axes == axes
        assert found == {"Y": (0.8, 1), "X": (0.5, 2), "Z": (1.75, 3)}
    np.testing.assert_array_equal(raw.pixels, STACK)


def test_a_type_that_ome_does_not_have_is_refused_for_ome_tiff(tmp_path):
    wide = STACK.astype(np.int64)
    options = {"record": {}, "spacing": (), "unit": "", "overwrite": False, "axes": "ZYX"}
    with pytest.raises(OutputError, match=r"OME-TIFF does not store values of type int64"):
        write_image(tmp_path / "a.ome.tif", wide, **options)
    write_image(tmp_path / "a.tif", wide, **options)
    raw = read_image(tmp_path / "a.tif")
    assert (raw.axes, raw.pixels.dtype) == ("ZYX", np.int64)


def test_a_size_along_some_axes_only_is_written_so(tmp_path):
    size = {"spacing": (0, 0.8, 0.5), "unit": "nm"}
    write_image(tmp_path / "a.tif", STACK, record={}, overwrite=False, axes="ZYX", **size)
    _, pixels = ome_pixels(tmp_path / "a.tif")
    assert pixels.get("PhysicalSizeZ") is None
    assert read_image(tmp_path / "a.tif")[1:4] == ("ZYX", (0, 0.8, 0.5), "nm")
