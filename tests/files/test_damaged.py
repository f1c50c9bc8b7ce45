"""Damaged and foreign files: one sentence, and nothing from the libraries."""

import json
import logging
import shutil
import warnings
from importlib.util import find_spec

import numpy as np
import pytest
import tifffile
import zarr

from napari_dsc.cli import main
from napari_dsc.errors import DSCError, InvalidImageError
from napari_dsc.files import raw as module
from napari_dsc.files import read_image
from napari_dsc.files.lazy import open_lazily
from napari_dsc.large.source import open_source

PIXELS = np.random.default_rng(0).integers(0, 255, (48, 64)).astype(np.uint16)


@pytest.mark.parametrize(
    ("place", "mark", "name"),
    [
        (128, b"DICM", "DICOM"),
        (0, b"\x89HDF\r\n\x1a\n", "HDF5"),
        (344, b"n+1\0", "NIfTI"),
        (0, b"\xda\xce\xbe\x0a", "Nikon ND2"),
        (0, b"ZISRAWFILE", "Zeiss CZI"),
        (0, b"PK\x03\x04", "ZIP"),
    ],
)
def test_a_format_that_is_not_read_is_named(tmp_path, place, mark, name):
    path = tmp_path / "scan"
    path.write_bytes(bytes(place) + mark + bytes(600))
    with pytest.raises(InvalidImageError, match=f"{name}.* is not supported; save it as OME"):
        read_image(path)


@pytest.mark.skipif(find_spec("imagecodecs") is not None, reason="imagecodecs decodes it")
@pytest.mark.parametrize("compression", [50000, 50001, 34892, 34887, 7])  # zstd, webp, ...
def test_each_compression_of_imagecodecs_says_what_to_install(tmp_path, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, tile=(16, 16))
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages.first.tags["Compression"].overwrite(compression)
    message = "needs the package imagecodecs; run: pip install imagecodecs"
    with pytest.raises(InvalidImageError, match=message):
        read_image(path)
    with open_source(path) as source, pytest.raises(InvalidImageError, match=message):
        source.read(slice(0, 16), slice(0, 16))


def test_a_tiff_that_claims_absurd_tiles_is_refused_before_one_is_read(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, tile=(16, 16))
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages.first.tags["TileWidth"].overwrite(2**23, dtype="I")
    message = "tiles of 16 x 8388608 pixels"
    with pytest.raises(InvalidImageError, match=message):
        read_image(path)
    with pytest.raises(InvalidImageError, match=message), open_source(path):
        pass


def test_one_large_tile_for_a_large_image_is_no_damage(tmp_path):
    pixels = np.zeros((8208, 8208), np.uint8)
    pixels[5:] = 7
    tifffile.imwrite(tmp_path / "a.tif", pixels, tile=(8208, 8208), compression="zlib")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, pixels)


@pytest.mark.parametrize("shape", [(24, 2**31 - 1), (2**25, 64)])
def test_a_zarr_of_absurd_sides_is_refused_at_once(tmp_path, shape):
    zarr.create_array(tmp_path / "a.zarr", shape=shape, chunks=(16, 16), dtype="u1")
    refused = pytest.raises(InvalidImageError, match="sides of at most")
    with refused, open_source(tmp_path / "a.zarr"):
        pass


def damaged_zarr(path, damage):
    """A zarr store of a pyramid with one thing wrong."""
    group = zarr.create_group(path, zarr_format=2)
    group.create_array("0", data=PIXELS, chunks=(16, 16))
    group.create_array("1", data=PIXELS[::2, ::2], chunks=(16, 16))
    datasets = [{"path": name} for name in "01"]
    group.attrs["multiscales"] = [{"axes": ["y", "x"], "datasets": datasets}]
    damage(path)


def edited(name, change):
    def damage(path):
        content = json.loads((path / name).read_text())
        change(content)
        (path / name).write_text(json.dumps(content))

    return damage


def multiscale(change):
    return edited(".zattrs", lambda content: change(content["multiscales"][0]))


