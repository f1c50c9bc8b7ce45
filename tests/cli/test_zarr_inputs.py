"""A zarr that fits into memory is an image like any other."""

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from napari_dsc.batch.inputs import find_images
from napari_dsc.cli import main
from napari_dsc.files import read_image, read_labels

FAST = ["--superpixels", "slic", "--n-superpixels", "12", "--n-iterations", "2"]
FAST += ["--n-partitions", "3"]
SIZES = {"T": 2, "C": 2, "Z": 3, "Y": 24, "X": 32}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def pixels_of(axes):
    """Two halves with noise."""
    shape = [SIZES[axis] for axis in axes]
    bright = np.where(np.arange(SIZES["X"]) < 14, 40, 180)
    place = [-1 if axis == "X" else 1 for axis in axes]
    noise = np.random.default_rng(0).integers(0, 30, shape)
    return (noise + bright.reshape(place)).astype(np.uint16)


def write_ome_zarr(path, axes, version="0.4"):
    scale = {"T": 5, "C": 1, "Z": 2, "Y": 0.8, "X": 0.5}
    steps = [{"type": "scale", "scale": [scale[axis] for axis in axes]}]
    named = [{"name": axis.lower(), "unit": "micrometer" * (axis in "ZYX")} for axis in axes]
    dataset = {"path": "0", "coordinateTransformations": steps}
    pyramid = {"multiscales": [{"axes": named, "datasets": [dataset], "version": version}]}
    zarr_format, attributes = (2, pyramid) if version == "0.4" else (3, {"ome": pyramid})
    group = zarr.create_group(path, zarr_format=zarr_format, attributes=attributes)
    group.create_array("0", data=pixels_of(axes))
    return path


@pytest.mark.parametrize("axes", ["YX", "CYX", "ZYX", "TYX", "ZCYX", "TCZYX", "YXC", "XYZ"])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_of_an_ome_zarr_are_those_of_the_same_tiff(axes, version):
    write_ome_zarr("a.ome.zarr", axes, version)
    tifffile.imwrite("a.tif", pixels_of(axes), metadata={"axes": axes}, photometric=0)
    sizes = ",".join(str({"Z": 2, "Y": 0.8, "X": 0.5}[axis]) for axis in axes if axis in "ZYX")
    told = ["--axes", axes, "--spacing", sizes]  # what the zarr says itself
    assert main(["segment", "a.ome.zarr", "-o", "zarr.tif", *FAST]) == 0
    assert main(["segment", "a.tif", "-o", "tiff.tif", *told, *FAST]) == 0
    first, second = read_image(Path("zarr.tif")), read_image(Path("tiff.tif"))
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert first[1:4] == second[1:4]


@pytest.mark.parametrize("command", ["superpixels", "smooth"])
def test_other_commands_take_a_zarr(command):
    write_ome_zarr("a.zarr", "ZYX")
    flags = FAST[:2] if command == "superpixels" else []
    assert main([command, "a.zarr", "-o", "out.tif", *flags]) == 0
    assert read_image(Path("out.tif")).pixels.shape == (3, 24, 32)


def test_zarrs_of_a_folder_are_a_batch(capsys):
    Path("in").mkdir()
    write_ome_zarr("in/a.ome.zarr", "YX")
    tifffile.imwrite("in/b.tif", pixels_of("YX"))
    assert [path.name for path in find_images(["in"])] == ["a.ome.zarr", "b.tif"]
    assert [path.name for path in find_images(["in/a.ome.zarr"])] == ["a.ome.zarr"]
    assert [path.name for path in find_images(["in/*.zarr"])] == ["a.ome.zarr"]
    assert main(["batch", "in", "-o", "out", "--workers", "1", *FAST]) == 0
    names = sorted(path.name for path in Path("out").glob("*.tif"))
    assert names == ["a.ome_segments.tif", "b_segments.tif"]


def test_images_and_labels_to_evaluate_may_be_zarrs(capsys):
    for folder in ("images", "labels"):
        Path(folder).mkdir()
    write_ome_zarr("images/a.zarr", "YX")
    truth = (pixels_of("YX") > 100).astype(np.uint8) + 1
    zarr.create_array("labels/a.zarr", data=truth)
    np.testing.assert_array_equal(read_labels(Path("labels/a.zarr"), 2), truth)
    command = ["evaluate", "folder", "images", "labels", "-o", "scores", "--method", "slic"]
    assert main([*command, "--scales", "4"]) == 0


def test_a_series_of_bioformats2raw_is_its_first_image(capsys):
    group = zarr.create_group("raw.zarr", zarr_format=2)
    group.attrs["bioformats2raw.layout"] = 3
    write_ome_zarr("raw.zarr/0", "ZYX")
    write_ome_zarr("raw.zarr/1", "YX")
    assert main(["segment", "raw.zarr", "-o", "out.tif", *FAST]) == 0
    assert "only the first of 2 images is used" in capsys.readouterr().err
    assert read_image(Path("out.tif"))[1:4] == ("ZYX", (2, 0.8, 0.5), "µm")


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"plate": {"wells": [{"path": "A/1"}, {"path": "B/2"}]}}, "plate of 2 wells.*A/1/0"),
        ({"well": {"images": [{"path": "3"}]}}, "well of 1 images.*a.zarr/3"),
        ({}, "zarr group without an image.*a.zarr/0"),
    ],
)
def test_a_folder_of_several_images_names_one_to_give(attributes, words, capsys):
    write_ome_zarr("a.zarr", "YX")
    zarr.open_group("a.zarr", mode="a").attrs.put(attributes)
    assert main(["segment", "a.zarr", "-o", "out.tif", *FAST]) == 2
    said = capsys.readouterr().err
    assert len(said.strip().splitlines()) == 1
    assert re.search(words, said)
