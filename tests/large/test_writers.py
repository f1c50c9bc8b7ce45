import json

import numpy as np
import pytest
import tifffile
import zarr

from napari_dsc.errors import OutputError
from napari_dsc.files import read_image
from napari_dsc.files.tiff import read_record
from napari_dsc.large import writers
from napari_dsc.large.source import open_source
from napari_dsc.large.writers import Labels, check_large_output, write_labels

RECORD = {"parameters": {"cut": {"seed": 3}}}


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(writers, "CHUNK", 32)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(1, 900, (100, 75)).astype(np.uint16)


def in_bands(pixels):
    return Labels(
        pixels.shape,
        pixels.dtype,
        lambda: (pixels[top : top + 32] for top in range(0, 100, 32)),
    )


def write(path, pixels):
    write_labels(path, in_bands(pixels), record=RECORD, spacing=(0.5, 0.25), unit="µm")


def test_a_label_pyramid_follows_ome_zarr_0_5(tmp_path, pixels):
    write(tmp_path / "a.ome.zarr", pixels)

    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="r")
    assert group.metadata.zarr_format == 3
    assert group.attrs["napari-dsc"] == RECORD
    ome = group.attrs["ome"]
    assert ome["version"] == "0.5"
    assert "image-label" in ome
    (pyramid,) = ome["multiscales"]
    assert pyramid["axes"] == [
        {"name": name, "type": "space", "unit": "micrometer"} for name in "yx"
    ]
    for n, dataset in enumerate(pyramid["datasets"]):
        level = group[dataset["path"]]
        assert dataset["coordinateTransformations"] == [
            {"type": "scale", "scale": [0.5 * 2**n, 0.25 * 2**n]}
        ]
        assert level.metadata.dimension_names == ("y", "x")
        assert level.chunks == (32, 32)
        np.testing.assert_array_equal(level[:], pixels[:: 2**n, :: 2**n])
    assert n == 2


@pytest.mark.parametrize(
    ("axes", "stored", "scale"),
    [
        ("ZYX", "ZYX", [3, 0.5, 0.25]),
        ("TZYX", "TZYX", [1, 3, 0.5, 0.25]),
        ("TYX", "TYX", [1, 0.5, 0.25]),
        ("YXT", "TYX", [1, 0.5, 0.25]),
        ("XYZ", "XYZ", [0.25, 0.5, 3]),
        ("XY", "XY", [0.25, 0.5]),
    ],
)
def test_labels_of_any_axes_become_a_pyramid_of_planes(tmp_path, axes, stored, scale):
    sizes, spacing = {"T": 2, "Z": 3, "Y": 70, "X": 50}, {"Z": 3, "Y": 0.5, "X": 0.25}
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 900, [sizes[axis] for axis in axes]).astype(np.uint16)
    where = {
        "spacing": [spacing[axis] for axis in axes if axis != "T"],
        "translation": [10 * spacing[axis] for axis in axes if axis != "T"],
        "unit": "µm",
    }

    write_labels(tmp_path / "a.ome.zarr", Labels.of(pixels, axes), record=RECORD, **where)

    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="r")
    (pyramid,) = group.attrs["ome"]["multiscales"]
    assert [one["name"] for one in pyramid["axes"]] == list(stored.lower())
    expected = pixels.transpose([axes.index(axis) for axis in stored])
    for n, dataset in enumerate(pyramid["datasets"]):
        thinned = tuple(slice(None, None, 2**n if axis in "YX" else 1) for axis in stored)
        np.testing.assert_array_equal(group[dataset["path"]][:], expected[thinned])
        factors = [2**n if axis in "YX" else 1 for axis in stored]
        starts = [
            10 * size if axis != "T" else 0 for axis, size in zip(stored, scale, strict=True)
        ]
        assert dataset["coordinateTransformations"] == [
            {
                "type": "scale",
                "scale": [size * by for size, by in zip(scale, factors, strict=True)],
            },
            {"type": "translation", "translation": starts},
        ]
    assert n == 2
    again = read_image(tmp_path / "a.ome.zarr")
    assert again.axes == stored
    np.testing.assert_array_equal(again.pixels, expected)


