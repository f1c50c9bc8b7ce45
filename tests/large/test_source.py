import json

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image as Pillow

from napari_dsc.errors import InvalidImageError, InvalidParameterError
from napari_dsc.images import array_sha256, load_image
from napari_dsc.large import source as module
from napari_dsc.large.source import open_source
from napari_dsc.params import ImageParams

ROWS, COLUMNS = slice(8, 30), slice(4, 50)


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)


def ome_zarr(path, levels, version):
    """Levels with axes c, y, x and pixels of 0.5 x 0.25 micrometers, as others write them."""
    space = {"type": "space", "unit": "micrometer"}
    axes = [{"name": "c", "type": "channel"}, {"name": "y"} | space, {"name": "x"} | space]
    datasets = [
        {
            "path": f"scale{n}",
            "coordinateTransformations": [
                {"type": "scale", "scale": [1, 0.5 * 2**n, 0.25 * 2**n]}
            ],
        }
        for n in range(len(levels))
    ]
    pyramid = {"multiscales": [{"axes": axes, "datasets": datasets, "version": version}]}
    attributes, zarr_format = ({"ome": pyramid}, 3) if version == "0.5" else (pyramid, 2)
    group = zarr.create_group(path, zarr_format=zarr_format, attributes=attributes)
    for n, level in enumerate(levels):
        group.create_array(f"scale{n}", data=level, chunks=(1, 16, 16))


def test_a_part_of_a_tiled_tiff_is_that_of_the_image(tmp_path, photo):
    path = tmp_path / "photo.tif"
    tifffile.imwrite(
        path, photo, tile=(16, 32), photometric="rgb", resolution=(100, 50), resolutionunit=3
    )
    with open_source(path) as source:
        part = source.read(ROWS, COLUMNS)
        assert (source.axes, source.shape, source.dtype) == ("YXC", (64, 96), np.uint8)
        assert source.spacing == (0.02, 0.01)
        assert source.sha256() == array_sha256(photo)

    np.testing.assert_array_equal(part, photo[ROWS, COLUMNS].transpose(2, 0, 1))


def test_levels_of_a_tiff_are_its_subresolutions(tmp_path, photo):
    path = tmp_path / "pyramid.tif"
    with tifffile.TiffWriter(path) as file:
        options = {"photometric": "rgb", "resolutionunit": 3}
        file.write(photo, subifds=1, resolution=(100, 100), **options)
        file.write(photo[::2, ::2], subfiletype=1, **options)

    with open_source(path, level=1) as source:
        assert source.shape == (32, 48)
        assert source.spacing == (0.02, 0.02)
        np.testing.assert_array_equal(
            source.read(slice(0, 32), slice(0, 48)), photo[::2, ::2].transpose(2, 0, 1)
        )


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_levels_of_ome_zarr_bring_their_axes_and_pixel_size(tmp_path, photo, version):
    channels = photo.transpose(2, 0, 1)
    ome_zarr(tmp_path / "a.zarr", [channels, channels[:, ::2, ::2]], version)

    with open_source(tmp_path / "a.zarr", channels=[2]) as source:
        assert (source.axes, source.spacing, source.unit) == ("CYX", (0.5, 0.25), "µm")
        np.testing.assert_array_equal(source.read(ROWS, COLUMNS), photo[ROWS, COLUMNS, 2][None])
    with open_source(tmp_path / "a.zarr", level=1) as source:
        assert (source.shape, source.spacing) == ((32, 48), (1.0, 0.5))
    with (
        pytest.raises(InvalidParameterError, match="level=2: expected 0 to 1"),
        open_source(tmp_path / "a.zarr", level=2),
    ):
        pass


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_zarr_array_alone_is_an_image(tmp_path, photo, zarr_format):
    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=photo[..., 0], zarr_format=zarr_format)

    with open_source(path) as source:
        np.testing.assert_array_equal(source.read(ROWS, COLUMNS), photo[ROWS, COLUMNS, 0][None])


def test_of_a_dask_array_only_the_part_is_computed(photo):
    computed = []

    def load(block, block_info=None):
        computed.append(block_info[0]["chunk-location"])
        return block

    lazy = da.from_array(photo, chunks=(16, 16, 3)).map_blocks(load, meta=photo[:0])
    with open_source([lazy, lazy[::2, ::2]]) as source:
        part = source.read(slice(0, 16), slice(0, 16))

    np.testing.assert_array_equal(part, photo[:16, :16].transpose(2, 0, 1))
    assert computed == [(0, 0, 0)]