DAMAGE = {
    "no level": lambda path: shutil.rmtree(path / "0"),
    "no metadata of a level": lambda path: (path / "0/.zarray").unlink(),
    "metadata cut short": lambda path: (path / "0/.zarray").write_text('{"shape": [48'),
    "metadata empty": lambda path: (path / "0/.zarray").write_text(""),
    "no attributes": lambda path: (path / ".zattrs").unlink(),
    "attributes cut short": lambda path: (path / ".zattrs").write_text('{"multi'),
    "a chunk cut short": lambda path: (path / "0/0.0").write_bytes(
        (path / "0/0.0").read_bytes()[:20]
    ),
    "a chunk of zeros": lambda path: (path / "0/0.0").write_bytes(bytes(300)),
    "no datasets": multiscale(lambda one: one.pop("datasets")),
    "datasets are a text": multiscale(lambda one: one.update(datasets="0")),
    "a dataset outside": multiscale(lambda one: one.update(datasets=[{"path": "../out"}])),
    "a dataset from the root": multiscale(lambda one: one.update(datasets=[{"path": "/etc"}])),
    "a dataset of a number": multiscale(lambda one: one.update(datasets=[{"path": 0}])),
    "a negative shape": edited("0/.zarray", lambda one: one.update(shape=[-4, 64])),
    "an unknown type": edited("0/.zarray", lambda one: one.update(dtype="<q9")),
    "an unknown codec": edited(
        "0/.zarray", lambda one: one.update(compressor={"id": "imagecodecs_jetraw"})
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_zarr_is_refused_in_one_sentence(tmp_path, kind):
    zarr.create_array(tmp_path / "out", data=PIXELS)
    path = tmp_path / "a.zarr"
    damaged_zarr(path, DAMAGE[kind])
    with pytest.raises(InvalidImageError, match=r"a\.zarr") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(path))
    with pytest.raises(DSCError) as caught, open_source(path) as source:
        source.read(slice(0, 16), slice(0, 16))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [9, 300, 1200, 3000])
def test_a_large_tiff_cut_short_is_refused_where_it_is_read(tmp_path, kept, caplog):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, tile=(16, 16), compression="zlib")
    path.write_bytes(path.read_bytes()[:kept])
    with (
        warnings.catch_warnings(record=True) as caught,
        pytest.raises(InvalidImageError),
        open_source(path) as source,
    ):
        source.sha256()
    assert caught == []
    assert caplog.records == []


def test_log_lines_of_tifffile_stay_out_while_tiles_are_read(tmp_path, caplog):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, tile=(16, 16))
    with open_lazily(path, 0):
        logging.getLogger("tifffile").warning("a remark")
    assert caplog.records == []
    logging.getLogger("tifffile").warning("heard again")
    assert caplog.messages == ["heard again"]


def test_of_many_files_only_the_damaged_ones_fail(tmp_path, capsys):
    damaged_zarr(tmp_path / "a.zarr", DAMAGE["a chunk cut short"])
    (tmp_path / "b.tif").write_bytes(b"II*\0" + bytes(40))
    tifffile.imwrite(tmp_path / "c.tif", PIXELS)
    names = [str(tmp_path / name) for name in ("a.zarr", "b.tif", "c.tif")]
    assert main(["smooth", *names, "-o", str(tmp_path / "out")]) == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["c_smoothed.tif"]
    errors = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(errors) == 3  # two files, and how many failed


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_what_does_not_fit_into_memory_is_not_read(tmp_path, name, monkeypatch):
    path = tmp_path / name
    if name == "a.tif":
        tifffile.imwrite(path, PIXELS)
    else:
        zarr.create_array(path, data=PIXELS)
    memory = module.psutil.virtual_memory()
    small = memory._replace(available=PIXELS.nbytes - 1)
    monkeypatch.setattr(module.psutil, "virtual_memory", lambda: small)
    with pytest.raises(DSCError, match=r"its pixels take 0\.0 GiB of memory.*--tile"):
        read_image(path)


def test_a_message_of_damaged_bytes_stays_short_and_printable():
    assert module.reason_of(ValueError("\x1b[31mred\x07\nmore")) == "?[31mred?"
    assert module.reason_of(ValueError("(1, 2, 3, " * 99)) == "ValueError"
    assert module.reason_of(OSError(2, "No such file")) == "No such file"
