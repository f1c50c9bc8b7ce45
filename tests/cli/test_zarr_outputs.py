"""Labels of any image go to OME-Zarr, and the output decides nothing about them."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from napari_dsc.cli import main
from napari_dsc.files import read_image

FEW = ["--superpixels", "slic", "--n-superpixels", "20", "--device", "cpu", "--quiet"]
FAST = [*FEW, "--n-iterations", "2"]


@pytest.fixture(autouse=True)
def _stack(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 200, (3, 2, 32, 40)).astype(np.uint8)
    pixels[..., :16, 10:30] += 50
    about = {"axes": "ZCYX", "spacing": 2.0, "unit": "um"}
    tifffile.imwrite("stack.tif", pixels, imagej=True, metadata=about, resolution=(4.0, 4.0))
    tifffile.imwrite("plane.tif", pixels[0, 0])
    np.save("film.npy", pixels[:, 0])


@pytest.mark.parametrize("command", ["segment", "superpixels"])
@pytest.mark.parametrize(
    ("image", "flags", "axes"),
    [
        ("plane.tif", [], "YX"),
        ("film.npy", ["--axes", "TYX"], "TYX"),
        ("film.npy", ["--axes", "ZXY"], "ZXY"),
    ],
)
def test_labels_in_zarr_are_those_in_tiff(command, image, flags, axes):
    few = FAST if command == "segment" else FEW
    for output in ("l.tif", "l.ome.zarr"):
        assert main([command, image, "-o", output, *flags, *few]) == 0
    stored, other = read_image(Path("l.ome.zarr")), tifffile.imread("l.tif")
    assert stored.axes == axes
    np.testing.assert_array_equal(stored.pixels, other)
    if command == "segment":
        assert main([command, image, "-o", "again.tif", "--recipe", "l.ome.zarr"]) == 0
        np.testing.assert_array_equal(tifffile.imread("again.tif"), other)


def test_labels_of_a_stack_lie_on_it():
    assert main(["segment", "stack.tif", "-o", "l.ome.zarr", *FAST]) == 0
    stored = read_image(Path("l.ome.zarr"))
    assert stored.spacing == (2, 0.25, 0.25)
    assert stored.unit == "µm"
    assert main(["segment", "stack.tif", "-o", "l.ome.zarr", *FAST]) == 2
    assert main(["segment", "stack.tif", "-o", "l.ome.zarr", "--overwrite", *FAST]) == 0
    zarr.create_array("l.ome.zarr/mine", data=np.zeros(3))
    assert main(["segment", "stack.tif", "-o", "l.ome.zarr", "--overwrite", *FAST]) == 2
    assert zarr.open_group("l.ome.zarr")["mine"].shape == (3,)


def test_a_size_that_is_unknown_stays_unknown():
    size = {"PhysicalSizeY": 0.25, "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm"}
    about = {"axes": "ZYX", **size, "PhysicalSizeYUnit": "µm"}
    tifffile.imwrite("s.ome.tif", np.load("film.npy"), metadata=about)
    assert read_image(Path("s.ome.tif")).spacing == (0, 0.25, 0.25)
    assert main(["segment", "s.ome.tif", "-o", "l.ome.zarr", *FAST]) == 0
    stored = read_image(Path("l.ome.zarr"))
    assert (stored.spacing, stored.unit) == ((0, 0.25, 0.25), "µm")
    (pyramid,) = zarr.open_group("l.ome.zarr").attrs["ome"]["multiscales"]
    assert [one.get("unit") for one in pyramid["axes"]] == [None, "micrometer", "micrometer"]


def test_a_smoothed_image_is_no_label_image(capsys):
    assert main(["smooth", "plane.tif", "-o", "s.zarr", "--device", "cpu"]) == 2
    assert "unknown suffix '.zarr'" in capsys.readouterr().err