def test_a_pyramid_is_read_as_it_was_written(tmp_path, pixels):
    write(tmp_path / "a.ome.zarr", pixels)

    with open_source(tmp_path / "a.ome.zarr", level=1) as source:
        assert (source.axes, source.spacing, source.unit) == ("YX", (1.0, 0.5), "µm")
        found = source.read(slice(0, 50), slice(0, 38))[0]
    np.testing.assert_array_equal(found, pixels[::2, ::2])


def test_a_tiff_is_tiled_and_has_the_record(tmp_path, pixels):
    write(tmp_path / "a.tif", pixels)

    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_bigtiff
        assert file.pages.first.tile == (32, 32)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), pixels)
    record = read_record(tmp_path / "a.tif")
    assert record["parameters"] == RECORD["parameters"]
    assert (record["spacing"], record["unit"]) == ([0.5, 0.25], "µm")


@pytest.mark.parametrize("name", ["a.ome.zarr", "a.tif"])
def test_what_was_there_stays_until_the_new_labels_are_complete(tmp_path, pixels, name):
    path = tmp_path / name
    write(path, pixels)

    def breaks():
        yield pixels[:32]
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="cannot be written"):
        write_labels(
            path,
            Labels(pixels.shape, pixels.dtype, breaks),
            record={},
            spacing=(),
            unit="",
        )

    with open_source(path) as source:
        np.testing.assert_array_equal(source.read(slice(0, 100), slice(0, 75))[0], pixels)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]

    write(path, pixels // 2)
    with open_source(path) as source:
        np.testing.assert_array_equal(source.read(slice(0, 100), slice(0, 75))[0], pixels // 2)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_labels_without_pixel_size_have_no_unit(tmp_path, pixels):
    write_labels(tmp_path / "a.zarr", in_bands(pixels), record={}, spacing=(), unit="")

    (pyramid,) = json.loads((tmp_path / "a.zarr" / "zarr.json").read_text())["attributes"][
        "ome"
    ]["multiscales"]
    assert pyramid["axes"][0] == {"name": "y", "type": "space"}
    assert pyramid["datasets"][0]["coordinateTransformations"][0]["scale"] == [1.0, 1.0]


def test_outputs_that_cannot_be_are_refused_before_the_work(tmp_path, pixels):
    write(tmp_path / "a.zarr", pixels)
    (tmp_path / "mine.zarr").mkdir()
    for name, overwrite, message in (
        ("a.zarr", False, "already exists"),
        ("mine.zarr", True, "did not write"),
        ("a.png", True, "unknown suffix '.png'"),
        ("no/a.zarr", True, "its folder does not exist"),
    ):
        with pytest.raises(OutputError, match=message):
            check_large_output(tmp_path / name, overwrite=overwrite)
    check_large_output(tmp_path / "a.zarr", overwrite=True)
    check_large_output(tmp_path / "new.ome.zarr", overwrite=False)


def test_a_run_killed_while_it_replaced_a_store_leaves_nothing_for_the_next(
    tmp_path, pixels, monkeypatch
):
    path, other = tmp_path / "a.zarr", tmp_path / "b.zarr"
    write(path, pixels)
    write(other, pixels)
    with monkeypatch.context() as patch:  # the process ends between two steps of the exchange
        patch.setattr(writers.shutil, "rmtree", lambda *_, **__: None)
        write(path, pixels)
        write(other, pixels)
    assert len(list(tmp_path.glob(".*.old"))) == 2
    write(path, pixels)
    assert len(list(tmp_path.glob(".*.old"))) == 1  # that of the other store
    write(other, pixels)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.zarr", "b.zarr"]