def test_opacity_and_axes_of_length_one_are_left_out(photo):
    opaque = np.concatenate([photo, photo[..., :1]], 2)[None]
    with open_source(opaque, axes="TYXC") as source:
        assert source.read(ROWS, COLUMNS).shape == (3, 22, 46)
        assert source.notes == ("alpha channel dropped",)


def test_intensities_are_stretched_as_those_of_an_image_in_memory(photo):
    gray = photo[..., 0].astype(np.uint16) * 7
    with open_source(gray) as source:
        assert source.normalization(ImageParams(), 0) == load_image(gray).normalization


def test_percentiles_of_a_large_image_are_those_of_windows(monkeypatch):
    monkeypatch.setattr(module, "WINDOW", 16)
    gray = np.random.default_rng(0).normal(5, 1, (512, 512))
    whole = load_image(gray).normalization
    with open_source(gray) as source:
        sampled = source.normalization(ImageParams(), 0)

    assert sampled != whole
    assert sampled.low == pytest.approx(whole.low, abs=0.2)
    assert sampled.high == pytest.approx(whole.high, abs=0.2)


@pytest.mark.parametrize("axes", ["YXC", "CYX"])
def test_the_hash_is_that_of_the_array_however_it_is_read(photo, axes, monkeypatch):
    monkeypatch.setattr(module, "_BAND", 100)
    array = photo if axes == "YXC" else photo.transpose(2, 0, 1)
    with open_source(array, axes=axes) as source:
        assert source.sha256() == array_sha256(array)


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (np.zeros((4, 20, 20), np.uint8), {"axes": "ZYX"}, "must be a single plane"),
        (np.zeros((20, 20), complex), {}, "expected integers or floats"),
        (np.zeros((20, 4), np.uint8), {}, "expected at least 8 x 8"),
        (np.zeros((20, 20), np.uint8), {"spacing": [1.0]}, "expected 2 sizes above 0"),
        (np.zeros((20, 20), np.uint8), {"level": 1}, "level=1: expected 0 to 0"),
    ],
)
def test_what_cannot_be_cut_by_tiles_is_refused(image, options, message):
    with (
        pytest.raises((InvalidImageError, InvalidParameterError), match=message),
        open_source(image, **options),
    ):
        pass


def test_infinite_values_are_refused_where_they_are_read():
    image = np.zeros((64, 64), np.float32)
    image[40, 40] = np.inf
    with open_source(image) as source:
        assert source.read(slice(0, 32), slice(0, 64)).shape == (1, 32, 64)
        with pytest.raises(InvalidImageError, match="rows 32 to 64 hold values that are not"):
            source.read(slice(32, 64), slice(0, 64))


def test_files_of_other_kinds_are_refused(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"no image")
    zarr.create_group(tmp_path / "empty.zarr")
    for name, message in (
        ("a.tif", "cannot be opened as TIFF"),
        ("missing.tif", "cannot be opened as TIFF"),
        ("empty.zarr", "zarr group without an image"),
    ):
        with pytest.raises(InvalidImageError, match=message), open_source(tmp_path / name):
            pass


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("zarr.json", '"node_type"', '"nodes"'),
        ("scale0/zarr.json", '"shape"', '"form"'),
        ("scale0/zarr.json", '"uint8"', '"/dev/zero"'),
        ("scale0/zarr.json", '"zarr_format"', '"zarr"'),
        ("zarr.json", '"scale0"', '"../.."'),
        ("zarr.json", '"scale0"', "5"),
        ("zarr.json", "{", "[" * 100_000),
    ],
)
def test_damaged_metadata_of_a_zarr_store_are_refused_by_name(tmp_path, photo, name, old, new):
    path = tmp_path / "a.ome.zarr"
    ome_zarr(path, [np.moveaxis(photo, -1, 0)], "0.5")
    text = (path / name).read_text()
    assert old in text
    (path / name).write_text(text.replace(old, new))
    with pytest.raises(InvalidImageError, match=r"a\.ome\.zarr: "), open_source(path):
        pass


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((0, 64, 64), r"image: empty, shape \(0, 64, 64\)"),
        ((1, 2**31, 2**31), "2147483648, 2147483648., expected sides of at most"),
        ((1, 2**70, 64), "expected sides of at most"),
    ],
)
def test_absurd_shapes_are_refused(tmp_path, photo, shape, message):
    path = tmp_path / "a.ome.zarr"
    ome_zarr(path, [np.moveaxis(photo, -1, 0)], "0.5")
    name = path / "scale0" / "zarr.json"
    about = json.loads(name.read_text())
    name.write_text(json.dumps(about | {"shape": shape}))
    with pytest.raises(InvalidImageError, match=message), open_source(path):
        pass


def test_damaged_tiles_are_refused_by_their_rows_and_the_others_are_read(tmp_path, photo):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, photo, tile=(32, 32), compression="zlib")
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        place, size = page.dataoffsets[-1], page.databytecounts[-1]
    content = bytearray(path.read_bytes())
    content[place : place + size] = bytes(size)
    path.write_bytes(content)
    with open_source(path) as source:
        source.read(slice(0, 32), slice(0, 96))
        with pytest.raises(InvalidImageError, match="rows 32 to 64 cannot be read"):
            source.read(slice(32, 64), slice(0, 96))
        with pytest.raises(InvalidImageError, match="a part cannot be read"):
            source.sha256()


def test_the_log_of_the_decoder_is_not_shown(tmp_path, photo, caplog, capfd):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, photo, compression="zlib")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InvalidImageError, match=r"a\.tif: "), open_source(path):
        pass
    assert not caplog.text
    assert capfd.readouterr() == ("", "")


def test_a_small_object_in_a_large_image_is_found(monkeypatch):
    monkeypatch.setattr(module, "WINDOW", 16)
    monkeypatch.setattr(module, "_BAND", 2**14)
    gray = np.full((1024, 1024), 7, np.uint16)
    with (
        pytest.raises(InvalidImageError, match="constant, every pixel is 7"),
        open_source(gray) as source,
    ):
        source.normalization(ImageParams(), 0)
    gray[700:702, 333:335] = 900
    with open_source(gray) as source:
        assert source.normalization(ImageParams(), 0) == ("extremes", 7, 900)


def test_a_dask_array_of_unknown_size_is_refused_in_one_sentence():
    rows = da.from_array(np.random.default_rng(0).random((64, 64)), chunks=16)
    unknown = rows[rows.sum(1) > 0]
    with (
        pytest.raises(InvalidImageError, match=r"method compute_chunk_sizes\(\) first"),
        open_source(unknown),
    ):
        pass
    with open_source(unknown.compute_chunk_sizes()) as source:
        assert source.shape == (64, 64)


def test_a_slide_of_aperio_has_its_levels_and_pixel_size(tmp_path, photo):
    path = tmp_path / "slide.svs"
    text = "Aperio Image Library v1\r\n96x64 [0,0 96x64] |AppMag = 20|MPP = 0.5"
    with tifffile.TiffWriter(path) as file:
        options = {"photometric": "rgb", "metadata": None}
        file.write(photo, description=text, tile=(16, 16), **options)
        file.write(photo[::4, ::4], **options)  # thumbnail
        file.write(photo[::2, ::2], tile=(16, 16), **options)
        file.write(photo[:8], subfiletype=1, **options)  # label
    for level, (step, start) in enumerate([(0.5, ()), (1.0, (0.25, 0.25))]):
        with open_source(path, level=level) as source:
            expected = photo[:: 2**level, :: 2**level].transpose(2, 0, 1)
            rows, columns = (slice(0, size) for size in source.shape)
            np.testing.assert_array_equal(source.read(rows, columns), expected)
            assert (source.spacing, source.unit) == ((step, step), "µm")
            assert source.translation == start


def test_a_slide_in_jpeg_and_ycbcr_is_read_as_rgb(tmp_path, photo):
    pytest.importorskip("imagecodecs")
    path = tmp_path / "slide.tif"
    options = {"photometric": "ycbcr", "compression": "jpeg", "tile": (16, 16)}
    tifffile.imwrite(path, photo, metadata=None, **options)
    with open_source(path) as source:
        part = source.read(slice(0, 64), slice(0, 96))
    np.testing.assert_array_equal(part.transpose(1, 2, 0), tifffile.imread(path))


def test_colors_for_print_are_refused_for_tiles_by_name(tmp_path):
    Pillow.new("CMYK", (64, 64), (9, 80, 7, 6)).save(tmp_path / "a.tif")
    with pytest.raises(InvalidImageError, match="colors are not RGB, expected gray or RGB for"):
        open_source(tmp_path / "a.tif").__enter__()
